import { expect } from 'chai';
import * as zlib from 'node:zlib';
import type { ProducerOptions } from '../../lib/options.js';
import { javaProduce, startJavaMember, type JavaSent } from '../support/java-member.js';
import { numbered, type RealConsumer } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** What the Java client sends is read here, and the other way round, in order, whatever its form. */
describe('messages between the Java client and this one', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  /** A 4.x client and broker know ZLIB alone. */
  const codecs = (): readonly ('ZLIB' | 'LZ4' | 'ZSTD')[] =>
    env.version.startsWith('4.') ? ['ZLIB'] : ['ZLIB', 'LZ4', 'ZSTD'];

  /** Reading ZSTD works everywhere, writing it needs a newer Node. */
  const ownCodecs = (): readonly ('ZLIB' | 'LZ4' | 'ZSTD')[] =>
    codecs().filter((codec) => codec !== 'ZSTD' || 'zstdCompressSync' in zlib);

  it('compressed bodies of Java, in every codec, are read here, where Java put them', async () => {
    const codecsOfVersion = codecs();
    const keys = ['order-1', 'order-2', 'größer', '订单'];
    await Promise.all(
      codecsOfVersion.map(async (compression) => {
        const topic = await rig.topic(3);
        const member = await rig.consume(topic, rig.group());
        const sent = await javaProduce(env.java, { topic, count: 12, keys, size: 9_000, tags: 'J', compression });
        await member.untilDelivered(12);
        expectAsSent(member, sent);
        for (const { message, text } of member.deliveries) {
          expect(message.storeSize, 'stored compressed').to.be.lessThan(3_000);
          expect(text).to.match(/^(.+)#\d+( and again \1)+$/);
          expect(text.length).to.be.at.least(8_900);
          expect(message).to.include({ tags: 'J', shardingKey: text.slice(0, text.indexOf('#')) });
        }
      }),
    );
  });

  it('batches of Java are read here message by message, in order', async () => {
    const topic = await rig.topic(1);
    const sent = await javaProduce(env.java, { topic, count: 20, batch: 8, keys: ['a', 'b'], tags: 'B' });
    expect(sent).to.have.lengthOf(3);
    const member = await rig.consume(topic, rig.group());
    await member.untilDelivered(20);
    expect(member.texts()).to.deep.equal(numbered(20).map((n) => `${Number(n) % 2 === 0 ? 'a' : 'b'}#${n}`));
    expect(member.deliveries.map(({ offset }) => String(offset))).to.deep.equal(numbered(20));
    const ids = sent.flatMap(({ msgId }) => msgId.split(','));
    expect(member.deliveries.map(({ message }) => message.msgId)).to.deep.equal(ids);
  });

  it('what is sent from here, in every codec and in batches, is read by Java and here alike', async () => {
    const topic = await rig.topic(1);
    const queue = rig.queue(topic);
    const long = (name: string): string => `${name} ${'lorem ipsum '.repeat(1_000)}`;
    for (const compressType of ownCodecs()) {
      const own = new RealRig(env, { client: { compressType } satisfies Partial<ProducerOptions> });
      await own.send(topic, [long(compressType)], { tags: 'N', keys: ['k1', 'k2'], shardingKey: 'order-1' }, queue);
      await own.stop();
    }
    await rig.sendTogether(topic, ['one', 'two', 'three'], queue);
    const expected = [...ownCodecs().map(long), 'one', 'two', 'three'];

    const ours = await rig.consume(topic, rig.group());
    const java = await startJavaMember(env.java, { group: rig.group(), topic });
    await ours.untilDelivered(expected.length);
    await java.waitUntil('all are read', ({ messages }) => messages.length === expected.length);
    await java.stop();
    expect(ours.texts()).to.deep.equal(expected);
    expect(java.messages.map(({ body }) => body)).to.deep.equal(expected.map((text) => text.slice(0, 200)));
    expect(java.messages.map(({ bodyLength }) => bodyLength)).to.deep.equal(expected.map(({ length }) => length));
    expect(java.messages[0]).to.include({ keys: 'k1 k2', tags: 'N', shardingKey: 'order-1' });
    expect(java.messages.map(({ msgId }) => msgId)).to.deep.equal(ours.deliveries.map(({ message }) => message.msgId));
    expect(ours.deliveries[0]?.message).to.deep.include({ keys: ['k1', 'k2'], tags: 'N', shardingKey: 'order-1' });
  });

  it('a member of each divides the queues by the same strategy, without overlap or remainder', async () => {
    const strategies = [['CIRCLE', 'AVG_BY_CIRCLE'], ['HASH', 'CONSISTENT_HASH']] as const; // prettier-ignore
    await Promise.all(
      strategies.map(async ([javaName, allocateMessageQueueStrategy]) => {
        const topic = await rig.topic(8);
        const group = rig.group();
        const ours = await rig.consume(topic, group, { allocateMessageQueueStrategy });
        await ours.untilOwned(8);
        const java = await startJavaMember(env.java, { group, topic, strategy: javaName });
        await java.waitUntil('it has its share', ({ assigned }) => assigned.length > 0 && assigned.length === 8 - ours.owned().length); // prettier-ignore
        expect([...ours.owned(), ...java.assigned].sort(), javaName).to.deep.equal(numbered(8).map((id) => `${rig.brokerName}#${id}`)); // prettier-ignore
        if (javaName === 'CIRCLE') expect(ours.owned()).to.have.lengthOf(4);
        await java.stop();
        await ours.untilOwned(8);
      }),
    );
  });

  function expectAsSent(member: RealConsumer, sent: readonly JavaSent[]): void {
    for (const queueId of new Set(sent.map((result) => result.queueId))) {
      const ofQueue = sent
        .filter((result) => result.queueId === queueId)
        .map(({ queueOffset, msgId }) => ({ queueOffset, msgId }));
      const seen = member.deliveries
        .filter((delivered) => delivered.queueId === queueId)
        .map(({ message: { queueOffset, msgId } }) => ({ queueOffset, msgId }));
      expect(seen, `queue ${queueId}`).to.deep.equal(ofQueue);
    }
  }
});
