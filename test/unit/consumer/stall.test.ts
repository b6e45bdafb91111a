import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { describeQueues } from '../../../lib/consumer/consumer-status.js';
import { STALL_AFTER, stallOf, StallWatch, type StallCode } from '../../../lib/consumer/stall.js';
import { storedMessage } from '../../support/stored-message.js';

const LEASE = 30_000;
const NOW = 1_000_000;

function queueThat(change: (queue: AssignedQueue) => void = () => undefined): AssignedQueue {
  const messageQueue = { topic: 'T', brokerName: 'a', queueId: 3 };
  const queue = new AssignedQueue(messageQueue, messageQueue, false);
  queue.since = NOW - 40_000;
  queue.state = 'owned';
  queue.locked = true;
  queue.lockedAt = NOW - 10_000;
  queue.lastPullAt = NOW - 5_000;
  queue.nextOffset = 7;
  change(queue);
  return queue;
}

/** What keeps a queue, the code it goes by, and since when it does. */
const STALLS: readonly [what: string, change: (queue: AssignedQueue) => void, StallCode, forMs: number, RegExp][] = [
  [
    'its lock is refused',
    (queue) => Object.assign(queue, { state: 'locking', locked: false, refusals: 4 }),
    'LOCK_REFUSED',
    40_000,
    /a has refused its lock 4 times/,
  ],
  [
    'lock requests fail',
    (queue) => Object.assign(queue, { state: 'locking', locked: false, refusals: 4, lockError: new Error('no route') }),
    'LOCK_UNANSWERED',
    40_000,
    /no route/,
  ],
  [
    'where to begin is not known',
    (queue) => Object.assign(queue, { state: 'locking' }),
    'START_OFFSET_UNKNOWN',
    40_000,
    /where to begin/,
  ],
  [
    'its lease has run out',
    (queue) => Object.assign(queue, { lockedAt: NOW - LEASE - 700 }),
    'LEASE_LOST',
    700,
    /could not be renewed/,
  ],
  [
    'it is to be given up while its listener runs',
    (queue) => Object.assign(queue, { state: 'draining', busy: true, lastConsumeAt: NOW - 50_000 }),
    'GIVING_BACK',
    40_000,
    /running for 50 s/,
  ],
  ['it is suspended', (queue) => Object.assign(queue, { suspended: true }), 'SUSPENDED', 5_000, /suspended/],
  [
    'its listener runs',
    (queue) => Object.assign(queue, { busy: true, lastConsumeAt: NOW - 90_000 }),
    'LISTENER_RUNNING',
    90_000,
    /running for 90 s/,
  ],
  [
    'the listener fails on the same message',
    (queue) => {
      queue.buffer.put([storedMessage({ queueOffset: 6 })]);
      Object.assign(queue, { runner: 'resting', blockedAt: { offset: 6, since: NOW - 12_000 } });
    },
    'RETRYING',
    12_000,
    /offset 6 for 12 s/,
  ],
  [
    'its buffer is full of what is not committed',
    (queue) => {
      queue.buffer.put([storedMessage({ queueOffset: 6 })]);
      queue.buffer.take(1);
      Object.assign(queue, { waitsForRoom: true });
    },
    'FLOW_CONTROL',
    5_000,
    /1 messages that are not committed/,
  ],
  [
    'pulls fail',
    (queue) => Object.assign(queue, { pullFailing: { since: NOW - 33_000, error: new Error('ECONNREFUSED') } }),
    'PULL_FAILING',
    33_000,
    /ECONNREFUSED/,
  ],
  [
    'it is not pulled',
    (queue) => Object.assign(queue, { since: NOW - 99_000, lastPullAt: NOW - 61_000 }),
    'NOT_PULLED',
    61_000,
    /for 61 s/,
  ],
];

