import { expect } from 'chai';
import { AssignedQueue, type QueueState } from '../../../lib/consumer/assigned-queue.js';
import { QueueTable, type QueueTransition } from '../../../lib/consumer/queue-table.js';
import { QueueLostError, StateError } from '../../../lib/errors.js';
import { FakeClock, turns } from '../../support/fake-clock.js';
import { storedMessage } from '../../support/stored-message.js';

function setUp() {
  const clock = new FakeClock();
  const told: QueueTransition[] = [];
  const table = new QueueTable(clock, (transition) => told.push(transition));
  const queue = (queueId = 0): AssignedQueue => {
    const messageQueue = { topic: 'T', brokerName: 'a', queueId };
    return new AssignedQueue(messageQueue, messageQueue, false, table.heldBehind(`T\0a\0${queueId}`));
  };
  /** A queue in this state, with two messages in its buffer when it is owned. */
  const inState = (state: QueueState): AssignedQueue => {
    const one = queue();
    if (state === 'absent') return one;
    table.add(one);
    if (state === 'locking') return one;
    one.locked = true;
    table.own(one, 10);
    one.buffer.put([storedMessage({ queueOffset: 10 }), storedMessage({ queueOffset: 11 })]);
    if (state === 'draining') table.drain(one, 'test');
    return one;
  };
  const path = (): string => told.map(({ from, to }) => `${from}-${to}`).join(' ');
  return { clock, table, told, path, queue, inState };
}

describe('QueueTable', () => {
  const moves = {
    add: (table: QueueTable, queue: AssignedQueue) => table.add(queue),
    own: (table: QueueTable, queue: AssignedQueue) => table.own(queue, 5),
    drain: (table: QueueTable, queue: AssignedQueue) => table.drain(queue, 'why'),
    lose: (table: QueueTable, queue: AssignedQueue) => table.lose(queue, 'why'),
    drop: (table: QueueTable, queue: AssignedQueue) => table.drop(queue, 'why'),
    restart: (table: QueueTable, queue: AssignedQueue) => table.restart(queue, 5, 'why'),
  } as const;
  /** What each move makes of a queue in each state; what is missing is refused. */
  const allowed: Record<keyof typeof moves, Partial<Record<QueueState, QueueState>>> = {
    add: { absent: 'locking' },
    own: { locking: 'owned' },
    drain: { owned: 'draining' },
    lose: { owned: 'locking' },
    drop: { locking: 'absent', draining: 'absent' },
    restart: { owned: 'owned' },
  };
  for (const [name, move] of Object.entries(moves) as [keyof typeof moves, (typeof moves)[keyof typeof moves]][]) {
    for (const from of ['absent', 'locking', 'owned', 'draining'] as const) {
      const to = allowed[name][from];
      it(`${name} of a queue that is ${from} ${to === undefined ? 'is refused' : `makes it ${to}`}`, () => {
        const { table, inState, told } = setUp();
        const queue = inState(from);
        const before = told.length;
        if (to === undefined) {
          expect(() => move(table, queue)).to.throw(StateError);
          expect([queue.state, told.length]).to.deep.equal([from === 'absent' ? 'locking' : from, before]);
          return;
        }
        move(table, queue);
        expect(queue.state).to.equal(to);
        expect(table.get(queue.messageQueue) === queue).to.equal(to !== 'absent');
        expect(told.slice(before).map(({ from: a, to: b }) => [a, b])).to.deep.equal(from === to ? [] : [[from, to]]);
      });
    }
  }

  it('knows its queues, and which of them are in a state', () => {
    const { table, inState, queue } = setUp();
    const owned = inState('owned');
    const other = queue(1);
    table.add(other);
    expect(table.size).to.equal(2);
    expect(table.all()).to.deep.equal([owned, other]);
    expect(table.inState('owned')).to.deep.equal([owned]);
    expect(table.has(other.key)).to.equal(true);
    expect(() => table.add(queue(1)), 'another of the same name').to.throw(StateError);
    expect(() => table.drop(queue(1), 'why'), 'one that only has the same name').to.throw(StateError);
  });

  it('wakes who sleeps on the queue at each move', async () => {
    const { table, inState, clock } = setUp();
    const queue = inState('locking');
    const woken: string[] = [];
    const sleep = (name: string): Promise<unknown> => queue.changed.wait(clock).then(() => woken.push(name));
    void sleep('own');
    table.own(queue, 0);
    void sleep('restart');
    table.restart(queue, 4, 'test');
    void sleep('lose');
    table.lose(queue, 'test');
    void sleep('drop');
    table.drop(queue, 'test');
    await turns();
    expect(woken).to.deep.equal(['own', 'restart', 'lose', 'drop']);
  });

  it('draining tells the listener, whose answer still counts', () => {
    const { table, inState } = setUp();
    const queue = inState('owned');
    const { signal, generation } = queue;
    table.drain(queue, 'it moved');
    expect(signal.aborted).to.equal(true);
    expect(signal.reason).to.be.instanceOf(QueueLostError);
    expect((signal.reason as QueueLostError).message)
      .to.contain('T@a#0')
      .and.to.contain('it moved');
    expect(queue.generation).to.equal(generation);
    expect(queue.buffer.count).to.equal(2);
  });

  for (const move of ['lose', 'restart', 'drop'] as const) {
    it(`${move} voids what was buffered and handed out, and forgets a planned slice`, () => {
      const { table, inState, clock } = setUp();
      const queue = inState(move === 'drop' ? 'draining' : 'owned');
      const { signal, generation } = queue;
      queue.runner = 'resting';
      queue.restTimer = clock.setTimeout(() => undefined, 1_000);
      queue.unverified = true;
      moves[move](table, queue);
      expect(queue.generation).to.equal(generation + 1);
      expect(signal.aborted).to.equal(true);
      expect(queue.buffer.count).to.equal(0);
      expect([queue.runner, clock.timerCount, queue.unverified]).to.deep.equal(['idle', 0, false]);
      if (move === 'drop') expect(queue.locked).to.equal(false);
      if (move === 'lose') expect(queue.nextOffset).to.equal(-1);
      if (move === 'restart') expect([queue.nextOffset, queue.buffer.put([storedMessage({ queueOffset: 4 })])]).to.deep.equal([5, 0]); // prettier-ignore
    });
  }

  it('hands the local lock of a queue on to its next life while a call of the former one is running', async () => {
    const { table, inState, queue } = setUp();
    const former = inState('draining');
    let end: () => void = () => undefined;
    const order: string[] = [];
    void former.localLock.run(() => new Promise<void>((resolve) => (end = resolve)).then(() => order.push('former')));
    await turns();
    table.drop(former, 'test');
    const next = queue();
    expect(next.localLock).to.equal(former.localLock);
    void next.localLock.run(() => order.push('next'));
    await turns();
    expect(order).to.deep.equal([]);
    end();
    await turns();
    expect(order).to.deep.equal(['former', 'next']);
    expect(table.heldBehind(former.key), 'nothing is kept longer than that').to.equal(undefined);
    expect(queue().localLock).to.not.equal(former.localLock);
  });

  it('keeps nothing of a queue that left while nothing was running', () => {
    const { table, inState, path } = setUp();
    const queue = inState('draining');
    table.drop(queue, 'test');
    expect(table.heldBehind(queue.key)).to.equal(undefined);
    expect(path()).to.equal('absent-locking locking-owned owned-draining draining-absent');
  });
});
