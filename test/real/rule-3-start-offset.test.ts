import { expect } from 'chai';
import type { OrderedConsumerOptions } from '../../lib/index.js';
import { numbered, type RealConsumer } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';
import { until } from '../support/until.js';

/** Rule 3: the start offset is looked up once, after the lock; what is chosen is persisted; nothing unseen is skipped. */
describe('rule 3 on a real cluster: the start offset', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  /** A consumer that has begun; `start` is the offset it began at. */
  async function begin(
    topic: string,
    group: string,
    options: Partial<OrderedConsumerOptions>,
  ): Promise<{ member: RealConsumer; start: number | undefined }> {
    const member = await rig.consume(topic, group, options);
    await member.untilOwned(1, topic);
    const owned = member.events('queueOwned').find(({ messageQueue }) => messageQueue.topic === topic);
    return { member, start: owned?.offset };
  }

  describe('of a topic with five messages', () => {
    let topic: string;
    /** When the third message was stored, in milliseconds since 1970; the second one is older. */
    let thirdStoredAt: number;

    before(async () => {
      const setUp = new RealRig(env);
      topic = await setUp.topic();
      await setUp.send(topic, numbered(2));
      const reader = await setUp.consume(topic, setUp.group());
      await reader.untilDelivered(2);
      const secondStoredAt = reader.deliveries[1]?.message.storeTimestamp ?? Infinity;
      await until('a millisecond has passed', async () => Date.now() > secondStoredAt || undefined, { everyMs: 1 });
      await setUp.send(topic, numbered(3, 2));
      await reader.untilDelivered(5);
      thirdStoredAt = reader.deliveries[2]?.message.storeTimestamp ?? Infinity;
      expect(thirdStoredAt).to.be.greaterThan(secondStoredAt);
      await setUp.stop();
    });

    const policies = ['CONSUME_FROM_FIRST_OFFSET', 'CONSUME_FROM_LAST_OFFSET', 'CONSUME_FROM_TIMESTAMP'] as const;

    it('a stored offset goes before every policy', async () => {
      await Promise.all(
        policies.map(async (consumeFromWhere) => {
          const group = rig.group();
          await env.createGroup(group);
          await rig.commit(group, rig.queue(topic), 3);
          const { member, start } = await begin(topic, group, { consumeFromWhere, consumeTimestamp: 0 });
          expect(start, consumeFromWhere).to.equal(3);
          await member.untilDelivered(2);
          expect(member.texts(), consumeFromWhere).to.deep.equal(['3', '4']);
        }),
      );
    });

    it('FIRST_OFFSET without one begins at the oldest message', async () => {
      const { member, start } = await begin(topic, rig.group(), { consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      expect(start).to.equal(0);
      await member.untilDelivered(5);
      expect(member.texts()).to.deep.equal(numbered(5));
    });

    // A broker answers 0 for a group without an offset while a queue is young, and may be asked not to only since 5.0.
    const obeys = (version: string): boolean => !version.startsWith('4.');

    it('LAST_OFFSET on a young topic begins at 0, unless strictConsumeFromWhere has the broker say the truth (since 5.0)', async () => {
      const options = { consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' } as const;
      const [plain, strict] = await Promise.all([
        begin(topic, rig.group(), options),
        begin(topic, rig.group(), { ...options, strictConsumeFromWhere: true }),
      ]);
      expect(plain.start).to.equal(0);
      expect(strict.start).to.equal(obeys(env.version) ? 5 : 0);
    });

    it('TIMESTAMP begins at the first message stored then or later, with strictConsumeFromWhere on a young topic', async () => {
      const options = { consumeFromWhere: 'CONSUME_FROM_TIMESTAMP', consumeTimestamp: thirdStoredAt } as const;
      const [plain, strict] = await Promise.all([
        begin(topic, rig.group(), options),
        begin(topic, rig.group(), { ...options, strictConsumeFromWhere: true }),
      ]);
      expect(plain.start).to.equal(0);
      expect(strict.start).to.equal(obeys(env.version) ? 2 : 0);
      const first = strict.start ?? 0;
      await strict.member.untilDelivered(5 - first);
      expect(strict.member.texts()).to.deep.equal(numbered(5 - first, first));
    });

    it('an offset past the end is illegal: the broker names another, the consumer goes on from there and says so', async () => {
      const group = rig.group();
      await env.createGroup(group);
      await rig.commit(group, rig.queue(topic), 1_000);
      const { member, start } = await begin(topic, group, {});
      expect(start).to.equal(1_000);
      const [reset] = await member.event('offsetReset');
      expect(reset?.offset).to.equal(5);
      await rig.untilCommitted(group, rig.queue(topic), 5);
      expect(member.deliveries).to.deep.equal([]);
    });
  });

  it('a message that comes between the choice of the start and the first pull is not skipped, nor lost by a restart then', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    const queue = rig.queue(topic);
    const options = { consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET', strictConsumeFromWhere: true } as const;
    // Stored before the group exists, so that the end of the queue isn't its beginning.
    await rig.send(topic, ['before']);
    const first = rig.consumer(group, options);
    // Told when the start offset is known and persisted, right before pulling begins.
    first.consumer.on('queueOwned', ({ messageQueue }) => {
      if (messageQueue.topic === topic) first.consumer.suspendQueue(messageQueue);
    });
    first.consumer.subscribe(topic);
    await first.start();
    await first.untilOwned(1, topic);
    const start = first.events('queueOwned').find(({ messageQueue }) => messageQueue.topic === topic)?.offset ?? -1;
    expect(await rig.committed(group, queue), 'persisted before the first pull').to.equal(start);
    await rig.send(topic, ['between']);
    await first.close();
    expect(first.deliveries).to.deep.equal([]);

    const second = await rig.consume(topic, group, options);
    await second.until('it is delivered', () => second.texts().includes('between'));
    expect(second.deliveries[0]?.offset).to.equal(start);
  });

  it('a queue of which the group has an offset, and one of which it has none, each begin where they should', async () => {
    const topic = await rig.topic(2);
    const group = rig.group();
    await env.createGroup(group);
    await Promise.all([rig.send(topic, numbered(4)), rig.send(topic, numbered(4), {}, rig.queue(topic, 1))]);
    await rig.commit(group, rig.queue(topic, 1), 2);
    const member = await rig.consume(topic, group);
    await member.untilDelivered(6);
    expect(member.texts(0)).to.deep.equal(numbered(4));
    expect(member.texts(1)).to.deep.equal(numbered(2, 2));
  });
});