describe('what keeps a queue from moving', () => {
  for (const [what, change, code, forMs, words] of STALLS) {
    it(`${what}: ${code}`, () => {
      const stall = stallOf(queueThat(change), NOW, LEASE, false);
      expect(stall).to.include({ code, forMs });
      expect(stall?.reason).to.match(words);
    });
  }

  it('is nothing when it waits for new messages, or has just been asked for', () => {
    expect(stallOf(queueThat(), NOW, LEASE, false)).to.equal(undefined);
    const asked = queueThat((queue) => Object.assign(queue, { state: 'locking', locked: false }));
    expect(stallOf(asked, NOW, LEASE, false)).to.equal(undefined);
  });

  it('is nothing while the listener is given time between two different messages', () => {
    const queue = queueThat((resting) => {
      resting.buffer.put([storedMessage({ queueOffset: 8 })]);
      Object.assign(resting, { runner: 'resting', blockedAt: { offset: 6, since: 0 } });
    });
    expect(stallOf(queue, NOW, LEASE, false)).to.equal(undefined);
  });

  it('is that the consumer is suspended, whatever else', () => {
    expect(stallOf(queueThat(), NOW, LEASE, true)).to.include({ code: 'SUSPENDED' });
  });
});

describe('StallWatch', () => {
  function setUp() {
    const told: string[] = [];
    const watch = new StallWatch({
      stalled: ({ queueId }, { code }) => told.push(`${queueId} ${code}`),
      moving: ({ queueId }) => told.push(`${queueId} moves`),
    });
    const check = (queue: AssignedQueue, now: number): void => watch.check([queue], now, 1e9, false);
    return { told, watch, check };
  }

  it('tells of a stall after 30 s, once, and of its end', () => {
    const { told, check } = setUp();
    const queue = queueThat((stuck) => Object.assign(stuck, { busy: true, lastConsumeAt: NOW }));
    check(queue, NOW + STALL_AFTER - 1);
    expect(told).to.deep.equal([]);
    check(queue, NOW + STALL_AFTER);
    check(queue, NOW + STALL_AFTER + 5_000);
    expect(told).to.deep.equal(['3 LISTENER_RUNNING']);
    queue.busy = false;
    queue.lastPullAt = NOW + STALL_AFTER;
    check(queue, NOW + STALL_AFTER + 10_000);
    check(queue, NOW + STALL_AFTER + 15_000);
    expect(told).to.deep.equal(['3 LISTENER_RUNNING', '3 moves']);
  });

  it('tells again when the reason changes', () => {
    const { told, check } = setUp();
    const queue = queueThat((stuck) => Object.assign(stuck, { busy: true, lastConsumeAt: NOW - STALL_AFTER }));
    check(queue, NOW);
    Object.assign(queue, { busy: false, pullFailing: { since: NOW - STALL_AFTER, error: new Error('x') } });
    check(queue, NOW);
    expect(told).to.deep.equal(['3 LISTENER_RUNNING', '3 PULL_FAILING']);
  });

  it('forgets a queue that has left, and tells of it anew when it is back', () => {
    const { told, watch, check } = setUp();
    const queue = queueThat((stuck) => Object.assign(stuck, { busy: true, lastConsumeAt: NOW - STALL_AFTER }));
    check(queue, NOW);
    watch.check([], NOW, 1e9, false);
    check(queue, NOW);
    expect(told).to.deep.equal(['3 LISTENER_RUNNING', '3 LISTENER_RUNNING']);
  });
});

describe('the status of queues', () => {
  it('adds up what is held, and is plain data', () => {
    const owned = queueThat((queue) => queue.buffer.put([storedMessage({ queueOffset: 7, body: Buffer.alloc(10) })]));
    const refused = queueThat((queue) => Object.assign(queue, { state: 'locking', locked: false, refusals: 2 }));
    const status = describeQueues([owned, refused], () => 5, NOW, LEASE, false);
    expect(JSON.parse(JSON.stringify(status))).to.deep.equal({
      ownedQueues: 1,
      buffered: 1,
      bufferedBytes: 10,
      queues: [
        {
          messageQueue: { topic: 'T', brokerName: 'a', queueId: 3 },
          state: 'owned',
          owned: true,
          leaseMs: 20_000,
          lockRefusals: 0,
          committedOffset: 5,
          nextOffset: 7,
          buffered: 1,
          bufferedBytes: 10,
        },
        {
          messageQueue: { topic: 'T', brokerName: 'a', queueId: 3 },
          state: 'locking',
          owned: false,
          lockRefusals: 2,
          committedOffset: 5,
          nextOffset: 7,
          buffered: 0,
          bufferedBytes: 0,
          stall: {
            code: 'LOCK_REFUSED',
            reason: 'a has refused its lock 2 times: another member holds it',
            forMs: 40_000,
          },
        },
      ],
    });
  });
});
