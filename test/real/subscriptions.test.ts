import { expect } from 'chai';
import { BrokerError } from '../../lib/index.js';
import { numbered, type RealConsumer } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';
import { rejection } from '../support/rejection.js';

/** What a subscription lets through: tags, conditions on properties, and changes while the consumer runs. */
describe('subscriptions on a real cluster', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  /** Sends a message with each of these tags, in turn; its body is its number and its tag. */
  async function sendTagged(topic: string, count: number, tags: readonly (string | undefined)[]): Promise<void> {
    for (let i = 0; i < count; i++) {
      const tag = tags[i % tags.length];
      await rig.send(topic, [`${i}${tag ?? ''}`], tag === undefined ? {} : { tags: tag });
    }
  }

  describe('by tags', () => {
    it('give each group exactly what it asked for, in order, and let the rest pass', async () => {
      const topic = await rig.topic();
      await sendTagged(topic, 30, [undefined, 'A', 'B']);
      const all = Array.from({ length: 30 }, (_, i) => `${i}${['', 'A', 'B'][i % 3] ?? ''}`);
      const expressions: [string, (text: string) => boolean][] = [
        ['*', () => true],
        ['A', (text) => text.endsWith('A')],
        ['B', (text) => text.endsWith('B')],
        [' A ||  B ', (text) => /[AB]$/.test(text)],
        ['A||missing', (text) => text.endsWith('A')],
      ];
      await Promise.all(
        expressions.map(async ([expression, matches]) => {
          const group = rig.group();
          const member = rig.consumer(group);
          member.consumer.subscribe(topic, expression);
          await member.start();
          const wanted = all.filter(matches);
          await member.until('the last one', () => member.texts().at(-1) === wanted.at(-1));
          expect(member.texts(), expression).to.deep.equal(wanted);
          await member.close();
          expect(await rig.committed(group, rig.queue(topic)), expression).to.equal(
            all.lastIndexOf(wanted.at(-1) ?? '') + 1,
          );
        }),
      );
    });

    it('tell tags apart that the broker takes for the same', async () => {
      // Both have the Java hash 2112, which is all a broker looks at.
      const topic = await rig.topic();
      await sendTagged(topic, 8, ['BB', 'Aa']);
      const member = rig.consumer(rig.group());
      member.consumer.subscribe(topic, 'Aa');
      await member.start();
      await member.until('the last one', () => member.texts().at(-1) === '7Aa');
      expect(member.texts()).to.deep.equal(['1Aa', '3Aa', '5Aa', '7Aa']);
    });

    it('with nothing that matches the offset still goes on', async () => {
      const topic = await rig.topic();
      await sendTagged(topic, 50, ['A']);
      const group = rig.group();
      const member = rig.consumer(group, { persistConsumerOffsetInterval: 100 });
      member.consumer.subscribe(topic, 'B');
      await member.start();
      await rig.untilCommitted(group, rig.queue(topic), 50);
      await rig.send(topic, ['at last'], { tags: 'B' });
      await member.untilDelivered(1);
      expect(member.texts()).to.deep.equal(['at last']);
    });
  });

  describe('by SQL92', () => {
    it('give exactly what the conditions on properties let through, in order', async () => {
      const topic = await rig.topic();
      for (let i = 0; i < 20; i++) {
        const properties = {
          amount: String(i),
          region: i % 2 === 0 ? 'north' : 'south',
          ...(i > 15 && { vip: 'yes' }),
        };
        await rig.send(topic, [i], { properties, tags: i % 4 === 0 ? 'Big' : 'Small' });
      }
      await rig.send(topic, ['all'], { properties: { amount: '100', region: 'north', vip: 'yes' }, tags: 'Big' });
      const expressions: [string, (i: number) => boolean][] = [
        ["amount > 10 AND region = 'north'", (i) => i > 10 && i % 2 === 0],
        ['amount BETWEEN 3 AND 6 OR vip IS NOT NULL', (i) => (i >= 3 && i <= 6) || i > 15],
        ["TAGS IN ('Big') AND NOT (region = 'south')", (i) => i % 4 === 0],
      ];
      await Promise.all(
        expressions.map(async ([expression, matches]) => {
          const member = rig.consumer(rig.group());
          member.consumer.subscribe(topic, { type: 'SQL92', expression });
          await member.start();
          await member.until('the last one', () => member.texts().at(-1) === 'all');
          const wanted = Array.from({ length: 20 }, (_, i) => i).filter(matches);
          expect(member.texts(), expression).to.deep.equal([...wanted.map(String), 'all']);
        }),
      );
    });

    it('that the broker cannot parse is refused at start, with its words; nothing is left behind', async () => {
      const topic = await rig.topic();
      const member = rig.consumer(rig.group());
      member.consumer.subscribe(topic, { type: 'SQL92', expression: 'amount >> 10' });
      const error = await rejection(member.start(), BrokerError);
      expect(error.responseCode).to.equal(23);
      // What the broker's parser says of the second >.
      expect(error.remark).to.match(/Encountered|parse/i);
      expect(error.message).to.include(error.remark);
      expect(member.consumer.health().healthy).to.equal(false);
      expect(member.consumer.assignment).to.deep.equal([]);
    });
  });

  describe('while the consumer runs', () => {
    it('a topic can be added and removed: its queue is given up in the usual way, and taken up where it was left', async () => {
      const [one, other] = [await rig.topic(), await rig.topic()];
      const group = rig.group();
      const c = await rig.consume(one, group);
      await c.untilOwned(1, one);
      c.consumer.subscribe(other);
      await c.untilOwned(1, other);
      await Promise.all([rig.send(one, numbered(3)), rig.send(other, numbered(3))]);
      await c.untilDelivered(6);

      c.consumer.unsubscribe(other);
      await c.until('it is given up', () =>
        c.events('queueReleased').some(({ messageQueue }) => messageQueue.topic === other),
      );
      expect(await rig.committed(group, rig.queue(other)), 'persisted').to.equal(3);
      expect(await rig.lockAs('somebody-else', group, [rig.queue(other)]), 'unlocked').to.deep.equal([0]);
      await rig.unlockAs('somebody-else', group, [rig.queue(other)]);
      await Promise.all([rig.send(one, numbered(3, 3)), rig.send(other, numbered(3, 3))]);
      await c.untilDelivered(9);
      expect(of(c, one)).to.deep.equal(numbered(6));
      expect(of(c, other), 'what comes while nobody subscribes waits').to.deep.equal(numbered(3));

      c.consumer.subscribe(other);
      await c.untilDelivered(12);
      expect(of(c, other)).to.deep.equal(numbered(6));
      expect(c.errors).to.deep.equal([]);
    });

    it('a filter can be replaced: what comes from then on goes by the new one', async () => {
      const topic = await rig.topic();
      const c = rig.consumer(rig.group());
      c.consumer.subscribe(topic, 'A');
      await c.start();
      await sendTagged(topic, 5, ['A', 'B']);
      await c.untilDelivered(3);
      c.consumer.subscribe(topic, 'A || B');
      await sendTagged(topic, 4, ['A', 'B']);
      await c.untilDelivered(7);
      expect(c.texts()).to.deep.equal(['0A', '2A', '4A', '0A', '1B', '2A', '3B']);
    });
  });

  it('a message with a delay is consumed when its time has come, in the order of its queue', async () => {
    const topic = await rig.topic();
    const c = await rig.consume(topic, rig.group());
    await c.untilOwned(1, topic);
    const sentAt = Date.now();
    await rig.send(topic, ['late'], { delayTimeLevel: 1, tags: 'A' });
    await rig.send(topic, ['at once']);
    await c.untilDelivered(2);
    expect(c.texts()).to.deep.equal(['at once', 'late']);
    expect(c.deliveries.map(({ offset }) => offset)).to.deep.equal([0, 1]);
    expect((c.deliveries[1]?.message.storeTimestamp ?? 0) - sentAt).to.be.at.least(900);
  });
});

function of(member: RealConsumer, topic: string): string[] {
  return member.deliveries.filter((seen) => seen.topic === topic).map(({ text }) => text);
}
