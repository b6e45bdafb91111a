import { expect } from 'chai';
import type { ClientInstance } from '../../../lib/client/client-instance.js';
import { sendToDeadLetter } from '../../../lib/consumer/dead-letter.js';
import { RouteError } from '../../../lib/errors.js';
import { MqVersion } from '../../../lib/protocol/codes.js';
import { encodeProperties, parseProperties } from '../../../lib/protocol/properties.js';
import type { SendMessageRequest } from '../../../lib/protocol/requests/send-message.js';
import { CompressionType, INNER_BATCH_MASK, withCompression } from '../../../lib/protocol/sys-flag.js';
import { FakeClock } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';
import { storedMessage } from '../../support/stored-message.js';

interface Sent {
  readonly brokerName: string;
  readonly request: SendMessageRequest;
  readonly timeoutMs: number;
}

function setUp(brokers: string[], options: { cached?: boolean; fail?: unknown; version?: number } = {}) {
  const sent: Sent[] = [];
  const fetched: string[] = [];
  const clock = new FakeClock();
  const route = (topic: string) => ({
    publishQueues: brokers.map((brokerName) => ({ topic, brokerName, queueId: 0 })),
  });
  const client = {
    clock,
    heartbeats: { brokerVersion: () => ('version' in options ? options.version : MqVersion.V5_3_3) },
    masterAddress: (brokerName: string) => `${brokerName}:10911`,
    routes: {
      get: (topic: string) => (options.cached === false ? undefined : route(topic)),
      fetch: (topic: string) => {
        fetched.push(topic);
        return Promise.resolve(route(topic));
      },
    },
    callMaster: (brokerName: string, _type: unknown, request: SendMessageRequest, timeoutMs: number) => {
      sent.push({ brokerName, request, timeoutMs });
      return options.fail === undefined ? Promise.resolve({ status: 'SEND_OK' }) : Promise.reject(options.fail);
    },
  } as unknown as ClientInstance;
  return { client, sent, fetched, clock };
}

const GROUP = { wrapped: 'g', namespace: undefined };
const FROM = { topic: 'T', brokerName: 'broker-b', queueId: 5 };

