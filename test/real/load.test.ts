import { randomFillSync } from 'node:crypto';
import { expect } from 'chai';
import { BrokerError, MessageFormatError, SendError, ValidationError } from '../../lib/errors.js';
import type { MessageExt, ProducerMessage } from '../../lib/index.js';
import { ResponseCode } from '../../lib/protocol/codes.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import { sendMessageV2 } from '../../lib/protocol/requests/send-message-v2.js';
import { messageOf } from '../support/mock-harness.js';
import { realEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';
import { rejection } from '../support/rejection.js';

const LARGEST_BODY = 4 * 1024 * 1024;
const LARGEST_PROPERTIES = 32_767;
const QUEUES = 256;
const MESSAGES_PER_QUEUE = 20;
/** Milliseconds; seconds are what it takes. */
const PATIENCE = 60_000;

/** What a broker takes and gives at its limits. */
describe('load', () => {
  let rig: RealRig;
  const largest = randomFillSync(Buffer.allocUnsafe(LARGEST_BODY));

  let isV4: boolean;

  before(async () => {
    const env = await realEnv();
    rig = new RealRig(env);
    isV4 = env.version.startsWith('4.');
  });

  afterEach(() => rig.stop());

  /** What a new group gets of the topic's first messages. */
  async function consume(topic: string, count: number): Promise<MessageExt[]> {
    const member = await rig.consume(topic, rig.group());
    await member.untilDelivered(count, PATIENCE);
    expect(member.errors).to.deep.equal([]);
    return member.deliveries.map(({ message }) => message);
  }

  it('bodies of 1 byte and up to 4 MiB come as they were sent, and longer ones are not taken; empty ones are before 5.0', async () => {
    const topic = await rig.topic();
    const producer = await rig.producer();
    const queue = rig.queue(topic);
    const bodies = [largest.subarray(0, 1), largest.subarray(1), largest, Buffer.alloc(LARGEST_BODY, 'easily packed ')];
    for (const body of bodies) await producer.send({ topic, body }, { queue, timeoutMs: 10_000 });
    const over = await rejection(producer.send({ topic, body: Buffer.alloc(LARGEST_BODY + 1) }), MessageFormatError);
    expect(over.code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
    await rejection(producer.send({ topic, body: Buffer.alloc(0) }), ValidationError);
    // What the producer refuses brokers do, too, but for one of 4.x.
    const asIs = (length: number): Promise<unknown> =>
      rig.ask(sendMessageV2, messageOf({ topic, body: Buffer.alloc(length) }));
    expect((await rejection(asIs(LARGEST_BODY + 1), BrokerError)).responseCode).to.equal(ResponseCode.MESSAGE_ILLEGAL);
    if (isV4) {
      await asIs(0);
      bodies.push(Buffer.alloc(0));
    } else {
      expect((await rejection(asIs(0), BrokerError)).responseCode).to.equal(ResponseCode.SYSTEM_ERROR);
    }
    expect(await rig.maxOffset(queue)).to.equal(bodies.length);
    const got = await consume(topic, bodies.length);
    expect(got.map(({ body }) => body.length)).to.deep.equal(bodies.map(({ length }) => length));
    for (const [index, body] of bodies.entries()) expect(got[index]?.body.equals(body)).to.be.true;
  });

  it('properties of exactly 32,767 stored bytes come as they were sent; longer ones are not taken', async () => {
    const topic = await rig.topic();
    const producer = await rig.producer();
    const queue = rig.queue(topic);
    await producer.send(padded(topic, 1), { queue });
    const [small] = await consume(topic, 1);
    // Producer and broker add some, always of the same length: the cluster's name, for one.
    const added = Buffer.byteLength(encodeProperties(small?.properties ?? {})) - 1;
    // Brokers of 4.x don't store the last separator.
    const longest = LARGEST_PROPERTIES - added + (isV4 ? 1 : 0);
    const refusal = await rejection(producer.send(padded(topic, longest + 1), { queue }), SendError);
    expect(refusal.message).to.include('MESSAGE_ILLEGAL').and.to.include('it is not stored');
    await producer.send(padded(topic, longest), { queue });
    const [, large] = await consume(topic, 2);
    expect(large?.properties['p']).to.equal('v'.repeat(longest));
    expect(large?.keys).to.deep.equal(['o-1']);
  });

  it('256 queues in one consumer, each in order', async () => {
    const topic = await rig.topic(QUEUES);
    const group = rig.group();
    const ids = [...Array(QUEUES).keys()];
    const texts = [...Array(MESSAGES_PER_QUEUE).keys()];
    await Promise.all(ids.map((queueId) => rig.sendTogether(topic, texts, rig.queue(topic, queueId))));
    const member = await rig.consume(topic, group);
    await member.untilOwned(QUEUES, topic);
    await member.untilDelivered(QUEUES * MESSAGES_PER_QUEUE, PATIENCE);
    for (const queueId of ids) {
      const offsets = member.deliveries.filter((seen) => seen.queueId === queueId).map(({ offset }) => offset);
      expect(offsets, `queue ${queueId}`).to.deep.equal(texts);
    }
    await member.close();
    for (const queueId of [0, 100, QUEUES - 1]) {
      expect(await rig.committed(group, rig.queue(topic, queueId))).to.equal(MESSAGES_PER_QUEUE);
    }
    // Its locks are free at once.
    const queues = ids.map((queueId) => rig.queue(topic, queueId));
    expect(await rig.lockAs('10.0.0.9@next', group, queues)).to.have.lengthOf(QUEUES);
    await rig.unlockAs('10.0.0.9@next', group, queues);
    expect(member.errors).to.deep.equal([]);
  });
});

function padded(topic: string, length: number): ProducerMessage {
  return { topic, body: 'x', keys: 'o-1', properties: { p: 'v'.repeat(length) } };
}
