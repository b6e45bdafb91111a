import { expect } from 'chai';
import { MockClock } from '../../../../mock-broker/index.js';
import { parseLenientJson } from '../../../../lib/protocol/lenient-json.js';
import { heartBeat } from '../../../../lib/protocol/requests/heart-beat.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../../lib/protocol/requests/query-consumer-offset.js';
import { updateAndCreateSubscriptionGroup } from '../../../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { updateConsumerOffset } from '../../../../lib/protocol/requests/update-consumer-offset.js';
import { beat, GROUP, MockHarness, pullOf, queueOf, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('what operators ask about groups', () => {
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: Parameters<typeof MockHarness.start>[0] = {}): Promise<void> {
    harness = await MockHarness.start(options);
    client = await harness.connect({ version: 513, language: 'JAVA' });
  }

  afterEach(() => harness.stop());

  async function body<T>(code: number, extFields: Record<string, string> = {}): Promise<T> {
    const reply = await client.request({ code, extFields });
    expect(reply.code, reply.remark).to.equal(0);
    return parseLenientJson(reply.body.toString()) as T;
  }

  /** The offsets of an answer by topic and queue. */
  async function stats(extFields: Record<string, string>): Promise<Record<string, unknown>> {
    const { offsetTable } = await body<{ offsetTable: Record<string, unknown> }>(208, extFields);
    return Object.fromEntries(
      Object.entries(offsetTable).map(([key, value]) => {
        const { topic, queueId } = parseLenientJson(key) as { topic: string; queueId: number };
        return [`${topic}/${queueId}`, value];
      }),
    );
  }

  describe('configurations', () => {
    it('are kept whole', async () => {
      await start();
      const settings = {
        groupName: GROUP,
        consumeEnable: false,
        consumeFromMinEnable: false,
        consumeBroadcastEnable: false,
        consumeMessageOrderly: true,
        retryQueueNums: 2,
        retryMaxTimes: 3,
        notifyConsumerIdsChangedEnable: false,
        brokerId: 1,
        whichBrokerWhenConsumeSlowly: 2,
        groupSysFlag: 1,
        consumeTimeoutMinute: 20,
      };
      await client.call(updateAndCreateSubscriptionGroup, settings);
      const shown = { ...settings, attributes: {}, groupRetryPolicy: { type: 'CUSTOMIZED' } };
      expect(await body(352, { group: GROUP })).to.deep.equal(shown);
      const all = await body<{ subscriptionGroupTable: Record<string, unknown>; forbiddenTable: object }>(201);
      expect(all.subscriptionGroupTable[GROUP]).to.deep.equal(shown);
      expect(all.subscriptionGroupTable).to.include.keys('TOOLS_CONSUMER', 'CID_ONS-HTTP-PROXY', 'CID_RMQ_SYS_TRANS');
      expect(all.forbiddenTable).to.deep.equal({});
    });

    it('have attributes, which are changed one by one, and a retry policy, which is replaced', async () => {
      await start();
      const put = async (change: object): Promise<{ code: number; remark: string | undefined }> =>
        client.request({ code: 200, body: Buffer.from(JSON.stringify({ groupName: GROUP, ...change })) });
      const groupRetryPolicy = {
        type: 'EXPONENTIAL',
        exponentialRetryPolicy: { initial: 5000, max: 7200, multiplier: 2 },
      };
      await put({ attributes: { '+priority.factor': '5' }, groupRetryPolicy });
      expect(await body(352, { group: GROUP })).to.deep.include({
        attributes: { 'priority.factor': '5' },
        groupRetryPolicy,
      });
      await put({ retryMaxTimes: 3 });
      expect(await body(352, { group: GROUP })).to.deep.include({
        attributes: { 'priority.factor': '5' },
        groupRetryPolicy: { type: 'CUSTOMIZED' },
        retryMaxTimes: 3,
      });
      expect((await put({ attributes: { '+nothing': '1' } })).remark).to.include('unsupported key: nothing');
      expect((await put({ attributes: { '+priority.factor': '101' } })).remark).to.include('not in range(0, 100)');
      await put({ attributes: { '-priority.factor': '' } });
      expect(await body(352, { group: GROUP })).to.deep.include({ attributes: {} });
    });

    it('are made up when that is allowed', async () => {
      await start();
      expect(await body(352, { group: 'made-up' })).to.include({ groupName: 'made-up', retryMaxTimes: 16 });
      await harness.stop();
      await start({ autoCreateSubscriptionGroup: false });
      const refusal = await client.request({ code: 352, extFields: { group: 'made-up' } });
      expect(refusal).to.include({ code: 26, remark: 'No group in this broker' });
    });

    it('of 4.9 have fewer settings', async () => {
      await start({ version: 407 });
      const reply = await client.request({ code: 201 });
      const all = JSON.parse(reply.body.toString()) as { subscriptionGroupTable: Record<string, object> };
      expect(reply.extFields).to.deep.equal({});
      expect(all.subscriptionGroupTable['TOOLS_CONSUMER']).to.have.all.keys(
        'brokerId',
        'consumeBroadcastEnable',
        'consumeEnable',
        'consumeFromMinEnable',
        'groupName',
        'notifyConsumerIdsChangedEnable',
        'retryMaxTimes',
        'retryQueueNums',
        'whichBrokerWhenConsumeSlowly',
      );
      expect((await client.request({ code: 352, extFields: { group: 'TOOLS_CONSUMER' } })).code).to.equal(3);
    });

    it('are deleted, with the offsets if that is asked for', async () => {
      await start({ groups: { [GROUP]: { retryMaxTimes: 3 } } });
      await client.call(updateConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId: 0, commitOffset: 7 });
      await client.request({ code: 207, extFields: { groupName: GROUP } });
      expect(harness.cluster.offsets(GROUP)).to.have.length(1);
      expect(await body(352, { group: GROUP })).to.include({ retryMaxTimes: 16 });
      await client.request({ code: 207, extFields: { groupName: GROUP, cleanOffset: 'true' } });
      expect(harness.cluster.offsets(GROUP)).to.deep.equal([]);
      expect((await client.request({ code: 207, extFields: { groupName: 'nobody' } })).code).to.equal(0);
    });
  });

  describe('connections', () => {
    it('of consumers', async () => {
      await start();
      const offline = await client.request({ code: 203, extFields: { consumerGroup: GROUP } });
      expect(offline).to.include({ code: 206, remark: `the consumer group[${GROUP}] not online` });
      await beat(client, 'c1', [TOPIC], { consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      const other = await harness.connect({ version: 401, language: 'GO' });
      await beat(other, 'c2', [TOPIC], { consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      const shown = await body<{ connectionSet: object[]; subscriptionTable: Record<string, object> }>(203, {
        consumerGroup: GROUP,
      });
      expect(shown).to.include({
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
        consumeType: 'CONSUME_PASSIVELY',
        messageModel: 'CLUSTERING',
      });
      expect(shown.connectionSet).to.deep.equal([
        { clientAddr: addressOf(client), clientId: 'c1', language: 'JAVA', version: 513 },
        { clientAddr: addressOf(other), clientId: 'c2', language: 'GO', version: 401 },
      ]);
      expect(shown.subscriptionTable[TOPIC]).to.include({ topic: TOPIC, subString: '*', expressionType: 'TAG' });
    });

    it('of producers', async () => {
      const clock = MockClock.manual();
      await start({ clock });
      const none = await client.request({ code: 204, extFields: { producerGroup: 'makers' } });
      expect(none).to.include({ code: 1, remark: 'the producer group[makers] not exist' });
      await client.call(heartBeat, {
        clientId: 'p1',
        producerGroups: ['makers', 'CLIENT_INNER_PRODUCER'],
        consumers: [],
      });
      expect(await body(204, { producerGroup: 'makers' })).to.deep.equal({
        connectionSet: [{ clientAddr: addressOf(client), clientId: 'p1', language: 'JAVA', version: 513 }],
      });
      const producer = {
        clientId: 'p1',
        language: 'JAVA',
        lastUpdateTimestamp: clock.now(),
        remoteIP: `/${addressOf(client)}`,
        version: 513,
      };
      expect(await body(328)).to.deep.equal({ data: { makers: [producer], CLIENT_INNER_PRODUCER: [producer] } });
    });
  });

  describe('subscriptions', () => {
    it('are those of heartbeats, else of the latest pull', async () => {
      await start();
      const ask = { group: GROUP, topic: TOPIC };
      expect(await body(345, ask)).to.deep.equal(ask);
      await client.ask(pullMessage, pullOf({ subscription: 'A || B', subVersion: 5 }));
      const pulled = await body<{ subscriptionData: object }>(345, ask);
      expect(pulled.subscriptionData).to.include({ subString: 'A || B', subVersion: 5 });
      await beat(client, 'c1');
      const beaten = await body<{ subscriptionData: object }>(345, ask);
      expect(beaten.subscriptionData).to.include({ subString: '*' });
    });

    it('the topics of a group are those it has offsets in', async () => {
      await start();
      expect(await body(343, { group: GROUP })).to.include({ brokerAddr: harness.cluster.brokers[0]?.address });
      harness.cluster.setOffset(GROUP, queueOf(1), 1);
      harness.cluster.setOffset(GROUP, queueOf(2), 1);
      expect((await body<{ topicList: string[] }>(343, { group: GROUP })).topicList).to.deep.equal([TOPIC]);
    });
  });

  describe('how far a group is', () => {
    it('is told by topic and queue', async () => {
      const clock = MockClock.manual();
      await start({ clock, topics: { [TOPIC]: { queues: 2 }, Other: { queues: 1 } } });
      const first = clock.now();
      await send(client);
      clock.advance(5000);
      await send(client);
      await send(client);
      expect(await stats({ consumerGroup: GROUP })).to.deep.equal({});
      harness.cluster.setOffset(GROUP, queueOf(0), 1);
      await client.call(pullMessage, pullOf({ queueOffset: 1, maxMsgNums: 1 }));
      const ofTopic = {
        [`${TOPIC}/0`]: { brokerOffset: 3, consumerOffset: 1, lastTimestamp: first, pullOffset: 2 },
        [`${TOPIC}/1`]: { brokerOffset: 0, consumerOffset: 0, lastTimestamp: 0, pullOffset: 0 },
      };
      expect(await stats({ consumerGroup: GROUP })).to.deep.equal(ofTopic);
      const other = { 'Other/0': { brokerOffset: 0, consumerOffset: 0, lastTimestamp: 0, pullOffset: 0 } };
      expect(await stats({ consumerGroup: GROUP, topic: 'Other' })).to.deep.equal(other);
      expect(await stats({ consumerGroup: GROUP, topicList: `${TOPIC};Other;Nobody;` })).to.deep.equal({
        ...ofTopic,
        ...other,
      });
    });

    it('leaves out topics that connected members do not want, unless they are listed', async () => {
      await start({ topics: { [TOPIC]: { queues: 1 }, Old: { queues: 1 } } });
      harness.cluster.setOffset(GROUP, queueOf(0, 'broker-a', 'Old'), 1);
      expect(Object.keys(await stats({ consumerGroup: GROUP }))).to.deep.equal(['Old/0']);
      await beat(client, 'c1');
      expect(await stats({ consumerGroup: GROUP })).to.deep.equal({});
      expect(await stats({ consumerGroup: GROUP, topic: 'Old' })).to.deep.equal({});
      expect(Object.keys(await stats({ consumerGroup: GROUP, topicList: 'Old' }))).to.deep.equal(['Old/0']);
    });

    it('is told for all groups of a broker', async () => {
      await start({ topics: { [TOPIC]: { queues: 1 } }, groups: { [GROUP]: {}, idle: {} } });
      await send(client);
      await send(client);
      harness.cluster.setOffset(GROUP, queueOf(0), 1);
      const shown = await body<{ consumeStatsList: Record<string, { offsetTable: object }[]>[] }>(317, {
        isOrder: 'false',
      });
      expect(shown).to.include({ brokerAddr: harness.cluster.brokers[0]?.address, totalDiff: 1 });
      const byGroup = Object.assign({}, ...shown.consumeStatsList) as Record<string, { offsetTable: object }[]>;
      expect(byGroup['idle']).to.deep.equal([]);
      expect(Object.values(byGroup[GROUP]?.[0]?.offsetTable ?? {})).to.have.length(1);
      const ordered = await body<{ totalDiff: number }>(317, { isOrder: 'true' });
      expect(ordered.totalDiff).to.equal(0);
    });

    it('is told in time', async () => {
      const clock = MockClock.manual();
      await start({ clock, topics: { [TOPIC]: { queues: 2 } } });
      const first = clock.now();
      await send(client);
      clock.advance(1000);
      await send(client);
      clock.advance(500);
      harness.cluster.setOffset(GROUP, queueOf(0), 1);
      const { consumeTimeSpanSet } = await body<{ consumeTimeSpanSet: Record<string, unknown>[] }>(303, {
        topic: TOPIC,
        group: GROUP,
      });
      expect(consumeTimeSpanSet[0]).to.deep.include({
        messageQueue: queueOf(0),
        minTimeStamp: first,
        maxTimeStamp: first + 1000,
        consumeTimeStamp: first,
        delayTime: 500,
      });
      expect(consumeTimeSpanSet[0]?.['minTimeStampStr']).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}$/);
      expect(consumeTimeSpanSet[1]).to.include({ minTimeStamp: -1, maxTimeStamp: -1, consumeTimeStamp: -1 });
    });

    it('is counted', async () => {
      const clock = MockClock.manual();
      await start({ clock });
      for (let count = 0; count < 6; count++) await send(client, { properties: { TAGS: 'A' } });
      await client.call(pullMessage, pullOf({ maxMsgNums: 3 }));
      const view = (statsName: string, statsKey: string): Promise<Record<string, { sum: number; tps: number }>> =>
        body(315, { statsName, statsKey });
      expect((await view('TOPIC_PUT_NUMS', TOPIC))['statsMinute']).to.deep.include({ sum: 6, tps: 0.1 });
      expect((await view('GROUP_GET_NUMS', `${TOPIC}@${GROUP}`))['statsDay']).to.deep.include({ sum: 3 });
      expect((await view('BROKER_PUT_NUMS', 'DefaultCluster'))['statsHour']).to.deep.include({ sum: 6 });
      clock.advance(60_000);
      expect((await view('TOPIC_PUT_NUMS', TOPIC))['statsMinute']).to.deep.include({ sum: 0, tps: 0 });
      expect((await view('TOPIC_PUT_NUMS', TOPIC))['statsHour']).to.deep.include({ sum: 6 });
      const unknown = await client.request({ code: 315, extFields: { statsName: 'TOPIC_PUT_NUMS', statsKey: 'x' } });
      expect(unknown).to.include({ code: 1, remark: 'The stats <TOPIC_PUT_NUMS> <x> not exist' });
    });
  });

  it('CLONE_GROUP_OFFSET gives a group the offsets of another in one topic', async () => {
    await start({ topics: { [TOPIC]: {}, Other: {} } });
    harness.cluster.setOffset(GROUP, queueOf(0), 5);
    harness.cluster.setOffset(GROUP, queueOf(0, 'broker-a', 'Other'), 6);
    await client.request({ code: 314, extFields: { srcGroup: GROUP, destGroup: 'heir', topic: TOPIC } });
    expect(harness.cluster.offsets('heir')).to.deep.equal([{ ...queueOf(0), offset: 5 }]);
    const found = await client.call(queryConsumerOffset, { consumerGroup: 'heir', topic: TOPIC, queueId: 0 });
    expect(found.offset).to.equal(5);
    // The heir's offsets are its own from then on.
    harness.cluster.setOffset('heir', queueOf(0), 9);
    expect(harness.cluster.offsets(GROUP)[0]?.offset).to.equal(5);
  });
});

/** Where the broker sees a client. */
function addressOf(client: RawClient): string {
  return `127.0.0.1:${client.socket.localPort}`;
}
