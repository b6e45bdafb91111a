import { expect } from 'chai';
import { ValidationError } from '../../../lib/errors.js';
import { ResponseCode } from '../../../lib/protocol/codes.js';
import { SerializeType } from '../../../lib/protocol/command.js';
import { getRouteInfoByTopic } from '../../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { lockBatchMq } from '../../../lib/protocol/requests/lock-batch-mq.js';
import { pullMessage } from '../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../lib/protocol/requests/query-consumer-offset.js';
import type { TopicRouteData } from '../../../lib/protocol/topic-route.js';
import { type MockBroker, MockClock, type MockClusterOptions } from '../../../mock-broker/index.js';
import { GROUP, holdOf, MockHarness, pullOf, queueOf, TOPIC } from '../../support/mock-harness.js';
import type { RawClient } from '../../support/raw-client.js';
import { rejection } from '../../support/rejection.js';

describe('a whole mock cluster', () => {
  let harness: MockHarness;
  let clock: MockClock;

  async function start(options: MockClusterOptions = {}): Promise<MockBroker> {
    clock = MockClock.manual();
    harness = await MockHarness.start({ clock, ...options });
    return harness.cluster.brokers[0] as MockBroker;
  }

  afterEach(() => harness.stop());

  const produce = (body: string): void => void harness.cluster.produce(TOPIC, { queueId: 0, body, brokerName: 'broker-a' }); // prettier-ignore
  const route = async (client: RawClient): Promise<TopicRouteData> =>
    client.call(getRouteInfoByTopic, { topic: TOPIC });

  describe('replicas', () => {
    let master: MockBroker;
    let replica: MockBroker;
    let client: RawClient;

    beforeEach(async () => {
      master = await start({ brokers: [{ name: 'broker-a', replicas: 1 }] });
      replica = master.replicas[0] as MockBroker;
      client = await harness.connectTo(replica.address);
    });

    const maxOffset = async (): Promise<number> => (await client.call(pullMessage, pullOf())).maxOffset;

    it('have copies, which stand still while replication is paused', async () => {
      produce('1');
      expect(await maxOffset()).to.equal(1);
      replica.pauseReplication();
      produce('2');
      produce('3');
      expect([await maxOffset(), replica.replicationBehind]).to.deep.equal([1, 2]);
      replica.resumeReplication();
      expect([await maxOffset(), replica.replicationBehind]).to.deep.equal([3, 0]);
    });

    it('lag behind, by the clock, and wake held pulls when they catch up', async () => {
      master.suggestBrokerId(1);
      replica.setReplicationLag(1000);
      const opaque = client.send(pullMessage.encode(holdOf()));
      await harness.cluster.journal.waitFor((entry) => entry.opaque === opaque);
      produce('1');
      clock.advance(999);
      expect([replica.heldPulls, replica.replicationBehind]).to.deep.equal([1, 1]);
      clock.advance(1);
      expect((await client.reply(opaque)).code).to.equal(ResponseCode.SUCCESS);
    });

    it('have the offsets of the moment their replication was paused', async () => {
      const offset = async (): Promise<number | undefined> =>
        (await client.call(queryConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId: 0 })).offset;
      harness.cluster.setOffset(GROUP, queueOf(0), 1);
      replica.pauseReplication();
      harness.cluster.setOffset(GROUP, queueOf(0), 2);
      expect(await offset()).to.equal(1);
      replica.resumeReplication();
      expect(await offset()).to.equal(2);
    });

    it('keep what a master lost that they did not hear of', async () => {
      produce('1');
      replica.pauseReplication();
      await master.restart({ keepData: false });
      expect(harness.cluster.messages(TOPIC)).to.have.length(0);
      expect(await maxOffset()).to.equal(1);
      replica.resumeReplication();
      expect(await maxOffset()).to.equal(0);
      produce('2');
      expect(await maxOffset()).to.equal(1);
    });

    it('hear of messages whose retention is over, and of deleted topics', async () => {
      produce('1');
      produce('2');
      harness.cluster.expireMessages(queueOf(0), 1);
      expect((await client.call(pullMessage, pullOf())).minOffset).to.equal(1);
      harness.cluster.deleteTopic(TOPIC);
      harness.cluster.createTopic(TOPIC, { queues: 4 });
      expect(await maxOffset()).to.equal(0);
    });

    it('take no messages back', async () => {
      const reply = await client.request({ code: 36, extFields: { offset: '0', group: GROUP, delayLevel: '0' } });
      expect(reply.code).to.equal(ResponseCode.SYSTEM_BUSY);
    });
  });

  describe('a broker that comes up again', () => {
    const lock = async (client: RawClient, clientId: string): Promise<number> =>
      (await client.call(lockBatchMq, { consumerGroup: GROUP, clientId, queues: [queueOf(0)] })).lockedQueues.length;

    it('has its data or has lost it, topics and groups stay', async () => {
      const broker = await start({ topics: { [TOPIC]: { queues: 4 } } });
      produce('1');
      harness.cluster.produce(TOPIC, { queueId: 0, body: 'later', delayLevel: 1 });
      harness.cluster.setOffset(GROUP, queueOf(0), 1);
      await broker.restart();
      expect(harness.cluster.messages(TOPIC)).to.have.length(1);
      await broker.stop();
      await broker.start({ keepData: false });
      clock.advance(1000);
      expect(harness.cluster.messages(TOPIC)).to.have.length(0);
      expect(harness.cluster.offsets(GROUP)).to.have.length(0);
      expect(harness.cluster.topics()).to.deep.equal([TOPIC]);
      const client = await harness.connect();
      expect(await client.call(pullMessage, pullOf({ queueOffset: 7 }))).to.include({ status: 'OFFSET_ILLEGAL', nextBeginOffset: 0 }); // prettier-ignore
    });

    it('has forgotten its locks, or has them again', async () => {
      const broker = await start();
      await lock(await harness.connect(), 'a');
      await broker.stop();
      expect(harness.cluster.locks(GROUP)).to.have.length(0);
      await broker.start({ keepLocks: true });
      const client = await harness.connect();
      expect(await lock(client, 'b')).to.equal(0);
      expect(await lock(client, 'a')).to.equal(1);
      await broker.restart();
      expect(harness.cluster.locks(GROUP)).to.have.length(0);
    });

    it('can move to another port', async () => {
      const broker = await start();
      const before = broker.address;
      await broker.restart({ port: 0 });
      expect(broker.address).not.to.equal(before);
      const nameServer = await harness.connectNameServer();
      expect((await route(nameServer)).brokerDatas[0]?.brokerAddrs).to.deep.equal({ 0: broker.address });
      const { address } = broker;
      await broker.restart();
      expect(broker.address).to.equal(address);
    });
  });

  describe('brokers that come and go', () => {
    it('are named one after the other, however many', async () => {
      await start({ brokers: 28, topics: {} });
      const names = harness.cluster.brokers.map(({ name }) => name);
      expect([names[0], names[25], names[26], names[27]]).to.deep.equal(['broker-a', 'broker-z', 'broker-aa', 'broker-ab']); // prettier-ignore
    });

    it('are added with the groups of the others and without topics, and removed with all they have', async () => {
      await start({ groups: { [GROUP]: { retryMaxTimes: 3 } } });
      const { cluster } = harness;
      const added = await cluster.addBroker({ replicas: 1 });
      expect([added.name, added.running, added.replicas[0]?.running]).to.deep.equal(['broker-b', true, true]);
      expect(added.state.groups.get(GROUP)?.retryMaxTimes).to.equal(3);
      const nameServer = await harness.connectNameServer();
      expect((await route(nameServer)).queueDatas.map(({ brokerName }) => brokerName)).to.deep.equal(['broker-a']);
      cluster.updateTopic(TOPIC, { brokers: ['broker-b'], queues: 2 });
      expect((await route(nameServer)).queueDatas.map((data) => [data.brokerName, data.readQueueNums])).to.deep.equal([['broker-a', 4], ['broker-b', 2]]); // prettier-ignore
      cluster.produce(TOPIC, { brokerName: 'broker-b', body: 'x' });
      await cluster.removeBroker('broker-b');
      expect(added.running).to.equal(false);
      expect((await route(nameServer)).queueDatas).to.have.length(1);
      expect(cluster.messages(TOPIC)).to.have.length(0);
      expect(() => cluster.broker('broker-b')).to.throw(ValidationError);
      await rejection(cluster.addBroker({ name: 'broker-a' }), ValidationError);
      expect((await cluster.addBroker()).name).to.equal('broker-b');
    });

    it('are removed once, however often that is asked for at once', async () => {
      await start({ brokers: 3 });
      const { cluster } = harness;
      await Promise.all([cluster.removeBroker('broker-a'), cluster.removeBroker('broker-a')]);
      expect(cluster.brokers.map(({ name }) => name)).to.deep.equal(['broker-b', 'broker-c']);
    });

    it('have queues that are only read, or only written', async () => {
      await start({ topics: { [TOPIC]: { readQueueNums: 2, writeQueueNums: 1 } } });
      const client = await harness.connect();
      expect((await client.call(pullMessage, pullOf({ queueId: 1 }))).status).to.equal('NO_NEW_MSG');
      expect(() => harness.cluster.produce(TOPIC, { queueId: 1, body: 'x' })).to.throw(ValidationError);
      harness.cluster.updateTopic(TOPIC, { readQueueNums: 1, perm: 2 });
      const [data] = (await route(await harness.connectNameServer())).queueDatas;
      expect(data).to.include({ readQueueNums: 1, writeQueueNums: 1, perm: 2 });
      expect((await client.ask(pullMessage, pullOf())).code).to.equal(ResponseCode.NO_PERMISSION);
    });
  });

  it('name servers can disagree', async () => {
    const broker = await start({ nameServers: 2 });
    const [first, second] = harness.cluster.nameServers;
    const clients = await Promise.all([first, second].map((server) => harness.connectTo(server?.address ?? '')));
    const queues = async (): Promise<(number | undefined)[]> =>
      Promise.all(
        clients.map(async (client) => {
          const reply = await client.ask(getRouteInfoByTopic, { topic: TOPIC });
          if (reply.code !== 0) return undefined;
          return getRouteInfoByTopic.decodeReply(reply).queueDatas[0]?.readQueueNums;
        }),
      );
    second?.freeze();
    harness.cluster.updateTopic(TOPIC, { queues: 6 });
    broker.setRegistered(false);
    expect(await queues()).to.deep.equal([undefined, 4]);
    broker.setRegistered(true);
    second?.thaw();
    expect(await queues()).to.deep.equal([6, 6]);
    const other = first?.route(TOPIC) as TopicRouteData;
    first?.override(TOPIC, { ...other, queueDatas: other.queueDatas.map((data) => ({ ...data, readQueueNums: 1 })) });
    second?.override(TOPIC, undefined);
    expect(await queues()).to.deep.equal([1, undefined]);
    second?.clearOverride();
    first?.clearOverride(TOPIC);
    expect(await queues()).to.deep.equal([6, 6]);
  });

  describe('personas', () => {
    const cases = [
      ['5.5.0', 513, SerializeType.JSON],
      ['5.3.3', 479, SerializeType.JSON],
      ['4.9.7', 407, SerializeType.ROCKETMQ],
    ] as const;
    for (const [persona, version, form] of cases) {
      it(`answer like ${persona}`, async () => {
        await start({ persona });
        const client = await harness.connect({ serializeType: SerializeType.ROCKETMQ });
        const reply = await client.ask(pullMessage, pullOf());
        expect([reply.version, reply.serializeType]).to.deep.equal([version, form]);
        expect(reply.extFields['topicSysFlag']).to.equal(persona === '4.9.7' ? undefined : '0');
      });
    }

    it('know the requests of their time', async () => {
      const popOf = async (): Promise<number> => (await (await harness.connect()).request({ code: 200_050 })).code;
      await start({ persona: '4.9.7' });
      expect(await popOf()).to.equal(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
      await harness.stop();
      await start({ persona: '5.5.0' });
      expect(await popOf()).not.to.equal(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
    });

    it('give way to options that say otherwise, and must exist', async () => {
      await start({ persona: '4.9.7', version: 479, serializeType: 'JSON' });
      expect((await (await harness.connect()).ask(pullMessage, pullOf())).version).to.equal(479);
      const error = await rejection(MockHarness.start({ persona: '6.0' as never }), ValidationError);
      expect(error.field).to.equal('persona');
    });
  });
});
