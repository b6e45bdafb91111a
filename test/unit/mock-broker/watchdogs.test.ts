import { expect } from 'chai';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { lockBatchMq } from '../../../lib/protocol/requests/lock-batch-mq.js';
import { pullMessage } from '../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../lib/protocol/requests/query-consumer-offset.js';
import { unlockBatchMq } from '../../../lib/protocol/requests/unlock-batch-mq.js';
import { updateConsumerOffset } from '../../../lib/protocol/requests/update-consumer-offset.js';
import { MockClock, MockCluster, type Violation, WatchdogError } from '../../../mock-broker/index.js';
import { beat, GROUP, MockHarness, pullOf, queueOf, TOPIC } from '../../support/mock-harness.js';
import type { RawClient } from '../../support/raw-client.js';
import { rejection } from '../../support/rejection.js';

describe('watchdogs', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let a: RawClient;
  let b: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual();
    harness = await MockHarness.start({ clock, watchdogs: 'report' });
    a = await harness.connect();
    b = await harness.connect();
    await beat(a, 'a');
    await beat(b, 'b');
  });

  afterEach(() => harness.stop());

  const lock = async (client: RawClient, clientId: string): Promise<number> =>
    (await client.call(lockBatchMq, { consumerGroup: GROUP, clientId, queues: [queueOf(0)] })).lockedQueues.length;
  const unlock = (client: RawClient, clientId: string): Promise<unknown> =>
    client.call(unlockBatchMq, { consumerGroup: GROUP, clientId, queues: [queueOf(0)] });
  const commit = (client: RawClient, commitOffset: number): Promise<unknown> =>
    client.call(updateConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId: 0, commitOffset });
  const pull = (client: RawClient, queueOffset: number): Promise<unknown> =>
    client.call(pullMessage, pullOf({ queueOffset }));
  const produce = (count: number): void => {
    for (let i = 0; i < count; i++) harness.cluster.produce(TOPIC, { queueId: 0, body: String(i) });
  };
  const kinds = (): string[] => harness.cluster.violations.map(({ kind }) => kind);
  const only = (): Violation => {
    expect(harness.cluster.violations).to.have.length(1);
    return harness.cluster.violations[0] as Violation;
  };

  it('find nothing where everything is right', async () => {
    produce(10);
    await lock(a, 'a');
    await pull(a, 0);
    await commit(a, 4);
    await commit(a, 4);
    await commit(a, 10);
    await unlock(a, 'a');
    await lock(b, 'b');
    await b.call(queryConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId: 0 });
    await pull(b, 10);
    await commit(b, 10);
    // A lease that ran out is nobody's.
    clock.advance(61_000);
    await lock(a, 'a');
    expect(kinds()).to.deep.equal([]);
    expect(harness.cluster.violationCounts).to.deep.equal({ twoOwners: 0, pullWithoutLock: 0, commitWithoutLock: 0, commitBack: 0, commitAhead: 0, twoReceivers: 0, ackWithoutHold: 0 }); // prettier-ignore
  });

  it('find two owners of one lock, with the four frames that prove it, and count the pair once', async () => {
    const found: Violation[] = [];
    const stop = harness.cluster.onViolation((violation) => found.push(violation));
    await lock(a, 'a');
    harness.cluster.faults.add({ clientId: 'b', action: { type: 'lock', do: 'grant' } });
    await lock(b, 'b');
    await lock(a, 'a');
    await lock(b, 'b');
    const violation = only();
    expect(violation).to.include({ kind: 'twoOwners', group: GROUP, clientId: 'b', at: clock.now() });
    expect(violation.queue).to.deep.equal(queueOf(0));
    expect(violation.message).to.equal('b was told that it holds the lock, and a counts on it for another 30000 ms');
    expect(violation.entries.map((entry) => [entry.clientId, entry.kind])).to.deep.equal([
      ['a', 'request'],
      ['a', 'response'],
      ['b', 'request'],
      ['b', 'response'],
    ]);
    expect(found).to.deep.equal([violation]);
    stop();
  });

  it('go by what was told, not by what the table says', async () => {
    await lock(a, 'a');
    harness.cluster.brokers[0]?.clearLocks();
    harness.cluster.faults.add({ clientId: 'b', times: 1, action: { type: 'dropReply' } });
    b.send(lockBatchMq.encode({ consumerGroup: GROUP, clientId: 'b', queues: [queueOf(0)] }));
    await lock(a, 'a');
    expect(kinds(), 'b was told nothing').to.deep.equal([]);
    clock.advance(30_000);
    harness.cluster.brokers[0]?.clearLocks();
    await lock(b, 'b');
    expect(kinds(), 'a stopped counting on it').to.deep.equal([]);
  });

  it('believe a client that says in its id how long it counts on a lock', async () => {
    await lock(a, 'a#lease=10000');
    clock.advance(10_000);
    harness.cluster.brokers[0]?.clearLocks();
    await lock(b, 'b');
    expect(kinds()).to.deep.equal([]);
  });

  it('find pulls and commits of a queue whose lock another client holds', async () => {
    produce(1);
    await lock(a, 'a');
    await pull(b, 0);
    await commit(b, 0);
    expect(kinds()).to.deep.equal(['pullWithoutLock', 'commitWithoutLock']);
    expect(harness.cluster.violations[0]?.message).to.equal('b pulls while a holds the lock');
  });

  it('leave alone who consumes without locks, and who is no member', async () => {
    produce(3);
    await pull(a, 0);
    await pull(b, 0);
    await commit(a, 2);
    const tool = await harness.connect();
    await lock(a, 'a');
    await commit(tool, 0);
    expect(kinds()).to.deep.equal([]);
  });

  it('find a commit that goes back', async () => {
    produce(10);
    await pull(a, 0);
    await commit(a, 7);
    await commit(a, 6);
    const violation = only();
    expect(violation).to.include({ kind: 'commitBack', message: 'a commits 6 after 7 was committed' });
    expect(violation.entries.map((entry) => entry.ext['commitOffset'])).to.deep.equal(['7', '6']);
  });

  /** A minute in which `a` stays alive. */
  const minute = async (): Promise<void> => {
    clock.advance(61_000);
    await beat(a, 'a');
  };

  it('allow what an operator, a fault or the broker itself sent back', async () => {
    produce(10);
    await pull(a, 0);
    await commit(a, 7);
    harness.cluster.setOffset(GROUP, queueOf(0), 3);
    await commit(a, 3);
    await minute();
    await commit(a, 9);
    harness.cluster.faults.add({ times: 1, action: { type: 'offset', do: 'rollBack', by: 5 } });
    await commit(a, 9);
    await commit(a, 5);
    await minute();
    await commit(a, 9);
    harness.cluster.expireMessages(queueOf(0), 10);
    harness.cluster.deleteTopic(TOPIC);
    harness.cluster.createTopic(TOPIC, { queues: 4 });
    produce(1);
    await pull(a, 9);
    await minute();
    await commit(a, 1);
    expect(kinds()).to.deep.equal([]);
  });

  it('find a commit past everything the group was given', async () => {
    produce(10);
    await a.call(pullMessage, pullOf({ maxMsgNums: 4 }));
    await commit(a, 4);
    await commit(a, 5);
    expect(only()).to.include({
      kind: 'commitAhead',
      message: 'a commits 5, and the group was given only what is before 4',
    });
  });

  it('let a client begin where it was told the queue ends', async () => {
    produce(10);
    await a.request({ code: RequestCode.GET_MAX_OFFSET, extFields: { topic: TOPIC, queueId: '0' } });
    await commit(a, 10);
    expect(kinds()).to.deep.equal([]);
    await commit(b, 10);
    await commit(b, 11);
    expect(kinds()).to.deep.equal(['commitAhead']);
  });

  it('make stop() fail when they are to throw, after everything is closed, and once', async () => {
    const cluster = await MockCluster.start({ watchdogs: 'throw', topics: { [TOPIC]: { queues: 4 } } });
    const client = await harness.connectTo(cluster.brokers[0]?.address ?? '');
    await lock(client, 'a');
    cluster.brokers[0]?.clearLocks();
    await lock(client, 'b');
    const error = await rejection(cluster.stop(), WatchdogError);
    expect(error.code).to.equal('ERR_ROCKETMQ_MOCK_VIOLATION');
    expect(error.violations).to.deep.equal(cluster.violations);
    expect(error.message).to.match(/found 1 violations: twoOwners of billing in .*\(#0, #1, #2, #3\)$/);
    await client.closed;
    await cluster.stop();
  });

  it('look away when they are off, or there is no journal', async () => {
    for (const options of [{ watchdogs: false } as const, { journalLimit: 0 }]) {
      const cluster = await MockCluster.start({ ...options, topics: { [TOPIC]: { queues: 4 } } });
      const client = await harness.connectTo(cluster.brokers[0]?.address ?? '');
      await lock(client, 'a');
      cluster.brokers[0]?.clearLocks();
      await lock(client, 'b');
      expect([cluster.violations, cluster.violationCounts]).to.deep.equal([[], undefined]);
      expect(cluster.journal.lastSeq).to.equal(options.journalLimit === 0 ? -1 : 3);
      await cluster.stop();
    }
  });
});
