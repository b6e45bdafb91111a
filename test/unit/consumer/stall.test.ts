import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { describeQueues } from '../../../lib/consumer/consumer-status.js';
import { describeHealth } from '../../../lib/consumer/consumer-health.js';
import { BrokerError, ConnectionError, RouteError, TimeoutError } from '../../../lib/errors.js';
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
    'its broker has no master',
    (queue) =>
      Object.assign(queue, {
        state: 'locking',
        locked: false,
        lockError: new RouteError('ERR_ROCKETMQ_NO_BROKER', 'broker a has no master'),
      }),
    'BROKER_UNREACHABLE',
    40_000,
    /has no master/,
  ],
  [
    'its broker can not be connected to',
    (queue) =>
      Object.assign(queue, {
        pullFailing: {
          since: NOW - 31_000,
          error: new ConnectionError('ERR_ROCKETMQ_CONNECT_FAILED', 'h:1', 'refused'),
        },
      }),
    'BROKER_UNREACHABLE',
    31_000,
    /refused/,
  ],
  [
    'no connection is made in time',
    (queue) =>
      Object.assign(queue, { pullFailing: { since: NOW - 9, error: new TimeoutError('late', { phase: 'connect' }) } }),
    'BROKER_UNREACHABLE',
    9,
    /late/,
  ],
  [
    'its broker does not answer',
    (queue) =>
      Object.assign(queue, { pullFailing: { since: NOW - 9, error: new TimeoutError('late', { phase: 'answer' }) } }),
    'PULL_FAILING',
    9,
    /late/,
  ],
  [
    'the broker wants it to pull less',
    (queue) =>
      Object.assign(queue, {
        pullFailing: { since: NOW - 44_000, error: new BrokerError('slowly', 215, undefined, true) },
      }),
    'FLOW_CONTROL',
    44_000,
    /slowly/,
  ],
  [
    'its lock is held again, and what happened meanwhile is not known',
    (queue) => Object.assign(queue, { unverified: true, unverifiedSince: NOW - 35_000, lockedAt: NOW - 1_000 }),
    'START_OFFSET_UNKNOWN',
    35_000,
    /is held again/,
  ],
  [
    'no call of the listener is free for it',
    (queue) => Object.assign(queue, { waitsForPlace: { since: NOW - 32_000, behindItself: false } }),
    'LISTENERS_BUSY',
    32_000,
    /consumeConcurrency/,
  ],
  [
    'its listener still runs from before it was lost',
    (queue) => Object.assign(queue, { waitsForPlace: { since: NOW - 32_000, behindItself: true } }),
    'LISTENERS_BUSY',
    32_000,
    /from before it was lost/,
  ],
  [
    'it is to be given up while its listener runs from before it was lost',
    (queue) => {
      void queue.localLock.run(() => new Promise(() => undefined));
      queue.state = 'draining';
    },
    'GIVING_BACK',
    40_000,
    /from before it was lost/,
  ],
  [
    'giving it back fails',
    (queue) => Object.assign(queue, { state: 'draining', unlockAttempts: 3 }),
    'GIVING_BACK',
    40_000,
    /has failed 3 times/,
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

  it('is the failing message while it is tried once more, and the listener when that does not end', () => {
    const queue = queueThat((again) => {
      again.buffer.put([storedMessage({ queueOffset: 6, reconsumeTimes: 4 })]);
      again.buffer.take(1);
      Object.assign(again, { busy: true, lastConsumeAt: NOW - 2_000, blockedAt: { offset: 6, since: NOW - 50_000 } });
    });
    expect(stallOf(queue, NOW, LEASE, false)).to.include({ code: 'RETRYING', forMs: 50_000 });
    queue.lastConsumeAt = NOW - STALL_AFTER;
    expect(stallOf(queue, NOW, LEASE, false)).to.include({ code: 'LISTENER_RUNNING', forMs: STALL_AFTER });
  });

  it('is not a message that failed once and waits for its commit', () => {
    const queue = queueThat((later) => {
      later.buffer.put([storedMessage({ queueOffset: 6, reconsumeTimes: 1 }), storedMessage({ queueOffset: 7 })]);
      later.buffer.take(2);
      Object.assign(later, { busy: true, lastConsumeAt: NOW - 2, blockedAt: { offset: 6, since: NOW - 50_000 } });
    });
    expect(stallOf(queue, NOW, LEASE, false)).to.include({ code: 'LISTENER_RUNNING', forMs: 2 });
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

  it('takes another reason that has only begun for no sign of life', () => {
    const { told, check } = setUp();
    const queue = queueThat((lost) => Object.assign(lost, { busy: true, lastConsumeAt: NOW - STALL_AFTER }));
    check(queue, NOW);
    Object.assign(queue, { busy: false, state: 'locking', locked: false, refusals: 1, since: NOW });
    check(queue, NOW + 5_000);
    expect(told).to.deep.equal(['3 LISTENER_RUNNING']);
    check(queue, NOW + STALL_AFTER);
    expect(told).to.deep.equal(['3 LISTENER_RUNNING', '3 LOCK_REFUSED']);
  });

  it('takes the next call of the listener for one', () => {
    const { told, check } = setUp();
    const queue = queueThat((stuck) => Object.assign(stuck, { busy: true, lastConsumeAt: NOW - STALL_AFTER }));
    check(queue, NOW);
    queue.lastConsumeAt = NOW + 1;
    check(queue, NOW + 5_000);
    expect(told).to.deep.equal(['3 LISTENER_RUNNING', '3 moves']);
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

describe('health', () => {
  const healthOf = (queue: AssignedQueue, suspended = false): readonly string[] =>
    describeHealth([queue], NOW, LEASE, suspended).reasons;

  it('minds what is wrong with brokers and locks, once a pull has failed for a while', () => {
    const failing = (since: number): AssignedQueue =>
      queueThat((queue) => Object.assign(queue, { pullFailing: { since, error: new Error('ECONNREFUSED') } }));
    expect(healthOf(failing(NOW - STALL_AFTER + 1))).to.deep.equal([]);
    expect(healthOf(failing(NOW - STALL_AFTER))).to.deep.equal(['T@a#3: pulling fails: ECONNREFUSED']);
    const refused = queueThat((queue) => Object.assign(queue, { state: 'locking', locked: false, refusals: 4 }));
    expect(healthOf(refused)).to.deep.equal(['T@a#3 waits for its lock, refused 4 times']);
    const lost = queueThat((queue) => Object.assign(queue, { lockedAt: NOW - LEASE - 1 }));
    expect(healthOf(lost)).to.deep.equal(['T@a#3 could not renew its lock']);
    const forgotten = queueThat((queue) => Object.assign(queue, { since: 0, lastPullAt: NOW - 61_000 }));
    expect(healthOf(forgotten)).to.deep.equal(['T@a#3: it has not been pulled for 61 s']);
  });

  it('does not mind what the user wanted or the listener does', () => {
    const long = NOW - 10 * STALL_AFTER;
    expect(
      healthOf(
        queueThat((queue) => Object.assign(queue, { lastPullAt: long })),
        true,
      ),
    ).to.deep.equal([]);
    for (const state of [
      { suspended: true, lastPullAt: long },
      { busy: true, lastConsumeAt: long },
      { waitsForPlace: { since: long, behindItself: false } },
      { state: 'draining' },
    ]) {
      expect(healthOf(queueThat((queue) => Object.assign(queue, state))), JSON.stringify(state)).to.deep.equal([]);
    }
  });
});

describe('the status of queues', () => {
  it('looks at each of 1,000 queues once, and copies none', () => {
    const queues = Array.from({ length: 1_000 }, (_, queueId) => {
      const messageQueue = { topic: 'T', brokerName: 'a', queueId };
      const queue = new AssignedQueue(messageQueue, messageQueue, false);
      return Object.assign(queue, { state: 'owned', locked: true, lockedAt: NOW, lastPullAt: NOW });
    });
    const read: number[] = [];
    const committed = ({ queueId }: { queueId: number }): number => read.push(queueId);
    const status = describeQueues(queues, committed, NOW, LEASE, false);
    expect(status.ownedQueues).to.equal(1_000);
    expect(read).to.deep.equal(queues.map(({ messageQueue }) => messageQueue.queueId));
    expect(status.queues.every(({ messageQueue }, i) => messageQueue === queues[i]?.exposedQueue)).to.equal(true);
  });

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
