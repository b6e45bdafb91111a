import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { invokeBrokerToResetOffset } from '../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import { numbered } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';
import { until } from '../support/until.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Rule 4: what is pulled comes in order and complete, and pulling stops where there is no room. */
describe('rule 4 on a real cluster: pulling', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  it('brings every message of every queue of every broker, in the order of each queue', async () => {
    const brokers = env.brokers.map(({ name }) => name);
    const topic = await rig.topic(8, { brokers });
    const queues = brokers.flatMap((brokerName) =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((id) => rig.queue(topic, id, brokerName)),
    );
    await Promise.all(queues.map((queue) => rig.send(topic, numbered(10), {}, queue)));
    const c = await rig.consume(topic, rig.group());
    await c.untilDelivered(10 * queues.length);
    for (const { brokerName, queueId } of queues) {
      const ofQueue = c.deliveries.filter(({ queue }) => queue === `${brokerName}#${queueId}`);
      expect(ofQueue.map(({ offset, text }) => `${offset}:${text}`)).to.deep.equal(
        numbered(10).map((n) => `${n}:${n}`),
      );
    }
    expect(c.errors).to.deep.equal([]);
  });

  it('wakes up at the broker: a message to an idle queue comes at once, to the first, a middle and the last alike', async () => {
    const topic = await rig.topic(8);
    const c = await rig.consume(topic, rig.group());
    await c.untilOwned(8, topic);
    for (const queueId of [0, 3, 7]) {
      const sentAt = performance.now();
      await rig.send(topic, numbered(20), {}, rig.queue(topic, queueId));
      await c.until('all of it', () => c.texts(queueId).length === 20);
      expect(c.texts(queueId)).to.deep.equal(numbered(20));
      // A pull that isn't woken is answered after 15 s.
      expect(performance.now() - sentAt).to.be.lessThan(10_000);
    }
  });

  describe('a queue that is far behind, of which several pulls are under way', () => {
    const total = 2_000;
    const options = { pullBatchSize: 8, pullThresholdForQueue: 64 };

    async function committed(group: string, topic: string): Promise<true | undefined> {
      return ((await rig.committed(group, rig.queue(topic))) ?? 0) > 0 || undefined;
    }

    async function filled(): Promise<string> {
      const topic = await rig.topic();
      for (let from = 0; from < total; from += 100) await rig.sendTogether(topic, numbered(100, from));
      return topic;
    }

    it('comes in order, each message once', async () => {
      const topic = await filled();
      const c = await rig.consume(topic, rig.group(), options);
      await c.untilDelivered(total);
      await rig.send(topic, ['the last']);
      await c.untilDelivered(total + 1);
      expect(c.texts()).to.deep.equal([...numbered(total), 'the last']);
      expect(c.errors).to.deep.equal([]);
    });

    it('starts over in the middle of it, where an operator has set it', async () => {
      const topic = await filled();
      const group = rig.group();
      const c = rig.consumer(group, options);
      c.answer = async ({ offset }) => {
        if (offset === 500 && c.events('offsetReset').length === 0) {
          // A 4.9 broker resets a group only when it has an offset of it.
          if (env.version.startsWith('4.')) await until('it is committed', () => committed(group, topic));
          const reset = { topic, group, timestamp: 0, isForce: true };
          await rig.ask(invokeBrokerToResetOffset, reset);
        }
        return 'SUCCESS';
      };
      c.consumer.subscribe(topic);
      await c.start();
      await c.until('it starts over', () => c.events('offsetReset').length > 0);
      await c.until('all is consumed', () => c.texts().at(-1) === String(total - 1));
      const texts = c.texts();
      const again = texts.indexOf('0', 1);
      expect(again).to.be.within(501, total);
      expect(texts).to.deep.equal([...numbered(again), ...numbered(total)]);
      expect(c.errors).to.deep.equal([]);
    });
  });

  describe('flow control', () => {
    it('by count: with a slow listener it stops past 1000 messages, and goes on when there is room', async () => {
      const topic = await rig.topic(2);
      const total = 1_500;
      for (let from = 0; from < total; from += 100) await rig.sendTogether(topic, numbered(100, from));
      const c = rig.consumer(rig.group());
      const { promise, release } = c.hold();
      c.answer = ({ offset, queueId }) => (queueId === 0 && offset === 0 ? promise : 'SUCCESS');
      c.consumer.subscribe(topic);
      await c.start();
      const buffered = (): number =>
        c.consumer.assignment.find(({ messageQueue: { topic: of, queueId } }) => of === topic && queueId === 0)
          ?.buffered ?? 0;
      await until('pulling has stopped', async () => buffered() > 1_000 || undefined);
      const full = buffered();
      expect(full).to.be.within(1_001, 1_032);
      // The other queue isn't held up, and while it works nothing more comes into the full one.
      for (let i = 0; i < 20; i++) {
        await rig.send(topic, [i], {}, rig.queue(topic, 1));
        await c.untilDelivered(i + 2);
      }
      expect(buffered()).to.equal(full);

      release();
      await c.untilDelivered(total + 20);
      expect(c.texts(0)).to.deep.equal(numbered(total));
      expect(c.texts(1)).to.deep.equal(numbered(20));
    });

    it('by bytes: it stops past the size, however few the messages are', async () => {
      const topic = await rig.topic();
      const producer = await rig.producer();
      const total = 12;
      for (let i = 0; i < total; i++) {
        // What can't be compressed keeps its size.
        const body = Buffer.concat([Buffer.from(`${i} `), randomBytes(400 * KIB)]);
        await producer.send({ topic, body }, { queue: rig.queue(topic) });
      }
      const c = rig.consumer(rig.group(), { pullThresholdSizeForQueue: 1 });
      const { promise, release } = c.hold();
      c.answer = ({ offset }) => (offset === 0 ? promise : 'SUCCESS');
      c.consumer.subscribe(topic);
      await c.start();
      const buffered = (): number =>
        c.consumer.assignment.find(({ messageQueue }) => messageQueue.topic === topic)?.buffered ?? 0;
      // A broker gives one such message at a time: three are more than a MiB.
      await until('pulling has stopped', async () => buffered() >= 3 || undefined);
      await rig.send(topic, ['the last']);
      expect(buffered()).to.be.within(3, 4);

      release();
      await c.untilDelivered(total + 1);
      expect(c.deliveries.map(({ offset }) => offset)).to.deep.equal(Array.from({ length: total + 1 }, (_, i) => i));
      expect(c.texts().map((text) => text.split(' ')[0])).to.deep.equal([...numbered(total), 'the']);
    });
  });

  it('bodies of nearly 4 MiB arrive whole and in order', async () => {
    const topic = await rig.topic();
    const producer = await rig.producer();
    const bodies = [4 * MIB - 2 * KIB, 10, 3 * MIB, 1].map((size) => randomBytes(size));
    for (const body of bodies) await producer.send({ topic, body }, { queue: rig.queue(topic), timeoutMs: 20_000 });
    const c = await rig.consume(topic, rig.group());
    await c.untilDelivered(bodies.length);
    const hash = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
    expect(c.deliveries.map(({ message }) => hash(message.body))).to.deep.equal(bodies.map(hash));
  });

  it('while it is suspended nothing is pulled; afterwards nothing is missing', async () => {
    const topic = await rig.topic();
    const c = await rig.consume(topic, rig.group());
    await rig.send(topic, numbered(3));
    await c.untilDelivered(3);
    c.consumer.suspend({ drain: false });
    await rig.send(topic, numbered(3, 3));
    const other = await rig.consume(topic, rig.group());
    await other.untilDelivered(6);
    expect(c.deliveries).to.have.lengthOf(3);
    c.consumer.resume();
    await c.untilDelivered(6);
    expect(c.texts()).to.deep.equal(numbered(6));
  });
});
