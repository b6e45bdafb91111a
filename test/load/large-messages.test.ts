import { randomFillSync } from 'node:crypto';
import { expect } from 'chai';
import { Target } from '../../bench/harness/target.js';
import { Deferred } from '../../bench/programs/deferred.js';
import { SoakMock } from '../../bench/soak/mock-process.js';
import { OrderJudge } from '../../bench/soak/order-judge.js';
import {
  MessageFormatError,
  OrderedConsumer,
  Producer,
  SendError,
  ValidationError,
  type MessageExt,
  type ProducerMessage,
  type RocketMQError,
} from '../../lib/index.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import { sendMessageV2 } from '../../lib/protocol/requests/send-message-v2.js';
import { MockCluster } from '../../mock-broker/index.js';
import { turns } from '../support/fake-clock.js';
import { messageOf } from '../support/mock-harness.js';
import { RawClient } from '../support/raw-client.js';
import { rejection } from '../support/rejection.js';
import { CacheWatch } from './support/cache-watch.js';
import { figure } from './support/figures.js';
import { expectAllCommitted, expectNothingAtBrokers, expectNothingHeld, heldResources } from './support/leftovers.js';

const TOPIC = 'T';
const GROUP = 'group';
const MIB = 1024 * 1024;
/** What a broker takes by default. */
const LARGEST_BODY = 4 * MIB;
const LARGEST_PROPERTIES = 32_767;

const largest = randomFillSync(Buffer.allocUnsafe(LARGEST_BODY));
const queue = { topic: TOPIC, brokerName: 'broker-a', queueId: 0 };

