import { expect } from 'chai';
import type { MessageQueue } from '../../../../lib/protocol/message-queue.js';
import { lockBatchMq } from '../../../../lib/protocol/requests/lock-batch-mq.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { unlockBatchMq } from '../../../../lib/protocol/requests/unlock-batch-mq.js';
import { MockClock } from '../../../../mock-broker/index.js';
import { GROUP, MockHarness, pullOf, queueOf } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('LOCK_BATCH_MQ and UNLOCK_BATCH_MQ', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual();
    harness = await MockHarness.start({ clock });
    client = await harness.connect();
  });

  afterEach(() => harness.stop());

  const lock = async (clientId: string, ...queueIds: number[]): Promise<readonly MessageQueue[]> => {
    const queues = queueIds.map((queueId) => queueOf(queueId));
    return (await client.call(lockBatchMq, { consumerGroup: GROUP, clientId, queues })).lockedQueues;
  };

  it('grant a part of what is asked for', async () => {
    expect(await lock('a', 0, 1)).to.have.length(2);
    expect(await lock('b', 1, 2)).to.deep.equal([queueOf(2)]);
    expect(harness.cluster.locks(GROUP)).to.deep.equal([
      { queue: queueOf(0), clientId: 'a', lastUpdateMs: clock.now() },
      { queue: queueOf(1), clientId: 'a', lastUpdateMs: clock.now() },
      { queue: queueOf(2), clientId: 'b', lastUpdateMs: clock.now() },
    ]);
  });

  it('go by the client id in the request, not by the connection', async () => {
    await lock('a', 0);
    const other = await harness.connect();
    await other.call(unlockBatchMq, { consumerGroup: GROUP, clientId: 'a', queues: [queueOf(0)] });
    expect(await lock('b', 0)).to.have.length(1);
  });

  it('can be one-way', async () => {
    await lock('a', 0);
    client.send(unlockBatchMq.encode({ consumerGroup: GROUP, clientId: 'a', queues: [queueOf(0)] }), { oneway: true });
    expect(await lock('b', 0)).to.have.length(1);
  });

  it('expire 60 s after the last request of their owner', async () => {
    await lock('a', 0);
    clock.advance(40_000);
    await lock('a', 0);
    clock.advance(60_000);
    expect(await lock('b', 0)).to.have.length(0);
    clock.advance(1);
    expect(await lock('b', 0)).to.have.length(1);
  });

  it('outlive their connection, and keep nobody from pulling', async () => {
    await lock('a', 0);
    await client.close();
    client = await harness.connect();
    expect(await lock('b', 0)).to.have.length(0);
    expect((await client.ask(pullMessage, pullOf())).code).to.equal(19);
  });

  it('are lost when the broker restarts, and only then', async () => {
    harness.provokes('twoOwners');
    await lock('a', 0);
    await harness.cluster.brokers[0]?.restart();
    client = await harness.connect();
    expect(await lock('b', 0)).to.have.length(1);
  });

  it('can be stolen, expired and cleared by a test', async () => {
    harness.provokes('twoOwners');
    const [broker] = harness.cluster.brokers;
    await lock('a', 0);
    broker?.stealLock(GROUP, queueOf(0), 'thief');
    expect(await lock('a', 0)).to.have.length(0);
    broker?.expireLocks();
    expect(await lock('a', 0)).to.have.length(1);
    broker?.clearLocks();
    expect(await lock('b', 0)).to.have.length(1);
  });

  it('answer a broken body with an error', async () => {
    expect((await client.request({ code: 41, body: Buffer.from('{"consumerGroup":') })).code).to.equal(1);
    expect((await client.request({ code: 42 })).code).to.equal(1);
    expect(await lock('a', 0)).to.have.length(1);
  });
});
