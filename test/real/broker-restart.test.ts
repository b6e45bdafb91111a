import { expect } from 'chai';
import { Producer, type MessageQueue } from '../../lib/index.js';
import { getConsumerRunningInfo } from '../../lib/protocol/requests/get-consumer-running-info.js';
import { startRealCluster, type RealBroker, type RealCluster } from '../support/real-cluster.js';
import { numbered, type RealConsumer } from '../support/real-consumer.js';
import { RealRig } from '../support/real-rig.js';
import { isRocketMQVersion, type RocketMQVersion } from '../support/rocketmq-java.js';
import { until } from '../support/until.js';

const START_TIMEOUT_MS = 120_000;
const QUEUES = 2;

function versionUnderTest(): RocketMQVersion {
  const version = process.env['ROCKETMQ_VERSION'] ?? '5.5.0';
  if (!isRocketMQVersion(version)) throw new Error(`no version: ${version}`);
  return version;
}

/** Servers that go and come back under a consumer that runs: it goes on by itself, in order, and nothing is lost. */
describe('servers that restart', () => {
  let cluster: RealCluster;
  let broker: RealBroker;
  let rig: RealRig;
  let topic: string;
  let group: string;
  let member: RealConsumer;
  let producer: Producer;

  before(async function () {
    this.timeout(START_TIMEOUT_MS);
    cluster = await startRealCluster({ version: versionUnderTest() });
    [broker] = cluster.brokers as [RealBroker];
  });

  after(() => cluster?.stop());

  beforeEach(async () => {
    rig = new RealRig(cluster);
    // So much time that nothing is sent twice: what is stored at an offset would have another text.
    producer = new Producer({ namesrvAddr: cluster.namesrvAddr, sendMsgTimeout: 30_000, retryTimesWhenSendFailed: 0 });
    await producer.start();
    topic = await rig.topic(QUEUES);
    group = rig.group();
    member = await rig.consume(topic, group, { persistConsumerOffsetInterval: 200 });
    await member.untilOwned(QUEUES, topic);
  });

  afterEach(async () => {
    await rig.stop();
    await producer.close();
  });

  async function sendToAll(from: number, count: number): Promise<void> {
    const queues = Array.from({ length: QUEUES }, (_, queueId) => rig.queue(topic, queueId));
    const sendTo = (queue: MessageQueue): Promise<unknown>[] =>
      numbered(count, from).map((body) => producer.send({ topic, body }, { queue }));
    await Promise.all(queues.flatMap(sendTo));
  }

  /** Resolves when each queue was consumed to this offset. */
  function untilConsumed(offset: number): Promise<void> {
    const reached = (queueId: number): boolean =>
      member.deliveries.some((seen) => seen.queueId === queueId && seen.offset === offset - 1);
    return member.until(`offset ${offset} of each queue`, () => reached(0) && reached(1), 60_000);
  }

  /** Each queue's first deliveries are its offsets one by one; what was repeated goes on from where it had begun. */
  function expectOrder(count: number): void {
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      const ofQueue = member.deliveries.filter((seen) => seen.queueId === queueId);
      let next = 0;
      let previous = -1;
      for (const { offset, text } of ofQueue) {
        expect(text, `what is at ${offset}`).to.equal(String(offset));
        expect(offset, `after ${previous}, of queue ${queueId}`).to.be.at.most(Math.min(previous + 1, next));
        previous = offset;
        next = Math.max(next, offset + 1);
      }
      expect(next, `of queue ${queueId}`).to.equal(count);
    }
  }

  /** The locks are the member's at the broker that was started at this time, and the offsets arrive there. */
  async function expectAtHome(count: number, startedAt: number): Promise<void> {
    const queues = [rig.queue(topic, 0), rig.queue(topic, 1)];
    // With its lease still valid it may have consumed everything before it had the locks again.
    await until('it has locked anew', async () => {
      const request = { consumerGroup: group, clientId: member.clientId, jstackEnable: false };
      const infos = (await rig.ask(getConsumerRunningInfo, request)).queues.filter(
        ({ queue }) => queue.topic === topic,
      );
      return infos.every(({ info }) => info.locked && info.lastLockTimestamp > startedAt) || undefined;
    });
    expect(await rig.lockAs('somebody-else', group, queues), 'free locks').to.deep.equal([]);
    expect(await rig.lockAs(member.clientId, group, queues), 'its own locks').to.deep.equal([0, 1]);
    for (const queue of queues) await rig.untilCommitted(group, queue, count);
    expect(member.consumer.health()).to.deep.equal({ healthy: true, reasons: [] });
  }

  for (const [how, end] of [
    ['stopped in order', () => broker.stop()],
    ['killed', () => broker.kill()],
  ] as const) {
    it(`a broker that is ${how} in the middle of it, and started again`, async () => {
      await sendToAll(0, 100);
      await untilConsumed(50);
      await end();
      await member.event('disconnected');
      expect(broker.running).to.equal(false);
      const startedAt = Date.now();
      await broker.start();
      await sendToAll(100, 100);
      await untilConsumed(200);
      expectOrder(200);
      await expectAtHome(200, startedAt);
    });
  }

  it('a broker that is killed while the listener holds a message: its answer counts, and it goes on', async () => {
    const { promise, release } = member.hold();
    member.answer = () => promise;
    await sendToAll(0, 3);
    await member.untilDelivered(QUEUES);
    await broker.kill();
    await member.event('disconnected');
    release();
    const startedAt = Date.now();
    await broker.start();
    await untilConsumed(3);
    expectOrder(3);
    await expectAtHome(3, startedAt);
  });

  it('a name server that is killed is not missed, and found again when it is back', async () => {
    await sendToAll(0, 10);
    await untilConsumed(10);
    await cluster.killNameServer();
    await sendToAll(10, 10);
    await untilConsumed(20);

    await cluster.startNameServer();
    await until('the broker is registered again', async () => {
      await cluster.protocolAdmin.registerNow(broker.address);
      return (await cluster.protocolAdmin.masters()).has(broker.name) || undefined;
    });
    // Routes of a new topic come from the new name server.
    const later = await rig.topic(1);
    member.consumer.subscribe(later);
    await member.untilOwned(1, later);
    await rig.send(later, ['x']);
    await member.until('the new topic', () => member.deliveries.some((seen) => seen.topic === later));
    await sendToAll(20, 10);
    await untilConsumed(30);
    expect(member.events('queueReleased'), 'no queue was given up').to.deep.equal([]);
  });
});