describe('bodies and properties of every size', () => {
  let before: Record<string, number>;
  let cluster: MockCluster;
  let producer: Producer;

  beforeEach(async () => {
    before = await heldResources();
    cluster = await MockCluster.start({ topics: { [TOPIC]: { queues: 2 } }, watchdogs: 'throw' });
    producer = new Producer({ namesrvAddr: cluster.namesrvAddr });
    await producer.start();
  });

  afterEach(async () => {
    await producer.close();
    await cluster.stop();
    await expectNothingHeld(before);
  });

  function sends(): number {
    return cluster.journal.requests({ code: RequestCode.SEND_MESSAGE_V2 }).length;
  }

  /** What is stored in the first queue, as a consumer hands it out. */
  async function consume(count: number): Promise<MessageExt[]> {
    const got: MessageExt[] = [];
    const done = new Deferred();
    const errors: RocketMQError[] = [];
    const consumer = consumerOf(cluster.namesrvAddr, errors);
    await consumer.start((messages) => {
      got.push(...messages);
      if (got.length === count) done.resolve();
    });
    await done.promise;
    await Promise.all([consumer.close(), producer.close()]);
    expect(errors).to.deep.equal([]);
    expect(got.map(({ queueOffset }) => queueOffset)).to.deep.equal([...got.keys()]);
    expectAllCommitted(cluster, GROUP, TOPIC);
    await expectNothingAtBrokers(cluster, GROUP);
    return got;
  }

  it('hands out bodies of 0 bytes, 1 byte and up to the limit of the broker as they were sent, and sends none above', async () => {
    // Only others can send it: no broker of the reference's clients does.
    cluster.produce(TOPIC, { ...queue, body: Buffer.alloc(0) });
    const bodies = [largest.subarray(0, 1), largest.subarray(1), largest, Buffer.alloc(LARGEST_BODY, 'easily packed ')];
    for (const body of bodies) await producer.send({ topic: TOPIC, body }, { queue });
    const sent = sends();
    expect(sent).to.equal(bodies.length);

    const tooLong = await rejection(
      producer.send(message(Buffer.alloc(LARGEST_BODY + 1)), { queue }),
      MessageFormatError,
    );
    expect(tooLong.code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
    const empty = await rejection(producer.send(message(Buffer.alloc(0)), { queue }), ValidationError);
    expect(empty.message).to.include('message.body');
    expect(sends(), 'what is refused never leaves').to.equal(sent);
    // The limit is the broker's, too.
    const raw = await RawClient.connect(cluster.brokers[0]?.address ?? '');
    const refusal = await raw.ask(sendMessageV2, messageOf({ topic: TOPIC, body: Buffer.alloc(LARGEST_BODY + 1) }));
    expect(refusal.code).to.equal(ResponseCode.MESSAGE_ILLEGAL);
    await raw.close();

    const got = await consume(bodies.length + 1);
    expect(got.map(({ body }) => body.length)).to.deep.equal([0, 1, LARGEST_BODY - 1, LARGEST_BODY, LARGEST_BODY]);
    for (const [index, body] of bodies.entries()) expect(isSame(got[index + 1], body)).to.be.true;
  });

  it('hands out properties of exactly 32,767 stored bytes as they were sent, and sends none above', async () => {
    const over = await rejection(producer.send(padded(LARGEST_PROPERTIES), { queue }), ValidationError);
    expect(over.message).to.include('at most 32767 bytes with tags, keys and ids');
    expect(sends(), 'what is refused never leaves').to.equal(0);
    // Producer and broker add some, always of the same length: the cluster's name, for one.
    await producer.send(padded(1), { queue });
    const added = storedProperties(0) - 1;
    const fitting = padded(LARGEST_PROPERTIES - added);
    await producer.send(fitting, { queue });
    await producer.send({ ...fitting, body: largest }, { queue });
    const refusal = await rejection(producer.send(padded(LARGEST_PROPERTIES - added + 1), { queue }), SendError);
    expect(refusal.message).to.include('MESSAGE_ILLEGAL').and.to.include('it is not stored');

    expect([1, 2].map(storedProperties)).to.deep.equal([LARGEST_PROPERTIES, LARGEST_PROPERTIES]);
    const [, small, large] = await consume(3);
    for (const got of [small, large]) {
      expect(got?.tags).to.equal('Created');
      expect(got?.keys).to.deep.equal(['o-1', 'o-2']);
      expect(got?.properties['p']).to.equal(fitting.properties?.['p']);
    }
    expect(isSame(large, largest)).to.be.true;
  });

  /** How many bytes the properties of a stored message take. */
  function storedProperties(offset: number): number {
    const stored = cluster.messages(TOPIC, { queueId: queue.queueId })[offset];
    return Buffer.byteLength(encodeProperties(stored?.properties ?? {}));
  }
});

describe('many bodies of 4 MiB', () => {
  const QUEUES = 2;
  const MESSAGES_PER_QUEUE = 12;
  /** MiB a queue may hold. */
  const LIMIT = 8;
  const ONE = LARGEST_BODY / MIB;
  /**
   * Besides the buffer a queue holds the message before the one that is with the listener, and the one by which it is told
   * whether the listener reads its messages; each connection what it reads into: a frame, and the beginning of the next.
   */
  const BESIDES = QUEUES * 2 * ONE + 2 * ONE;

  it('take no more memory than the limit of each queue and one pull, and a few messages', async () => {
    const collect = globalThis.gc;
    if (collect === undefined) throw new Error('these tests need node --expose-gc');
    const before = await heldResources();
    // In a process of its own: what it holds is not the consumer's.
    const mock = await SoakMock.start({ group: GROUP, brokers: 1 });
    try {
      const { name: topic, queues } = await (await Target.running(mock.namesrvAddr)).createTopic(TOPIC, QUEUES);
      const producer = new Producer({ namesrvAddr: mock.namesrvAddr, compressMsgBodyOverHowmuch: 2 * LARGEST_BODY });
      await producer.start();
      for (const to of queues) {
        for (let i = 0; i < MESSAGES_PER_QUEUE; i++) await producer.send({ topic, body: largest }, { queue: to });
      }
      await producer.close();
      const errors: RocketMQError[] = [];
      const judge = new OrderJudge();
      const caches = new CacheWatch({ count: 1_000, bytes: LIMIT * MIB, pullCount: 1, pullBytes: LARGEST_BODY });
      const done = new Deferred();
      const consumer = consumerOf(mock.namesrvAddr, errors, { pullThresholdSizeForQueue: LIMIT }, topic);
      await turns();
      const memoryBefore = bufferMemory(collect);
      let most = 0;
      await consumer.start(async ([message]) => {
        if (message === undefined) throw new Error('the listener was called without a message');
        judge.handedOut({ member: 'c1', queue: String(message.queueId), offset: message.queueOffset });
        // As soon as nothing comes any more, pulling pauses; at the end there is nothing more to come.
        for (let quiet = 0, held = -1; quiet < 20; quiet++) {
          await turns(1);
          caches.sample(consumer);
          const { bufferedBytes } = consumer.status();
          if (bufferedBytes !== held) quiet = 0;
          held = bufferedBytes;
        }
        most = Math.max(most, bufferMemory(collect) - memoryBefore);
        if (!largest.equals(message.body)) judge.faults.push(`${message.queueOffset} came damaged`);
        if (judge.calls === QUEUES * MESSAGES_PER_QUEUE) done.resolve();
      });
      await done.promise;
      await consumer.close();
      expect(judge.faults).to.deep.equal([]);
      expect(judge.repeated).to.equal(0);
      expect(errors).to.deep.equal([]);
      expect(caches.faults).to.deep.equal([]);
      expect(caches.mostBytes, 'pulling had to pause').to.be.greaterThan(LIMIT * MIB);
      // And a MiB for all that is small.
      expect(most / MIB, 'MiB').to.be.within(LIMIT, QUEUES * (LIMIT + ONE) + BESIDES + 1);
      expect((await mock.state()).violations, mock.said).to.equal(0);
      figure(`${judge.calls} bodies of 4 MiB in 2 queues, limit 8 MiB each: a queue held ${caches.mostBytes / MIB} MiB at most, memory for buffers rose by ${(most / MIB).toFixed(1)} MiB at most`); // prettier-ignore
    } finally {
      await mock.stop();
    }
    await expectNothingHeld(before);
  });
});

function consumerOf(namesrvAddr: string, errors: RocketMQError[], options = {}, topic = TOPIC): OrderedConsumer {
  const consumer = new OrderedConsumer({
    namesrvAddr,
    consumerGroup: GROUP,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    // The whole cluster and a busy machine share the thread.
    mqClientApiTimeout: 30_000,
    ...options,
  });
  consumer.subscribe(topic);
  consumer.on('error', (error) => errors.push(error));
  return consumer;
}

function isSame(message: MessageExt | undefined, body: Buffer): boolean {
  return message !== undefined && body.equals(message.body);
}

/** Bytes of all buffers in use. The second collection waits until what the first one found is freed. */
function bufferMemory(collect: NonNullable<typeof globalThis.gc>): number {
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}

function message(body: Buffer): ProducerMessage {
  return { topic: TOPIC, body };
}

function padded(length: number): ProducerMessage {
  return { ...message(Buffer.from('x')), tags: 'Created', keys: ['o-1', 'o-2'], properties: { p: 'v'.repeat(length) } };
}
