import { expect } from 'chai';
import { MockClock } from '../../../../mock-broker/index.js';
import { parseLenientJson } from '../../../../lib/protocol/lenient-json.js';
import { updateAndCreateTopic } from '../../../../lib/protocol/requests/update-and-create-topic.js';
import { beat, GROUP, MockHarness, queueOf, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('what operators ask about topics', () => {
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: Parameters<typeof MockHarness.start>[0] = {}): Promise<void> {
    harness = await MockHarness.start(options);
    client = await harness.connect();
  }

  afterEach(() => harness.stop());

  async function body<T>(code: number, extFields: Record<string, string> = {}): Promise<T> {
    const reply = await client.request({ code, extFields });
    expect(reply.code, reply.remark).to.equal(0);
    return parseLenientJson(reply.body.toString()) as T;
  }

  it('GET_TOPIC_CONFIG shows one with its attributes', async () => {
    await start();
    const make = { topic: 'Fifo', readQueueNums: 2, writeQueueNums: 3, perm: 4, order: true };
    await client.call(updateAndCreateTopic, { ...make, attributes: '+message.type=FIFO,+reserve.time=5' });
    expect(await body(351, { topic: 'Fifo' })).to.deep.equal({
      attributes: { 'message.type': 'FIFO', 'reserve.time': '5' },
      order: true,
      perm: 4,
      readQueueNums: 2,
      topicFilterType: 'SINGLE_TAG',
      topicName: 'Fifo',
      topicSysFlag: 0,
      writeQueueNums: 3,
    });
    await client.call(updateAndCreateTopic, { ...make, attributes: '-reserve.time,+message.type=NORMAL' });
    const changed = await body<{ attributes: object }>(351, { topic: 'Fifo' });
    expect(changed.attributes).to.deep.equal({ 'message.type': 'NORMAL' });
    await client.call(updateAndCreateTopic, make);
    expect((await body<{ attributes: object }>(351, { topic: 'Fifo' })).attributes).to.deep.equal({
      'message.type': 'NORMAL',
    });

    const problems: Record<string, [number, string]> = {
      '+nothing=1': [1, 'unsupported key: nothing'],
      '+message.type=BAD': [
        1,
        'value is not in set: [UNSPECIFIED, MIXED, TRANSACTION, PRIORITY, FIFO, DELAY, LITE, NORMAL]',
      ],
      '+queue.type=BatchCQ': [1, 'attempt to update an unchangeable attribute. key: queue.type'],
      '+reserve.time=5,+reserve.time=6': [1, 'key duplication: +reserve.time'],
      'reserve.time=5': [1, 'add/alter attribute format is wrong: reserve.time'],
      '+reserve.time': [1, 'delete attribute format is wrong: +reserve.time'],
      '+reserve.time=x': [1, 'For input string: "x"'],
      '+reserve.time=-2': [1, 'value is not in range(-1, 9223372036854775807)'],
      '-reserve.time': [1, 'attempt to delete a nonexistent key: reserve.time'],
      '+message.type=FIFO, +reserve.time=5': [1, 'kv string format wrong.'],
      '+message.type=MIXED': [29, 'MIXED message type is not supported.'],
    };
    for (const [attributes, [code, remark]] of Object.entries(problems)) {
      const refusal = await client.ask(updateAndCreateTopic, { ...make, attributes });
      expect(refusal, attributes).to.include({ code, remark });
    }
    const early = await client.ask(updateAndCreateTopic, { ...make, topic: 'New', attributes: '-message.type' });
    expect(early.remark).to.equal('only add attribute is supported while creating topic. key: message.type');
    expect(harness.cluster.topics()).not.to.include('New');

    const unknown = await client.request({ code: 351, extFields: { topic: 'Nobody' } });
    expect(unknown).to.include({ code: 17, remark: 'No topic in this broker. topic: Nobody' });
  });

  it('GET_ALL_TOPIC_CONFIG shows all, those of the broker too', async () => {
    await start();
    const reply = await client.request({ code: 21 });
    const all = JSON.parse(reply.body.toString()) as {
      topicConfigTable: Record<string, { readQueueNums: number; perm: number }>;
      dataVersion: { counter: number };
    };
    const { topicConfigTable: table } = all;
    expect(reply.extFields['totalTopicNum']).to.equal(String(Object.keys(table).length));
    expect(table[TOPIC]).to.include({ readQueueNums: 4, perm: 6 });
    expect(table['SCHEDULE_TOPIC_XXXX']).to.include({ readQueueNums: 18, perm: 6 });
    expect(table['broker-a']).to.include({ readQueueNums: 1, perm: 7 });
    expect(table['TBW102']).to.include({ readQueueNums: 8, perm: 7 });
    expect(harness.cluster.topics()).to.deep.equal([TOPIC]);
    harness.cluster.createTopic('More');
    const later = JSON.parse((await client.request({ code: 21 })).body.toString()) as typeof all;
    expect(later.dataVersion.counter).to.equal(all.dataVersion.counter + 1);
  });

  it('brokers of 4.9 tell less and have fewer topics', async () => {
    await start({ version: 407 });
    const reply = await client.request({ code: 21 });
    const all = JSON.parse(reply.body.toString()) as { topicConfigTable: Record<string, object> };
    expect(Object.keys(all)).to.have.members(['dataVersion', 'topicConfigTable']);
    expect(reply.extFields).to.deep.equal({});
    expect(all.topicConfigTable[TOPIC]).not.to.have.property('attributes');
    expect(all.topicConfigTable).not.to.have.property('rmq_sys_wheel_timer');
    expect((await client.request({ code: 351, extFields: { topic: TOPIC } })).code).to.equal(3);
    const stats = await body<object>(202, { topic: TOPIC });
    expect(stats).not.to.have.property('topicPutTps');
  });

  it('the topics of a broker can be neither changed nor deleted', async () => {
    await start();
    for (const topic of ['broker-a', 'DefaultCluster', 'SELF_TEST_TOPIC', 'DefaultCluster_REPLY_TOPIC']) {
      const make = await client.ask(updateAndCreateTopic, { topic, readQueueNums: 1, writeQueueNums: 1, perm: 6 });
      expect(make).to.include({ code: 29, remark: `The topic[${topic}] is conflict with system topic.` });
      expect((await client.request({ code: 215, extFields: { topic } })).code).to.equal(29);
    }
    const { topicList } = await body<{ topicList: string[] }>(305);
    expect(topicList).to.include.members(['broker-a', 'TBW102', 'TRANS_CHECK_MAX_TIME_TOPIC']).and.not.include(TOPIC);
  });

  it('GET_TOPIC_STATS_INFO shows where queues begin and end', async () => {
    const clock = MockClock.manual();
    await start({ clock });
    const first = clock.now();
    await send(client, { queueId: 1 });
    clock.advance(1000);
    await send(client, { queueId: 1 });
    harness.cluster.expireMessages(queueOf(1), 1);
    const stats = await body<{ offsetTable: Record<string, unknown>; topicPutTps: number }>(202, { topic: TOPIC });
    const table = Object.entries(stats.offsetTable).map(([key, value]) => [parseLenientJson(key), value]);
    const empty = { lastUpdateTimestamp: 0, maxOffset: 0, minOffset: 0 };
    expect(table).to.deep.equal([
      [queueOf(0), empty],
      [queueOf(1), { lastUpdateTimestamp: first + 1000, maxOffset: 2, minOffset: 1 }],
      [queueOf(2), empty],
      [queueOf(3), empty],
    ]);
    expect(stats.topicPutTps).to.be.closeTo(2 / 60, 1e-9);
    harness.cluster.expireMessages(queueOf(1), 2);
    const { offsetTable } = await body<{ offsetTable: Record<string, { lastUpdateTimestamp: number }> }>(202, {
      topic: TOPIC,
    });
    expect(Object.values(offsetTable)[1]).to.include({ lastUpdateTimestamp: -1, minOffset: 2 });
    expect((await client.request({ code: 202, extFields: { topic: 'x' } })).code).to.equal(17);
  });

  it('name servers list topics: all, those of a cluster, those to ask a broker about', async () => {
    await start({ brokers: 2, topics: { [TOPIC]: {}, Half: { brokers: ['broker-b'] } } });
    client = await harness.connectNameServer();
    const { topicList } = await body<{ topicList: string[] }>(206);
    expect(topicList).to.include.members([TOPIC, 'Half', 'broker-a', 'broker-b', 'TBW102']);
    expect(new Set(topicList).size).to.equal(topicList.length);
    expect(await body(224, { cluster: 'DefaultCluster' })).to.deep.equal({ topicList });
    expect(await body(224, { cluster: 'Other' })).to.deep.equal({ topicList: [] });
    expect(await body(304)).to.deep.equal({
      brokerAddr: harness.cluster.brokers[0]?.address,
      topicList: ['DefaultCluster', 'broker-a', 'broker-b'],
    });
    harness.cluster.broker('broker-b').setRegistered(false);
    expect((await body<{ topicList: string[] }>(206)).topicList).not.to.include('Half');
  });

  it('QUERY_TOPIC_CONSUME_BY_WHO names groups that subscribe or have offsets', async () => {
    await start();
    expect(await body(300, { topic: TOPIC })).to.deep.equal({ groupList: [] });
    await beat(client, 'c1');
    harness.cluster.setOffset('past', queueOf(0), 3);
    harness.cluster.setOffset(GROUP, queueOf(0), 3);
    const { groupList } = await body<{ groupList: string[] }>(300, { topic: TOPIC });
    expect(groupList).to.have.members([GROUP, 'past']);
  });

  it('QUERY_CONSUME_QUEUE shows the index of a queue', async () => {
    await start();
    for (const TAGS of ['A', 'B', 'A']) await send(client, { properties: { TAGS } });
    const ask = (change: Record<string, string>): Record<string, string> => ({
      topic: TOPIC,
      queueId: '0',
      index: '0',
      count: '2',
      ...change,
    });
    const shown = await body<{ queueData: { tagsCode: number; physicOffset: number; physicSize: number }[] }>(
      321,
      ask({ index: '1' }),
    );
    expect(shown).to.include({ maxQueueIndex: 3, minQueueIndex: 0 });
    expect(shown.queueData.map((entry) => entry.tagsCode)).to.deep.equal([66, 65]);
    const [, second] = harness.cluster.messages(TOPIC);
    expect(shown.queueData[0]).to.include({ physicOffset: second?.commitLogOffset, physicSize: second?.storeSize });

    const offline = await body(321, ask({ consumerGroup: GROUP }));
    expect(offline).to.include({ filterData: `${GROUP}@${TOPIC} is not online!` });
    await beat(client, 'c1');
    const online = await body<{ subscriptionData: object }>(321, ask({ consumerGroup: GROUP }));
    expect(online.subscriptionData).to.include({ topic: TOPIC, subString: '*' });

    const past = await client.request({ code: 321, extFields: ask({ index: '9' }) });
    expect(past).to.include({ code: 0, remark: `Index 9 of 0@${TOPIC} is not exist!` });
    const none = await client.request({ code: 321, extFields: ask({ queueId: '3' }) });
    expect(none).to.include({ code: 1, remark: `3@${TOPIC} is not exist!` });
  });
});