describe('sendToDeadLetter', () => {
  it('sends what the reference sends: over the limit, so that the broker stores it in %DLQ%', async () => {
    const t = setUp(['broker-a']);
    const properties = { KEYS: 'k1 k2', UNIQ_KEY: 'ABC', TAGS: 'a', TRAN_MSG: 'true', custom: 'x' };
    const message = storedMessage({
      topic: 'T',
      body: Buffer.from('hello'),
      flag: 9,
      reconsumeTimes: 2,
      properties: encodeProperties(properties),
    });
    expect(await sendToDeadLetter(t.client, GROUP, message, FROM, 2)).to.equal('%RETRY%g');
    const [sent] = t.sent;
    const { properties: text, ...header } = sent?.request ?? { properties: '' };
    expect(header).to.deep.equal({
      producerGroup: 'CLIENT_INNER_PRODUCER',
      topic: '%RETRY%g',
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: 4,
      queueId: 0,
      sysFlag: 0,
      bornTimestamp: t.clock.wallTime(),
      flag: 9,
      reconsumeTimes: 3,
      unitMode: false,
      maxReconsumeTimes: 2,
      batch: false,
      brokerName: 'broker-a',
      body: Buffer.from('hello'),
    });
    expect(parseProperties(text)).to.deep.equal({
      KEYS: 'k1 k2',
      UNIQ_KEY: 'ABC',
      TAGS: 'a',
      custom: 'x',
      ORIGIN_MESSAGE_ID: 'ABC',
      RETRY_TOPIC: 'T',
      RECONSUME_TIME: '3',
      MAX_RECONSUME_TIMES: '2',
      DELAY: '5',
    });
    expect(sent?.timeoutMs).to.equal(3_000);
    expect(message.properties, "the message's own are left alone").to.deep.equal(properties);
  });

  it('asks for no delay at brokers that would heed it: before 5.0, and those of which nothing is known', async () => {
    for (const [version, delay] of [
      [MqVersion.V4_9_7, undefined],
      [undefined, undefined],
      [MqVersion.V5_0_0, '3'],
    ] as const) {
      const t = setUp(['broker-a'], { version } as { version?: number });
      await sendToDeadLetter(t.client, GROUP, storedMessage({ properties: encodeProperties({ DELAY: '7' }) }), FROM, 0);
      expect(parseProperties(t.sent[0]?.request.properties ?? '')['DELAY'], `version ${version}`).to.equal(delay);
    }
  });

  it('keeps the first id and the first topic of a message that came back before', async () => {
    const t = setUp(['broker-a']);
    const message = storedMessage({
      topic: '%RETRY%g',
      properties: encodeProperties({ ORIGIN_MESSAGE_ID: 'first', RETRY_TOPIC: 'T', UNIQ_KEY: 'second' }),
    });
    message.topic = 'T';
    await sendToDeadLetter(t.client, GROUP, message, FROM, 0);
    const properties = parseProperties(t.sent[0]?.request.properties ?? '');
    expect(properties['ORIGIN_MESSAGE_ID']).to.equal('first');
    expect(properties['RETRY_TOPIC']).to.equal('T');
  });

  it('names the message by its place when its sender gave it no id', async () => {
    const t = setUp(['broker-a']);
    const message = storedMessage({});
    await sendToDeadLetter(t.client, GROUP, message, FROM, 0);
    expect(parseProperties(t.sent[0]?.request.properties ?? '')['ORIGIN_MESSAGE_ID']).to.equal(message.offsetMsgId);
  });

  it('keeps properties that other clients let through and this one would not write', async () => {
    const t = setUp(['broker-a']);
    const message = storedMessage({ properties: 'odd\u0001a\u0001b\u0002UNIQ_KEY\u0001ABC\u0002' });
    await sendToDeadLetter(t.client, GROUP, message, FROM, 0);
    expect(parseProperties(t.sent[0]?.request.properties ?? '')['odd']).to.equal('a\u0001b');
  });

  it('writes topics with their namespace', async () => {
    const t = setUp(['broker-a']);
    const group = { wrapped: 'ns%g', namespace: 'ns' };
    await sendToDeadLetter(t.client, group, storedMessage({ topic: 'T' }), { ...FROM, topic: 'ns%T' }, 0);
    expect(t.sent[0]?.request.topic).to.equal('%RETRY%ns%g');
    expect(parseProperties(t.sent[0]?.request.properties ?? '')['RETRY_TOPIC']).to.equal('ns%T');
  });

  it('prefers the broker the message came from, and takes another where that has no queue for it', async () => {
    for (let i = 0; i < 20; i++) {
      const near = setUp(['broker-a', 'broker-b', 'broker-c']);
      await sendToDeadLetter(near.client, GROUP, storedMessage({}), FROM, 0);
      expect(near.sent[0]?.brokerName).to.equal('broker-b');
      const far = setUp(['broker-a', 'broker-c']);
      await sendToDeadLetter(far.client, GROUP, storedMessage({}), FROM, 0);
      expect(far.sent[0]?.brokerName).to.be.oneOf(['broker-a', 'broker-c']);
    }
  });

  it('sends a body on as it is stored, with the flags that say how, and no others', async () => {
    const t = setUp(['broker-a']);
    const compressed = withCompression(0, CompressionType.ZSTD);
    const body = Buffer.from('as it is');
    await sendToDeadLetter(t.client, GROUP, storedMessage({ body, sysFlag: compressed | 0x30 | 0x8 }), FROM, 0);
    await sendToDeadLetter(t.client, GROUP, { ...storedMessage({}), ...plainInnerMessage(body) } as never, FROM, 0);
    expect(t.sent.map(({ request }) => request.sysFlag)).to.deep.equal([compressed, 0]);
    expect(t.sent.map(({ request }) => request.body)).to.deep.equal([body, body]);
  });

  it('tries once: an outcome that is not known is not made into two dead letters', async () => {
    const failure = new Error('no answer');
    const t = setUp(['broker-a', 'broker-b'], { fail: failure });
    const error = await sendToDeadLetter(t.client, GROUP, storedMessage({}), FROM, 0).catch((e: unknown) => e);
    expect(error).to.equal(failure);
    expect(t.sent.length).to.equal(1);
  });

  it('looks the retry topic up when it is not known yet, and fails when it has no queue', async () => {
    const t = setUp(['broker-a'], { cached: false });
    await sendToDeadLetter(t.client, GROUP, storedMessage({}), FROM, 0);
    expect(t.fetched).to.deep.equal(['%RETRY%g']);
    const none = setUp([]);
    const error = await rejection(sendToDeadLetter(none.client, GROUP, storedMessage({}), FROM, 0), RouteError);
    expect(error.code).to.equal('ERR_ROCKETMQ_NO_QUEUE');
  });
});

/** What matters here of a message out of an inner batch. */
function plainInnerMessage(body: Buffer): object {
  return {
    isCompressed: false,
    sysFlag: INNER_BATCH_MASK,
    rawBody: body,
    properties: {},
    msgId: 'm',
    topic: 'T',
    reconsumeTimes: 0,
    flag: 0,
  };
}
