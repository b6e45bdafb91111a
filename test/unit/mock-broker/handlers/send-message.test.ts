import { expect } from 'chai';
import { encodeBatch } from '../../../../lib/protocol/message.js';
import { encodeProperties } from '../../../../lib/protocol/properties.js';
import { lockBatchMq } from '../../../../lib/protocol/requests/lock-batch-mq.js';
import { sendBatchMessage } from '../../../../lib/protocol/requests/send-batch-message.js';
import { sendMessage } from '../../../../lib/protocol/requests/send-message.js';
import { sendMessageV2 } from '../../../../lib/protocol/requests/send-message-v2.js';
import type { MockClusterOptions } from '../../../../mock-broker/index.js';
import { MockClock } from '../../../../mock-broker/index.js';
import { GROUP, messageOf, MockHarness, queueOf, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

const RETRY = `%RETRY%${GROUP}`;
const DLQ = `%DLQ%${GROUP}`;

describe('sending messages', () => {
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: MockClusterOptions = {}): Promise<void> {
    harness = await MockHarness.start(options);
    client = await harness.connect();
  }

  /** Code and remark of the answer. */
  async function outcome(change: Parameters<typeof messageOf>[0], version = 479): Promise<unknown[]> {
    const reply = await client.request(sendMessageV2.encode(messageOf(change)), { version });
    return [reply.code, reply.remark];
  }

  const stored = (topic: string): ReturnType<typeof harness.cluster.messages> => harness.cluster.messages(topic);

  afterEach(() => harness.stop());

  it('stores under the next offset of the queue, under old and new names', async () => {
    await start();
    const first = await send(client, { properties: { UNIQ_KEY: 'U1', TAGS: 'A' } });
    expect(first).to.deep.include({
      status: 'SEND_OK',
      queueId: 0,
      queueOffset: 0,
      transactionId: 'U1',
      regionId: 'DefaultRegion',
      traceOn: true,
    });
    const second = await client.call(sendMessage, messageOf());
    expect(second.queueOffset).to.equal(1);
    const [one, two] = stored(TOPIC);
    expect(one?.offsetMsgId).to.equal(first.offsetMsgId);
    expect(one?.properties).to.deep.equal({
      UNIQ_KEY: 'U1',
      TAGS: 'A',
      CLUSTER: 'DefaultCluster',
      MSG_REGION: 'DefaultRegion',
      TRACE_ON: 'true',
    });
    expect(one?.bornHost).to.equal(`127.0.0.1:${client.socket.localPort}`);
    expect(one?.storeHost).to.equal(harness.cluster.brokers[0]?.address);
    expect(one?.bornTimestamp).to.equal(1_700_000_000_000);
    expect(two?.msgId).to.match(/^[0-9A-F]{32}$/);
    expect(two?.msgId).to.equal(second.transactionId);
  });

  it('chooses a queue when it is given none', async () => {
    await start({ topics: { [TOPIC]: { readQueueNums: 9, writeQueueNums: 2 } } });
    const seen = new Set<number>();
    while (seen.size < 2) seen.add((await send(client, { queueId: -1 })).queueId);
    expect([...seen].sort()).to.deep.equal([0, 1]);
  });

  it('stores what is sent one-way', async () => {
    await start();
    client.send(sendMessageV2.encode(messageOf()), { oneway: true });
    await client.request({ code: 999 });
    expect(client.received).to.have.length(1);
    expect(stored(TOPIC)).to.have.length(1);
  });

  it('creates topics after the default one, with as many queues as both allow', async () => {
    await start();
    await send(client, { topic: 'Small', defaultTopicQueueNums: 2 });
    await send(client, { topic: 'Large', defaultTopicQueueNums: 100 });
    const nameServer = await harness.connectNameServer();
    for (const [topic, queues] of [
      ['Small', 2],
      ['Large', 8],
    ] as const) {
      const reply = await nameServer.request({ code: 105, extFields: { topic } });
      expect(JSON.parse(reply.body.toString())).to.have.nested.include({
        'queueDatas[0].writeQueueNums': queues,
        'queueDatas[0].perm': 6,
      });
    }
  });

  it('refuses unknown topics where it may not create them', async () => {
    await start({ autoCreateTopicEnable: false });
    const reply = await client.ask(sendMessageV2, messageOf({ topic: 'Nobody' }));
    expect(reply.code).to.equal(17);
    expect(reply.remark).to.include('topic[Nobody] not exist, apply first please!');
    expect(reply.extFields).to.deep.equal({ MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' });
    // The retry topic of a group needs no default topic.
    expect(await outcome({ topic: RETRY })).to.deep.equal([0, undefined]);
  });

  it('refuses names, queues and messages the reference refuses', async () => {
    await start();
    expect(await outcome({ topic: 'a b' })).to.deep.equal([
      29,
      'The specified topic: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$',
    ]);
    expect(await outcome({ topic: ' ' })).to.deep.equal([29, 'The specified topic is blank.']);
    expect((await outcome({ topic: 'x'.repeat(128) }))[0]).to.equal(29);
    expect((await outcome({ topic: `%DLQ%${'x'.repeat(251)}` }))[1]).to.include('DLQ or Retry topic');
    expect(await outcome({ topic: 'SCHEDULE_TOPIC_XXXX' })).to.deep.equal([
      16,
      'Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden.',
    ]);
    const [code, remark] = await outcome({ queueId: 4 });
    expect(code).to.equal(29);
    expect(remark).to.equal(
      'request queueId[4] is illegal, TopicConfig [topicName=Orders, readQueueNums=4, writeQueueNums=4, perm=RW-, topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false, attributes={}] ' +
        `Producer: 127.0.0.1:${client.socket.localPort}`,
    );
    expect(await outcome({ body: Buffer.alloc(0) })).to.deep.equal([1, 'java.lang.NullPointerException']);
    const illegal =
      'the message is illegal, maybe msg body or properties length not matched. msg body length limit 4194304B, msg properties length limit 32KB.';
    expect(await outcome({ body: Buffer.alloc(4 * 1024 * 1024 + 1) })).to.deep.equal([13, illegal]);
    expect(await outcome({ properties: { a: 'x'.repeat(32_760) } })).to.deep.equal([13, illegal]);
    expect(await outcome({ properties: { a: 'x'.repeat(32_650), DELAY: '1' } })).to.deep.equal([13, illegal]);
    expect(await outcome({ properties: { a: 'x'.repeat(32_600), TIMER_DELAY_SEC: '1' } })).to.deep.equal([13, illegal]);
    expect(await outcome({ sysFlag: 0xc0 })).to.deep.equal([13, illegal]);
    expect(await outcome({ properties: { INNER_NUM: '2' } })).to.deep.equal([13, illegal]);
    expect(stored(TOPIC)).to.deep.equal([]);
  });

  it('uses the codes and words of 4.9 as a broker of that version', async () => {
    await start({ version: 407 });
    expect(await outcome({ topic: 'a b' })).to.deep.equal([
      1,
      'The specified topic contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$',
    ]);
    expect(await outcome({ topic: 'x'.repeat(128) })).to.deep.equal([
      1,
      'The specified topic is longer than topic max length.',
    ]);
    expect((await outcome({ queueId: 4 }))[0]).to.equal(1);
    expect(await outcome({ body: Buffer.alloc(0), properties: { INNER_NUM: '2', POP_CK: 'x' } })).to.deep.equal([
      0,
      undefined,
    ]);
    expect(Object.keys(stored(TOPIC)[0]?.properties ?? {}).sort()).to.deep.equal([
      'CLUSTER',
      'INNER_NUM',
      'POP_CK',
      'UNIQ_KEY',
    ]);
    const [code, remark] = await outcome({ topic: 'Nobody', defaultTopic: 'None' });
    expect([code, remark]).to.deep.equal([
      17,
      'topic[Nobody] not exist, apply first please!\nSee http://rocketmq.apache.org/docs/faq/ for further details.',
    ]);
  });

  it('stores a batch at consecutive offsets, with the properties of its parts', async () => {
    await start();
    await send(client);
    const body = encodeBatch(
      ['a', 'b'].map((text, flag) => ({ flag, body: Buffer.from(text), properties: encodeProperties({ TAGS: text }) })),
    );
    const reply = await client.call(sendBatchMessage, messageOf({ batch: true, body, properties: { UNIQ_KEY: 'U' } }));
    expect(reply).to.deep.include({ queueOffset: 1, transactionId: 'U' });
    const [, one, two] = stored(TOPIC);
    expect(reply.offsetMsgId).to.equal(`${one?.offsetMsgId ?? ''},${two?.offsetMsgId ?? ''}`);
    expect(
      [one, two].map((message) => [message?.queueOffset, message?.flag, message?.body.toString(), message?.properties]),
    ).to.deep.equal([
      [1, 0, 'a', { TAGS: 'a' }],
      [2, 1, 'b', { TAGS: 'b' }],
    ]);
  });

  it('refuses batches it can not store', async () => {
    await start();
    const batch = async (change: Parameters<typeof messageOf>[0]): Promise<unknown[]> => {
      const reply = await client.ask(sendBatchMessage, messageOf({ batch: true, ...change }));
      return [reply.code, reply.remark];
    };
    expect(await batch({ topic: RETRY })).to.deep.equal([13, `batch request does not support retry group ${RETRY}`]);
    expect((await batch({ topic: `%DLQ%${'x'.repeat(140)}` }))[1]).to.equal('message topic length too long 145');
    expect((await batch({ body: Buffer.from('no batch') }))[0]).to.equal(1);
    const parts = ['fine', 'x'.repeat(32_740)].map((a) => ({
      flag: 0,
      body: Buffer.from('x'),
      properties: encodeProperties({ a, INNER_NUM: '1' }),
    }));
    expect((await batch({ body: encodeBatch(parts) }))[0]).to.equal(13);
    expect(stored(TOPIC)).to.deep.equal([]);
    expect((await batch({ topic: 'a b' }))[0]).to.equal(29);
  });

  describe('to a retry topic', () => {
    it('needs a group', async () => {
      await start({ autoCreateSubscriptionGroup: false });
      const [code, remark] = await outcome({ topic: RETRY });
      expect(code).to.equal(26);
      expect(remark).to.include(`subscription group not exist, ${GROUP} `);
    });

    it('stores there while the attempts are within the limit', async () => {
      await start();
      await send(client, { topic: RETRY, reconsumeTimes: 16 });
      await send(client, { topic: RETRY, reconsumeTimes: 2, maxReconsumeTimes: 2 });
      expect(stored(RETRY).map((message) => message.reconsumeTimes)).to.deep.equal([16, 2]);
    });

    it('stores among the dead letters past the limit of the group or of the client', async () => {
      await start({ groups: { [GROUP]: { retryMaxTimes: 5 } } });
      await send(client, { topic: RETRY, reconsumeTimes: 6 });
      const reply = await send(client, {
        topic: RETRY,
        reconsumeTimes: 3,
        maxReconsumeTimes: 2,
        properties: { DELAY: '5', UNIQ_KEY: 'U' },
      });
      expect(reply.queueOffset).to.equal(1);
      expect(stored(RETRY)).to.deep.equal([]);
      const dead = stored(DLQ);
      expect(dead.map((message) => message.reconsumeTimes)).to.deep.equal([6, 3]);
      expect(dead[1]?.properties['DELAY']).to.equal('-1');
      const nameServer = await harness.connectNameServer();
      const route = JSON.parse(
        (await nameServer.request({ code: 105, extFields: { topic: DLQ } })).body.toString(),
      ) as unknown;
      expect(route).to.have.nested.include({ 'queueDatas[0].readQueueNums': 1, 'queueDatas[0].perm': 6 });
    });

    it("ignores the client's limit of clients before 3.4.9", async () => {
      await start();
      await outcome({ topic: RETRY, reconsumeTimes: 3, maxReconsumeTimes: 2 }, 120);
      expect(stored(DLQ)).to.deep.equal([]);
      await outcome({ topic: RETRY, reconsumeTimes: 3, maxReconsumeTimes: 2 }, 121);
      expect(stored(DLQ)).to.have.length(1);
    });

    it('stores among the dead letters while the group holds a queue lock', async () => {
      const clock = MockClock.manual();
      await start({ clock });
      await client.call(lockBatchMq, { consumerGroup: GROUP, clientId: 'c1', queues: [queueOf(0)] });
      await send(client, { topic: RETRY });
      expect(stored(DLQ)).to.have.length(1);
      clock.advance(60_001);
      await send(client, { topic: RETRY });
      expect([stored(DLQ).length, stored(RETRY).length]).to.deep.equal([1, 1]);
    });

    it('does not look at locks when told not to, or before 5.1.1', async () => {
      for (const options of [{ dlqWhileLocked: false }, { version: 434 }]) {
        await start(options);
        await client.call(lockBatchMq, { consumerGroup: GROUP, clientId: 'c1', queues: [queueOf(0)] });
        await send(client, { topic: RETRY });
        expect(stored(DLQ)).to.deep.equal([]);
        if (options.version === undefined) await harness.stop();
      }
    });
  });
});
