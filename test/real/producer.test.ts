import { expect } from 'chai';
import { systemClock } from '../../lib/clock.js';
import { BrokerError, SendError } from '../../lib/errors.js';
import { OrderedConsumer, Producer, type MessageExt, type ProducerMessage, type SendResult } from '../../lib/index.js';
import type { ProducerOptions } from '../../lib/options.js';
import { decodeMessages, type StoredMessage } from '../../lib/protocol/message.js';
import { parseOffsetMessageId } from '../../lib/protocol/message-id.js';
import { viewMessageById } from '../../lib/protocol/requests/view-message-by-id.js';
import { RemotingClient } from '../../lib/remoting/remoting-client.js';
import { javaProduce, startJavaMember } from '../support/java-member.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { rejection } from '../support/rejection.js';

/** The producer against a real cluster: what it says was stored is read back by its id, and by both clients. */
describe('producer', () => {
  let env: RealEnv;
  let topic: string;
  const remoting = new RemotingClient({ clock: systemClock });
  const closing: { close(): Promise<void> }[] = [];

  before(async () => {
    env = await realEnv();
    topic = env.unique('producer');
    await env.createTopic(topic, 4);
  });

  afterEach(() => Promise.all(closing.splice(0).map((open) => open.close())));

  after(() => remoting.close());

  async function startProducer(options: ProducerOptions = {}): Promise<Producer> {
    const producer = new Producer({ namesrvAddr: env.namesrvAddr, ...options });
    closing.push(producer);
    await producer.start();
    return producer;
  }

  /** The message an id of a broker stands for. */
  async function view(offsetMsgId: string): Promise<StoredMessage> {
    const { storeHost, commitLogOffset } = parseOffsetMessageId(offsetMsgId);
    const { body } = await remoting.call(
      storeHost,
      viewMessageById,
      { topic, offset: commitLogOffset },
      { timeoutMs: 3_000 },
    );
    const [message] = decodeMessages(body, { brokerName: '' }).messages;
    if (message === undefined) throw new Error(`nothing is stored under ${offsetMsgId}`);
    return message;
  }

  /** The first `count` messages a new group gets of a topic, with the time each came at. */
  async function consume(from: string, count: number): Promise<{ message: MessageExt; at: number }[]> {
    const consumer = new OrderedConsumer({
      namesrvAddr: env.namesrvAddr,
      consumerGroup: env.unique('reader'),
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    closing.push(consumer);
    consumer.subscribe(from);
    const received: { message: MessageExt; at: number }[] = [];
    await new Promise<void>((resolve, reject) => {
      consumer
        .start((messages) => {
          for (const message of messages) received.push({ message, at: Date.now() });
          if (received.length >= count) resolve();
          return 'SUCCESS';
        })
        .catch(reject);
    });
    return received;
  }

  it('sends a message that is stored as it was given', async () => {
    const producer = await startProducer();
    const message: ProducerMessage = {
      topic,
      body: 'paid: 中',
      tags: 'Paid',
      keys: ['k1', 'k2'],
      shardingKey: 'order-1',
      properties: { colour: 'red' },
      flag: 7,
    };
    const result = await producer.send(message);
    expect(result.status).to.equal('SEND_OK');
    const stored = await view(result.offsetMsgId);
    expect(stored).to.include({ topic, tags: 'Paid', shardingKey: 'order-1', flag: 7, msgId: result.msgId });
    expect(stored).to.include({ queueId: result.messageQueue.queueId, queueOffset: result.queueOffset });
    expect(stored.keys).to.deep.equal(['k1', 'k2']);
    expect(stored.properties).to.include({ colour: 'red' });
    expect(stored.body.toString()).to.equal('paid: 中');
  });

  it('sends a batch to consecutive offsets', async () => {
    const producer = await startProducer();
    const bodies = ['a', 'b', 'c'];
    const result = await producer.sendBatch(bodies.map((body) => ({ topic, body, shardingKey: 'batch', tags: body })));
    const ids = result.msgId.split(',');
    const stored = await Promise.all(result.offsetMsgId.split(',').map(view));
    expect(stored.map(({ body }) => body.toString())).to.deep.equal(bodies);
    expect(stored.map(({ tags }) => tags)).to.deep.equal(bodies);
    expect(stored.map(({ msgId }) => msgId)).to.deep.equal(ids);
    expect(stored.map(({ queueOffset }) => queueOffset - result.queueOffset)).to.deep.equal([0, 1, 2]);
  });

  for (const compressType of ['ZLIB', 'LZ4'] as const) {
    it(`sends a long body compressed by ${compressType}`, async () => {
      const producer = await startProducer({ compressType });
      const body = 'an order of many things; '.repeat(4_000);
      const stored = await view((await producer.send({ topic, body })).offsetMsgId);
      expect(stored.isCompressed).to.equal(true);
      expect(stored.bodyLength).to.be.below(5_000);
      expect(stored.body.toString()).to.equal(body);
    });
  }

  it('sends one way', async () => {
    const producer = await startProducer();
    const own = env.unique('oneway');
    await env.createTopic(own, 1);
    await producer.sendOneway({ topic: own, body: 'x' });
    const [{ message } = { message: undefined }] = await consume(own, 1);
    expect(message?.body.toString()).to.equal('x');
  });

  it('sends messages that are delivered later', async () => {
    const producer = await startProducer();
    const own = env.unique('later');
    await env.createTopic(own, 1);
    const sentAt = Date.now();
    // Brokers of 4.x have levels only, and deliver all others at once.
    const isTimed = env.version.startsWith('5.');
    await producer.send({ topic: own, body: 'level', delayTimeLevel: 1 });
    if (isTimed) {
      await producer.send({ topic: own, body: 'delay', delayMs: 2_000 });
      await producer.send({ topic: own, body: 'time', deliverAt: new Date(sentAt + 3_000) });
    }
    const received = await consume(own, isTimed ? 3 : 1);
    const after = Object.fromEntries(received.map(({ message, at }) => [message.body.toString(), at - sentAt]));
    // Brokers' timers have a precision of a second and may be early by it.
    expect(after['level']).to.be.at.least(900);
    if (isTimed) {
      expect(after['delay']).to.be.at.least(1_000);
      expect(after['time']).to.be.at.least(2_000);
    }
  });

  it('creates a topic by sending to it', async () => {
    const producer = await startProducer({ defaultTopicQueueNums: 3 });
    const own = env.unique('created');
    const results: SendResult[] = [];
    for (let i = 0; i < 4; i++) results.push(await producer.send({ topic: own, body: `${i}`, shardingKey: 'k' }));
    expect(results.map(({ queueOffset }) => queueOffset)).to.deep.equal([0, 1, 2, 3]);
    expect(results[0]?.messageQueue.queueId).to.be.below(3);
  });

  it('sends under a namespace', async () => {
    const producer = await startProducer({ namespace: 'ns' });
    const own = env.unique('spaced');
    await env.createTopic(`ns%${own}`, 1);
    const result = await producer.send({ topic: own, body: 'x' });
    expect(result.messageQueue.topic).to.equal(own);
    expect(await view(result.offsetMsgId)).to.include({ topic: `ns%${own}` });
  });

  it('keeps the order of a hundred keys, many at a time', async () => {
    const producer = await startProducer({ sendMsgTimeout: 30_000 });
    const sends = Array.from({ length: 2_000 }, (_, i) =>
      producer.send({ topic, body: `${i}`, shardingKey: `key-${i % 100}` }),
    );
    const results = await Promise.all(sends);
    for (let key = 0; key < 100; key++) {
      const ofKey = results.filter((_, i) => i % 100 === key);
      const places = new Set(ofKey.map(({ messageQueue }) => `${messageQueue.brokerName} ${messageQueue.queueId}`));
      expect(places.size).to.equal(1);
      const offsets = ofKey.map(({ queueOffset }) => queueOffset);
      expect(offsets).to.deep.equal(offsets.toSorted((a, b) => a - b));
    }
    expect(producer.pendingCount).to.equal(0);
  });

  it("tells a broker's refusal apart", async () => {
    const producer = await startProducer({ maxMessageSize: 8 * 1024 * 1024, compressMsgBodyOverHowmuch: 2 ** 30 });
    const tooLong = producer.send({ topic, body: Buffer.alloc(5 * 1024 * 1024) }, { timeoutMs: 10_000 });
    const error = await rejection(tooLong, SendError);
    expect((error.cause as BrokerError).responseCode).to.equal(13);
    expect(error.context).to.include({ outcome: 'not-stored', attempts: 1 });
    const queue = { topic, brokerName: env.brokers[0]?.name ?? '', queueId: 99 };
    const noQueue = await rejection(producer.send({ topic, body: 'x' }, { queue }), SendError);
    expect(noQueue.cause).to.be.instanceOf(BrokerError);
  });

  describe('and the reference', () => {
    it('send the same keys to the same queues', async () => {
      const keys = ['order-1', 'customer-77', 'polygenelubricants', 'TagA', 'a', 'zzzz', '4711'];
      const own = env.unique('hash');
      await env.createTopic(own, 3);
      const theirs = await javaProduce(env.java, { topic: own, count: keys.length, keys });
      const producer = await startProducer();
      for (const [i, shardingKey] of keys.entries()) {
        const { messageQueue } = await producer.send({ topic: own, body: 'x', shardingKey });
        const { brokerName, queueId } = theirs[i] ?? {};
        expect(messageQueue, shardingKey).to.deep.equal({ topic: own, brokerName, queueId });
      }
    });

    it('understand each other: what is sent here is read there', async () => {
      const own = env.unique('read');
      await env.createTopic(own, 1);
      const producer = await startProducer();
      const long = 'x'.repeat(10_000);
      await producer.send({ topic: own, body: 'first', shardingKey: 'k', keys: 'a', tags: 'T' });
      await producer.send({ topic: own, body: long, shardingKey: 'k' });
      await producer.sendBatch(['b1', 'b2'].map((body) => ({ topic: own, body, shardingKey: 'k' })));
      const member = await startJavaMember(env.java, { group: env.unique('java'), topic: own });
      closing.push({ close: () => member.kill() });
      await member.waitUntil('all are read', ({ messages }) => messages.length === 4);
      expect(member.messages.map(({ body }) => body)).to.deep.equal(['first', long.slice(0, 200), 'b1', 'b2']);
      expect(member.messages[0]).to.include({ keys: 'a', tags: 'T', shardingKey: 'k' });
      expect(member.messages[1]).to.include({ bodyLength: 10_000 });
    });
  });
});
