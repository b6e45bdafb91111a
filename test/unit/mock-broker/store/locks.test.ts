import { expect } from 'chai';
import fc from 'fast-check';
import { describeQueue } from '../../../../lib/protocol/message-queue.js';
import { MockClock } from '../../../../mock-broker/index.js';
import { LockTable } from '../../../../mock-broker/store/locks.js';
import { queueOf } from '../../../support/mock-harness.js';

const EXPIRY = 60_000;

describe('LockTable', () => {
  let clock: MockClock;
  let locks: LockTable;

  beforeEach(() => {
    clock = MockClock.manual(1_000_000);
    locks = new LockTable(() => clock.now(), EXPIRY);
  });

  it('grants what is free and refuses what another holds, in one request', () => {
    expect(locks.lock('g', [queueOf(0), queueOf(1)], 'a')).to.deep.equal([queueOf(0), queueOf(1)]);
    expect(locks.lock('g', [queueOf(1), queueOf(2)], 'b')).to.deep.equal([queueOf(2)]);
  });

  it('keeps groups, brokers and topics apart', () => {
    locks.lock('g', [queueOf(0)], 'a');
    const others = [queueOf(0, 'broker-b'), queueOf(0, 'broker-a', 'Other')];
    expect(locks.lock('g', others, 'b')).to.deep.equal(others);
    expect(locks.lock('h', [queueOf(0)], 'b')).to.deep.equal([queueOf(0)]);
  });

  it('can be taken over after more than its expiry, not at it', () => {
    locks.lock('g', [queueOf(0)], 'a');
    clock.advance(EXPIRY);
    expect(locks.isHeld('g')).to.equal(true);
    expect(locks.lock('g', [queueOf(0)], 'b')).to.deep.equal([]);
    clock.advance(1);
    expect(locks.isHeld('g')).to.equal(false);
    expect(locks.lock('g', [queueOf(0)], 'b')).to.deep.equal([queueOf(0)]);
    expect(locks.list('g')).to.deep.equal([{ queue: queueOf(0), clientId: 'b', lastUpdateMs: clock.now() }]);
  });

  it('is renewed by locking again', () => {
    locks.lock('g', [queueOf(0)], 'a');
    clock.advance(EXPIRY);
    locks.lock('g', [queueOf(0)], 'a');
    clock.advance(EXPIRY);
    expect(locks.lock('g', [queueOf(0)], 'b')).to.deep.equal([]);
  });

  it('is given up by its owner only, expired or not', () => {
    locks.lock('g', [queueOf(0)], 'a');
    locks.unlock('g', [queueOf(0)], 'b');
    locks.unlock('h', [queueOf(0)], 'a');
    expect(locks.list('g')).to.have.length(1);
    clock.advance(EXPIRY + 1);
    locks.unlock('g', [queueOf(0)], 'a');
    expect(locks.list('g')).to.have.length(0);
  });

  it('can be stolen, made to expire, and cleared', () => {
    locks.lock('g', [queueOf(0)], 'a');
    locks.steal('g', queueOf(0), 'thief');
    expect(locks.lock('g', [queueOf(0)], 'a')).to.deep.equal([]);
    locks.expireAll();
    expect(locks.lock('g', [queueOf(0)], 'a')).to.deep.equal([queueOf(0)]);
    locks.clear();
    expect(locks.list('g')).to.deep.equal([]);
  });

  /** The rules once more, as plainly as can be: who holds a queue, and since when. */
  type Model = Map<string, { owner: string; at: number }>;

  const queueIds = fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 });
  const client = fc.constantFrom('a', 'b', 'c');
  const action = fc.oneof(
    fc.record({ kind: fc.constant('lock' as const), client, queueIds }),
    fc.record({ kind: fc.constant('unlock' as const), client, queueIds }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 45_000 }) }),
  );

  it('follows the model through any history', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (history) => {
        clock = MockClock.manual(0);
        locks = new LockTable(() => clock.now(), EXPIRY);
        const model: Model = new Map();
        for (const step of history) {
          if (step.kind === 'wait') {
            clock.advance(step.ms);
            continue;
          }
          const queues = step.queueIds.map((queueId) => queueOf(queueId));
          if (step.kind === 'unlock') {
            locks.unlock('g', queues, step.client);
            for (const queue of queues) {
              if (model.get(describeQueue(queue))?.owner === step.client) model.delete(describeQueue(queue));
            }
          } else {
            const expected = queues.filter((queue) => {
              const held = model.get(describeQueue(queue));
              return held === undefined || held.owner === step.client || clock.now() - held.at > EXPIRY;
            });
            expect(locks.lock('g', queues, step.client)).to.deep.equal(expected);
            for (const queue of expected) model.set(describeQueue(queue), { owner: step.client, at: clock.now() });
          }
        }
        expect(new Map(locks.list('g').map((lock) => [describeQueue(lock.queue), lock.clientId]))).to.deep.equal(
          new Map([...model].map(([key, { owner }]) => [key, owner])),
        );
      }),
    );
  });
});
