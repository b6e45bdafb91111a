import { expect } from 'chai';
import {
  AbortError,
  ConnectionError,
  MessageFormatError,
  RocketMQError,
  RouteError,
  SendError,
  StateError,
  ValidationError,
  BrokerError,
} from '../../lib/errors.js';
import type { ProducerOptions } from '../../lib/options.js';
import { Producer } from '../../lib/producer/producer.js';
import type { ProducerMessage } from '../../lib/producer/producer-message.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { MockClock, MockCluster, type JournalEntry, type MockClusterOptions } from '../../mock-broker/index.js';
import { rejection } from '../support/rejection.js';

const { HEART_BEAT, SEND_MESSAGE_V2, SEND_BATCH_MESSAGE, UNREGISTER_CLIENT, GET_ROUTEINFO_BY_TOPIC } = RequestCode;

describe('producer', () => {
  let cluster: MockCluster;
  const producers: Producer[] = [];

  const startCluster = async (options: MockClusterOptions = {}): Promise<void> => {
    cluster = await MockCluster.start({ topics: { Orders: { queues: 4 } }, ...options });
  };
  const producerOf = (options: ProducerOptions = {}): Producer => {
    // The random part keeps the connections of one test apart from those of others.
    const instanceName = `test-${Math.random()}`;
    const producer = new Producer({ namesrvAddr: cluster.namesrvAddr, instanceName, ...options });
    producers.push(producer);
    return producer;
  };
  const startProducer = async (options: ProducerOptions = {}): Promise<Producer> => {
    const producer = producerOf(options);
    await producer.start();
    // What tests look at begins with the first message.
    cluster.journal.clear();
    return producer;
  };
  const sent = (code: number = SEND_MESSAGE_V2): JournalEntry[] => cluster.journal.requests({ code });
  const bodies = (topic = 'Orders', queueId?: number): string[] =>
    cluster.messages(topic, queueId === undefined ? {} : { queueId }).map(({ body }) => body.toString());

  afterEach(async () => {
    cluster?.faults.clear();
    await Promise.all(producers.splice(0).map((producer) => producer.close()));
    await cluster?.stop();
  });

  describe('sends', () => {
    it('a message, which is stored as it was given', async () => {
      await startCluster();
      const producer = await startProducer();
      const result = await producer.send({
        topic: 'Orders',
        body: 'paid',
        tags: 'Paid',
        keys: ['k1', 'k2'],
        shardingKey: 'order-1',
        properties: { colour: 'red' },
        flag: 7,
      });
      expect(result).to.include({ status: 'SEND_OK', queueOffset: 0, regionId: 'DefaultRegion', traceOn: true });
      const [message] = cluster.messages('Orders');
      expect(message).to.include({ tags: 'Paid', shardingKey: 'order-1', flag: 7, msgId: result.msgId });
      expect(message).to.include({ offsetMsgId: result.offsetMsgId, queueId: result.messageQueue.queueId });
      expect(message?.keys).to.deep.equal(['k1', 'k2']);
      expect(message?.properties).to.include({ colour: 'red', WAIT: 'true', __SHARDINGKEY: 'order-1' });
      expect(message?.body.toString()).to.equal('paid');
    });

    it('the messages of a key to the queue of its hash, in the order of the calls', async () => {
      await startCluster({ topics: { Orders: { queues: 4 } }, brokers: 2 });
      const producer = await startProducer();
      const keys = ['TagA', 'TagB', '中文', 'order-1'];
      const sends = Array.from({ length: 200 }, (_, i) => {
        const shardingKey = keys[i % keys.length] as string;
        return producer.send({ topic: 'Orders', body: `${shardingKey} ${i}`, shardingKey });
      });
      await Promise.all(sends);
      // Eight queues: those of broker-a are 0 to 3, those of broker-b 4 to 7.
      const places = { TagA: 'broker-b 3', TagB: 'broker-a 0', 中文: 'broker-a 2', 'order-1': 'broker-b 2' };
      for (const [key, place] of Object.entries(places)) {
        const stored = cluster.messages('Orders').filter(({ shardingKey }) => shardingKey === key);
        expect(new Set(stored.map(({ brokerName, queueId }) => `${brokerName} ${queueId}`))).to.deep.equal(
          new Set([place]),
        );
        const numbers = stored.map(({ body }) => Number(body.toString().split(' ')[1]));
        expect(numbers)
          .to.deep.equal(numbers.toSorted((a, b) => a - b))
          .and.to.have.length(50);
      }
    });

    it('a thousand keys side by side, each in order', async function () {
      this.timeout(30_000);
      await startCluster();
      const producer = await startProducer({ sendMsgTimeout: 30_000 });
      const sends: Promise<unknown>[] = [];
      for (let i = 0; i < 5; i++) {
        for (let key = 0; key < 1_000; key++) {
          sends.push(producer.send({ topic: 'Orders', body: `${i}`, shardingKey: `key-${key}` }));
        }
      }
      await Promise.all(sends);
      const perKey = new Map<string, string>();
      for (const { shardingKey = '', body } of cluster.messages('Orders')) {
        perKey.set(shardingKey, `${perKey.get(shardingKey) ?? ''}${body.toString()}`);
      }
      expect(perKey.size).to.equal(1_000);
      expect(new Set(perKey.values())).to.deep.equal(new Set(['01234']));
      expect(producer.pendingCount).to.equal(0);
    });

    it('to a queue that is named, and to one that is selected', async () => {
      await startCluster();
      const producer = await startProducer();
      const queue = { topic: 'Orders', brokerName: 'broker-a', queueId: 2 };
      const first = await producer.send({ topic: 'Orders', body: 'a' }, { queue });
      expect(first.messageQueue).to.deep.equal(queue);
      const seen: unknown[] = [];
      const second = await producer.send(
        { topic: 'Orders', body: 'b', shardingKey: 'k' },
        {
          selector: (queues, message, arg) => {
            seen.push(queues.length, message.body, arg);
            return queues[3] ?? queue;
          },
        },
      );
      expect(second.messageQueue.queueId).to.equal(3);
      expect(seen).to.deep.equal([4, 'b', 'k']);
      await producer.send({ topic: 'Orders', body: 'c' }, { selector: (queues, _, arg) => queues[arg as number] ?? queue, arg: 1 }); // prettier-ignore
      expect(bodies('Orders', 1)).to.deep.equal(['c']);
    });

    it('plain messages to all queues in turn', async () => {
      await startCluster();
      const producer = await startProducer();
      await Promise.all(Array.from({ length: 8 }, () => producer.send({ topic: 'Orders', body: 'x' })));
      for (let queueId = 0; queueId < 4; queueId++) expect(bodies('Orders', queueId)).to.have.length(2);
    });

    it('one way, without an answer', async () => {
      await startCluster();
      const producer = await startProducer();
      await producer.sendOneway({ topic: 'Orders', body: 'x', shardingKey: 'TagA' });
      const entry = await cluster.journal.waitFor(({ code }) => code === SEND_MESSAGE_V2);
      expect(entry.kind).to.equal('oneway');
      // Stored in its turn: when the next message of the key is, it was before it.
      await producer.send({ topic: 'Orders', body: 'y', shardingKey: 'TagA' });
      expect(bodies('Orders', 3)).to.deep.equal(['x', 'y']);
    });

    it('a batch to consecutive offsets, with an id for each message', async () => {
      await startCluster();
      const producer = await startProducer();
      const message = { topic: 'Orders', shardingKey: 'TagA' };
      await producer.send({ ...message, body: 'first' });
      const batch = ['a', 'b', 'c'].map((body) => ({ ...message, body, tags: body }));
      const result = await producer.sendBatch(batch);
      expect(result).to.include({ status: 'SEND_OK', queueOffset: 1 });
      expect(result.messageQueue.queueId).to.equal(3);
      const stored = cluster.messages('Orders', { queueId: 3 }).slice(1);
      expect(stored.map(({ queueOffset, body }) => `${queueOffset} ${body.toString()}`)).to.deep.equal(['1 a', '2 b', '3 c']); // prettier-ignore
      expect(stored.map(({ msgId }) => msgId).join(',')).to.equal(result.msgId);
      expect(stored.map(({ offsetMsgId }) => offsetMsgId).join(',')).to.equal(result.offsetMsgId);
      expect(stored.map(({ tags }) => tags)).to.deep.equal(['a', 'b', 'c']);
      expect(sent(SEND_BATCH_MESSAGE)[0]?.ext).to.include({ m: 'true', f: '0' });
    });

    for (const [compressType, sysFlag] of [
      ['ZLIB', '769'],
      ['LZ4', '257'],
    ] as const) {
      it(`a long body compressed by ${compressType}, which the decoder unpacks`, async () => {
        await startCluster();
        const producer = await startProducer({ compressType, compressLevel: 9 });
        const body = 'an order of many things; '.repeat(2_000);
        await producer.send({ topic: 'Orders', body });
        expect(sent()[0]?.ext).to.include({ f: sysFlag });
        expect(sent()[0]?.body).to.have.length.below(2_000);
        expect(bodies()).to.deep.equal([body]);
      });
    }

    it('messages to be delivered later', async () => {
      await startCluster({ clock: MockClock.manual(1_700_000_000_000) });
      const producer = await startProducer();
      const later = (body: string, delay: Partial<ProducerMessage>): Promise<unknown> =>
        producer.send({ topic: 'Orders', body, ...delay }, { queue: { topic: 'Orders', brokerName: 'broker-a', queueId: 0 } }); // prettier-ignore
      await later('level 3', { delayTimeLevel: 3 });
      await later('in 20 s', { delayMs: 20_000 });
      await later('at 30 s', { deliverAt: new Date(1_700_000_030_000) });
      await later('now', {});
      const shown: string[][] = [];
      for (const ms of [0, 9_999, 1, 10_000, 10_000]) {
        cluster.clock.advance(ms);
        shown.push(bodies());
      }
      expect(shown).to.deep.equal([
        ['now'],
        ['now'],
        ['now', 'level 3'],
        ['now', 'level 3', 'in 20 s'],
        ['now', 'level 3', 'in 20 s', 'at 30 s'],
      ]);
    });

    it('to a topic that does not exist, which creates it', async () => {
      await startCluster();
      const producer = await startProducer({ defaultTopicQueueNums: 3 });
      const result = await producer.send({ topic: 'New', body: 'x', shardingKey: 'TagA' });
      expect(result.messageQueue).to.deep.equal({ topic: 'New', brokerName: 'broker-a', queueId: 2_598_919 % 3 });
      await producer.send({ topic: 'New', body: 'y', shardingKey: 'TagA' });
      expect(bodies('New')).to.deep.equal(['x', 'y']);
      expect(cluster.topics()).to.include('New');
      expect(cluster.broker('broker-a').state.topics.get('New')?.writeQueueNums).to.equal(3);
      const lookups = sent(GET_ROUTEINFO_BY_TOPIC).map(({ ext }) => ext['topic']);
      expect(lookups).to.deep.equal(['New', 'TBW102']);
    });

    it('not to a topic that does not exist where none may be created', async () => {
      await startCluster({ autoCreateTopicEnable: false });
      const producer = await startProducer();
      const error = await rejection(producer.send({ topic: 'New', body: 'x' }), SendError);
      expect(error.cause).to.be.instanceOf(RouteError).with.property('code', 'ERR_ROCKETMQ_TOPIC_NOT_FOUND');
      expect(error.context).to.include({ outcome: 'not-stored', attempts: 0 });
    });

    it('under a namespace', async () => {
      await startCluster({ topics: { 'ns%Orders': { queues: 2 } } });
      const producer = await startProducer({ namespace: 'ns', producerGroup: 'pg' });
      const result = await producer.send({ topic: 'Orders', body: 'x', shardingKey: 'TagA' });
      expect(result.messageQueue.topic).to.equal('Orders');
      const [message] = cluster.messages('ns%Orders');
      expect(message?.properties).to.include({ INSTANCE_ID: 'ns' });
      expect(sent()[0]?.ext).to.include({ a: 'ns%pg', b: 'ns%Orders' });
    });

    it('signed requests, and only those are taken', async () => {
      const acl = { accessKey: 'rocketmq2', secretKey: '12345678' };
      await startCluster({ acl });
      const producer = await startProducer({ acl });
      expect((await producer.send({ topic: 'Orders', body: 'x' })).status).to.equal('SEND_OK');
      const stranger = producerOf({ acl: { ...acl, secretKey: 'wrong' } });
      const error = await rejection(stranger.start(), BrokerError);
      expect(error.responseCode).to.equal(ResponseCode.SYSTEM_ERROR);
      expect(error.message).to.include('acl.secretKey');
      expect(bodies()).to.deep.equal(['x']);
    });
  });

  describe('when something fails', () => {
    it('sends an ordered message again before the next one of its key', async () => {
      await startCluster();
      const producer = await startProducer();
      const retries: unknown[] = [];
      producer.on('retry', ({ attempts, messageQueue, error }) => retries.push([attempts, messageQueue?.queueId, (error as BrokerError).responseCode])); // prettier-ignore
      cluster.faults.add({ code: SEND_MESSAGE_V2, times: 2, action: { type: 'answer', code: 2, remark: 'busy' } });
      await Promise.all(['a', 'b', 'c'].map((body) => producer.send({ topic: 'Orders', body, shardingKey: 'TagA' })));
      expect(bodies('Orders', 3)).to.deep.equal(['a', 'b', 'c']);
      expect(sent().map(({ body }) => body.toString())).to.deep.equal(['a', 'a', 'a', 'b', 'c']);
      expect(retries).to.deep.equal([
        [1, 3, 2],
        [2, 3, 2],
      ]);
    });

    it('stores a message twice, but in its place, when its answer got lost', async () => {
      await startCluster();
      const producer = await startProducer();
      cluster.faults.add({
        code: SEND_MESSAGE_V2,
        times: 1,
        after: 1,
        action: { type: 'close', when: 'before-reply' },
      });
      await Promise.all(['a', 'b', 'c'].map((body) => producer.send({ topic: 'Orders', body, shardingKey: 'TagA' })));
      expect(bodies('Orders', 3)).to.deep.equal(['a', 'b', 'b', 'c']);
      const [, first, second] = cluster.messages('Orders', { queueId: 3 });
      expect(first?.msgId).to.equal(second?.msgId);
    });

    it('sends a plain message to another broker', async () => {
      await startCluster({ brokers: 2 });
      const producer = await startProducer();
      cluster.faults.add({ code: SEND_MESSAGE_V2, broker: 'broker-a', action: { type: 'answer', code: 14 } });
      const results = await Promise.all(Array.from({ length: 8 }, () => producer.send({ topic: 'Orders', body: 'x' })));
      expect(new Set(results.map(({ messageQueue }) => messageQueue.brokerName))).to.deep.equal(new Set(['broker-b']));
    });

    it('says that it is unknown whether a message is stored when there is no answer', async () => {
      await startCluster();
      const producer = await startProducer({ sendMsgTimeout: 100 });
      await producer.send({ topic: 'Orders', body: 'warm up' }, { timeoutMs: 3_000 });
      cluster.faults.add({ code: SEND_MESSAGE_V2, times: 1, action: { type: 'dropReply' } });
      const error = await rejection(producer.send({ topic: 'Orders', body: 'x', shardingKey: 'k' }), SendError);
      expect(error.context).to.include({ outcome: 'unknown', attempts: 1 });
      expect(error.message).to.include('whether it is stored is unknown');
      expect(bodies()).to.include('x');
    });

    it('goes on after a broker was away', async () => {
      await startCluster();
      const producer = await startProducer({ sendMsgTimeout: 10_000, retryTimesWhenSendFailed: 100 });
      await producer.send({ topic: 'Orders', body: 'a', shardingKey: 'TagA' });
      const broker = cluster.broker('broker-a');
      await broker.stop();
      const failedOnce = new Promise((resolve) => producer.once('retry', resolve));
      const sends = ['b', 'c'].map((body) => producer.send({ topic: 'Orders', body, shardingKey: 'TagA' }));
      await failedOnce;
      await broker.start();
      await Promise.all(sends);
      expect(bodies('Orders', 3)).to.deep.equal(['a', 'b', 'c']);
    });

    it('blocks the key where that is wished', async () => {
      await startCluster();
      const producer = await startProducer({ orderedFailure: 'block-key' });
      const blocked: unknown[] = [];
      producer.on('keyBlocked', ({ cause, ...scope }) => blocked.push(scope, cause));
      cluster.faults.add({ code: SEND_MESSAGE_V2, times: 1, action: { type: 'answer', code: 13 } });
      const message = { topic: 'Orders', shardingKey: 'TagA' };
      const first = rejection(producer.send({ ...message, body: 'a' }), SendError);
      const second = rejection(producer.send({ ...message, body: 'b' }), SendError);
      expect((await second).cause).to.equal(await first);
      expect(blocked).to.deep.equal([message, await first]);
      expect(producer.blocked).to.deep.equal([message]);
      expect(producer.unblockKey('TagA', 'Other')).to.equal(false);
      expect(producer.unblockKey('TagA')).to.equal(true);
      await producer.send({ ...message, body: 'c' });
      expect(bodies()).to.deep.equal(['c']);
    });

    for (const [code, status] of [
      [10, 'FLUSH_DISK_TIMEOUT'],
      [11, 'SLAVE_NOT_AVAILABLE'],
      [12, 'FLUSH_SLAVE_TIMEOUT'],
    ] as const) {
      it(`takes ${status} for a success`, async () => {
        await startCluster();
        const producer = await startProducer();
        const fault = { code: SEND_MESSAGE_V2, times: 1 };
        cluster.faults.add({ ...fault, action: { type: 'rewrite', reply: (answer) => ({ ...answer, code }) } });
        expect((await producer.send({ topic: 'Orders', body: 'x' })).status).to.equal(status);
        expect(bodies()).to.deep.equal(['x']);
      });
    }

    it('does not let an observer that throws fail the send', async () => {
      await startCluster();
      const producer = await startProducer();
      const failure = new Error('of the observer');
      producer.on('retry', () => {
        throw failure;
      });
      // It surfaces as uncaught, which the test runner must not see.
      const runners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
      try {
        cluster.faults.add({ code: SEND_MESSAGE_V2, times: 1, action: { type: 'answer', code: 2 } });
        await producer.send({ topic: 'Orders', body: 'x' });
        expect(await uncaught).to.equal(failure);
      } finally {
        for (const listener of runners) process.on('uncaughtException', listener);
      }
    });
  });

  describe('of fixed queues', () => {
    const fixed = [3, 1].map((queueId) => ({ topic: 'Orders', brokerName: 'broker-a', queueId }));

    it('spreads keys over them alone', async () => {
      await startCluster();
      const producer = await startProducer({ queuePolicy: { fixed } });
      for (const shardingKey of ['TagA', 'TagB'])
        await producer.send({ topic: 'Orders', body: shardingKey, shardingKey });
      expect([bodies('Orders', 3), bodies('Orders', 1)]).to.deep.equal([['TagB'], ['TagA']]);
    });

    it('fails the keys of a queue that is gone, at once', async () => {
      await startCluster({ topics: { Orders: { queues: 2 } } });
      const producer = await startProducer({ queuePolicy: { fixed } });
      const error = await rejection(producer.send({ topic: 'Orders', body: 'x', shardingKey: 'TagB' }), SendError);
      expect(error.cause).to.have.property('code', 'ERR_ROCKETMQ_NO_QUEUE');
      expect((await producer.send({ topic: 'Orders', body: 'x', shardingKey: 'TagA' })).messageQueue.queueId).to.equal(
        1,
      );
      expect(sent()).to.have.length(1);
    });
  });

  describe('refuses', () => {
    const refused = async (send: (producer: Producer) => Promise<unknown>): Promise<ValidationError> => {
      await startCluster();
      const error = await rejection(send(await startProducer()), ValidationError);
      expect(cluster.journal.requests()).to.deep.equal([]);
      return error;
    };
    const message = { topic: 'Orders', body: 'x' };

    it('a message that is none, before anything is sent', async () => {
      expect((await refused((producer) => producer.send({ topic: 'Orders' } as ProducerMessage))).field).to.equal('message.body'); // prettier-ignore
    });

    it('a body that is too long', async () => {
      await startCluster();
      const producer = await startProducer({ maxMessageSize: 10 });
      const error = await rejection(producer.send({ ...message, body: 'x'.repeat(11) }), MessageFormatError);
      expect(error.code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
      expect(cluster.journal.requests()).to.deep.equal([]);
    });

    it("another topic's queue", async () => {
      const queue = { topic: 'Bills', brokerName: 'broker-a', queueId: 0 };
      expect((await refused((producer) => producer.send(message, { queue }))).field).to.equal('options.queue.topic');
    });

    it('a queue and a selector together', async () => {
      const queue = { topic: 'Orders', brokerName: 'broker-a', queueId: 0 };
      const error = await refused((producer) => producer.sendOneway(message, { queue, selector: () => queue }));
      expect(error.field).to.equal('options');
    });

    for (const [what, options, field] of [
      ['options that are none', 5, 'options'],
      ['an unknown option', { timeout: 5 }, 'options.timeout'],
      ['a time of nothing', { timeoutMs: 0 }, 'options.timeoutMs'],
      ['a selector that is no function', { selector: 'hash' }, 'options.selector'],
      ['a signal that is none', { signal: {} }, 'options.signal'],
      ['a queue that is none', { queue: 1 }, 'options.queue'],
      ['a queue without broker', { queue: { topic: 'Orders', queueId: 1 } }, 'options.queue.brokerName'],
      [
        'a queue of a negative id',
        { queue: { topic: 'Orders', brokerName: 'b', queueId: -1 } },
        'options.queue.queueId',
      ],
    ] as const) {
      it(what, async () => {
        expect((await refused((producer) => producer.send(message, options as object))).field).to.equal(field);
      });
    }

    it('a batch of several keys that names no queue', async () => {
      const batch = ['a', 'b'].map((shardingKey) => ({ ...message, shardingKey }));
      expect((await refused((producer) => producer.sendBatch(batch))).field).to.equal('messages[1].shardingKey');
      const producer = await startProducer();
      const queue = { topic: 'Orders', brokerName: 'broker-a', queueId: 1 };
      expect((await producer.sendBatch(batch, { queue })).messageQueue).to.deep.equal(queue);
    });

    it('a signal that has fired', async () => {
      await startCluster();
      const producer = await startProducer();
      const reason = new Error('enough');
      const error = await rejection(producer.send(message, { signal: AbortSignal.abort(reason) }), AbortError);
      expect(error.cause).to.equal(reason);
      expect(cluster.journal.requests()).to.deep.equal([]);
    });

    it('options that make no sense', async () => {
      await startCluster();
      expect(() => producerOf({ sendMsgTimeout: 0 })).to.throw(ValidationError);
      expect(() => producerOf({ hash: 'md5' as 'java' })).to.throw(ValidationError);
    });
  });

  describe('in its life', () => {
    it('sends only between start and close', async () => {
      await startCluster();
      const producer = producerOf();
      const send = (): Promise<unknown> => producer.send({ topic: 'Orders', body: 'x' });
      expect((await rejection(send(), StateError)).message).to.include('call start() first');
      expect(producer.pendingCount).to.equal(0);
      expect(producer.blocked).to.deep.equal([]);
      expect(producer.unblockKey('k')).to.equal(false);
      await producer.start();
      await rejection(producer.start(), StateError);
      await send();
      const closing = producer.close();
      expect((await rejection(send(), StateError)).message).to.include('the producer is closing');
      await closing;
      expect((await rejection(producer.sendBatch([]), StateError)).message).to.include('closed');
      await rejection(producer.start(), StateError);
    });

    it('can be closed without having been started, and twice', async () => {
      await startCluster();
      const producer = producerOf();
      expect(producer.close()).to.equal(producer.close());
      await producer.close();
      await rejection(producer.start(), StateError);
    });

    it('does not start while no name server is there, names it, and leaves nothing running', async () => {
      await startCluster();
      const { namesrvAddr } = cluster;
      await cluster.stop();
      const producer = producerOf({ namesrvAddr });
      const error = await rejection(producer.start(), RouteError);
      expect(error.code).to.equal('ERR_ROCKETMQ_NO_NAME_SERVER');
      expect(error.message).to.include(namesrvAddr);
      await rejection(producer.start(), StateError);
    });

    it('does not start while no broker is there, and names it', async () => {
      await startCluster();
      cluster.faults.add({ code: HEART_BEAT, action: { type: 'close', when: 'before' } });
      const error = await rejection(producerOf().start(), ConnectionError);
      expect(error.code).to.equal('ERR_ROCKETMQ_CONNECT_FAILED');
      expect(error.message).to.include(cluster.broker('broker-a').address);
    });

    it('says so when it sends and nobody is there any more', async () => {
      await startCluster();
      const producer = await startProducer({ sendMsgTimeout: 1_000 });
      await cluster.stop();
      const error = await rejection(producer.send({ topic: 'Orders', body: 'x' }), SendError);
      expect(error.cause).to.be.instanceOf(RocketMQError);
      expect(error.retryable).to.equal(true);
      await producer.close();
    });

    it('tells of connections', async () => {
      await startCluster();
      const producer = producerOf();
      const events: string[] = [];
      producer.on('connected', ({ address }) => events.push(`connected ${address}`));
      producer.on('disconnected', ({ address, error }) => events.push(`disconnected ${address} ${String(error)}`));
      await producer.start();
      const addresses = [cluster.namesrvAddr, cluster.broker('broker-a').address];
      expect(events).to.deep.equal(addresses.map((address) => `connected ${address}`));
      await producer.close();
      expect(events).to.have.length(2);
    });

    it('shares connections with others of its client id, and leaves them to those when it closes', async () => {
      await startCluster();
      const [first, second] = [
        await startProducer({ instanceName: 'shared', producerGroup: 'pg1' }),
        await startProducer({ instanceName: 'shared', producerGroup: 'pg2' }),
      ];
      expect(first.clientId).to.equal(second.clientId);
      await first.send({ topic: 'Orders', body: 'x' });
      await second.send({ topic: 'Orders', body: 'x' });
      expect(new Set(sent().map(({ connection }) => connection)).size).to.equal(1);
      await first.close();
      expect(sent(UNREGISTER_CLIENT).map(({ ext }) => ext['producerGroup'])).to.deep.equal(['pg1']);
      await second.send({ topic: 'Orders', body: 'x' });
      expect(bodies()).to.have.length(3);
    });

    it('finishes what is under way before it closes', async () => {
      await startCluster();
      const producer = await startProducer();
      cluster.faults.add({ code: SEND_MESSAGE_V2, times: 1, action: { type: 'delay', ms: 50 } });
      const sends = ['a', 'b'].map((body) => producer.send({ topic: 'Orders', body, shardingKey: 'TagA' }));
      await producer.close();
      expect((await Promise.all(sends)).map(({ queueOffset }) => queueOffset)).to.deep.equal([0, 1]);
      const last = cluster.journal.requests().at(-1);
      expect(last?.code).to.equal(UNREGISTER_CLIENT);
    });

    it('gives up what does not end', async () => {
      await startCluster();
      const producer = await startProducer();
      const fault = cluster.faults.add({ code: SEND_MESSAGE_V2, action: { type: 'drop' } });
      const first = rejection(producer.send({ topic: 'Orders', body: 'a', shardingKey: 'k' }), SendError);
      const second = rejection(producer.send({ topic: 'Orders', body: 'b', shardingKey: 'k' }), StateError);
      await fault.waitForHits();
      await producer.close({ timeoutMs: 1 });
      expect((await first).context).to.include({ outcome: 'unknown' });
      await second;
    });

    it('closes by itself at the end of its block', async () => {
      await startCluster();
      let outside: Producer;
      {
        await using producer = await startProducer();
        await producer.send({ topic: 'Orders', body: 'x' });
        outside = producer;
      }
      await rejection(outside.send({ topic: 'Orders', body: 'y' }), StateError);
    });

    it('has a group and a client id', async () => {
      await startCluster();
      const producer = producerOf({ producerGroup: 'pg', clientIP: 'not-an-ip', instanceName: 'i' });
      expect(producer.producerGroup).to.equal('pg');
      expect(producer.clientId).to.equal('not-an-ip@i');
      await producer.start();
      expect((await producer.send({ topic: 'Orders', body: 'x' })).msgId).to.match(/^[0-9A-F]{32}$/);
    });

    it('takes its ids from its own address', async () => {
      await startCluster();
      const producer = await startProducer({ clientIP: '10.1.2.3' });
      expect((await producer.send({ topic: 'Orders', body: 'x' })).msgId).to.match(/^0A010203[0-9A-F]{24}$/);
    });
  });
});
