import { expect } from 'chai';
import type { MessageExt } from '../../lib/index.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import { sendMessageV2 } from '../../lib/protocol/requests/send-message-v2.js';
import { numbered, type Delivered, type RealConsumer } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** Rule 6, the end of it: a message whose attempts are used up goes to the dead letter queue, once, and its queue goes on. */
describe('rule 6 on a real cluster: dead letters', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  const always =
    (text: string) =>
    (delivered: Delivered): string =>
      delivered.text.startsWith(text) ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';

  /** Everything in the group's dead letter topic, read by another group. */
  async function deadLetters(group: string, count: number): Promise<MessageExt[]> {
    const topic = `%DLQ%${group}`;
    const reader = await rig.consume(topic, rig.group());
    await reader.untilDelivered(count);
    const stored = await Promise.all(
      reader.consumer.assignment
        .filter(({ messageQueue }) => messageQueue.topic === topic)
        .map(({ messageQueue }) => rig.maxOffset(messageQueue)),
    );
    expect(
      stored.reduce((sum, max) => sum + max, 0),
      `messages in ${topic}`,
    ).to.equal(count);
    return reader.deliveries.map(({ message }) => message);
  }

  it('after maxReconsumeTimes + 1 deliveries it is there with all its properties, exactly once; the next one follows', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    const queue = rig.queue(topic);
    const c = rig.consumer(group, { maxReconsumeTimes: 2, suspendCurrentQueueTimeMillis: 50 });
    c.answer = always('poison');
    c.consumer.subscribe(topic);
    await rig.send(topic, ['before']);
    const poison = `poison ${'pill '.repeat(2_000)}`;
    await rig.send(topic, [poison], {
      tags: 'Bad',
      keys: ['order-1', 'customer-7'],
      shardingKey: 'order-1',
      properties: { colour: 'green', 'naïve key': 'größer' },
    });
    await rig.send(topic, numbered(3));
    await c.start();
    await c.untilDelivered(7);
    expect(c.deliveries.map(({ text, reconsumeTimes }) => `${text.slice(0, 6)}/${reconsumeTimes}`)).to.deep.equal([
      'before/0',
      'poison/0',
      'poison/1',
      'poison/2',
      ...numbered(3).map((text) => `${text}/0`),
    ]);
    const [event] = await c.event('deadLetter');
    expect(event).to.deep.include({ messageQueue: queue, reconsumeTimes: 2, target: `%RETRY%${group}` });

    const [original] = c.deliveries.filter(({ text }) => text === poison).map(({ message }) => message);
    const [dead] = await deadLetters(group, 1);
    if (original === undefined || dead === undefined) throw new Error('there is none');
    expect(dead.body.toString()).to.equal(poison);
    expect(dead.reconsumeTimes).to.equal(3);
    expect(dead).to.deep.include({
      tags: 'Bad',
      keys: ['order-1', 'customer-7'],
      shardingKey: 'order-1',
      flag: original.flag,
    });
    expect(dead.msgId, 'the id its producer gave it').to.equal(original.msgId);
    expect(dead.properties).to.include(original.properties);
    expect(dead.properties).to.include({
      ORIGIN_MESSAGE_ID: original.msgId,
      RETRY_TOPIC: topic,
      RECONSUME_TIME: '3',
      MAX_RECONSUME_TIMES: '2',
    });
    await c.close();
    expect(await rig.committed(group, queue)).to.equal(5);
    expect(c.errors).to.deep.equal([]);
  });

  it('with maxReconsumeTimes 0 one failure is enough, and of a batch each message is judged alone', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    await rig.sendTogether(topic, numbered(8));
    const c = rig.consumer(group, { maxReconsumeTimes: 0, consumeMessageBatchMaxSize: 4 });
    c.answer = ({ offset }) => (offset === 3 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS');
    c.consumer.subscribe(topic);
    await c.start();
    await c.untilDelivered(8);
    expect(c.story).to.deep.equal(numbered(8).map((text) => `${text}/0`));
    await c.event('deadLetter', 4);
    const dead = await deadLetters(group, 4);
    expect(dead.map(({ body }) => body.toString())).to.have.members(numbered(4));
    await c.close();
    expect(await rig.committed(group, rig.queue(topic))).to.equal(8);
  });

  it('the limit may change while it runs; the next failure goes by the new one', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    await rig.send(topic, ['poison', 'next']);
    const c = rig.consumer(group, { suspendCurrentQueueTimeMillis: 50 });
    c.answer = always('poison');
    c.consumer.subscribe(topic);
    await c.start();
    await c.untilDelivered(4);
    expect(c.events('deadLetter')).to.deep.equal([]);
    c.consumer.maxReconsumeTimes = 2;
    await c.until('the next one comes', () => c.texts().at(-1) === 'next');
    const attempts = c.texts().filter((text) => text === 'poison').length;
    expect(c.story).to.deep.equal([...numbered(attempts).map((attempt) => `poison/${attempt}`), 'next/0']);
    const [dead] = await deadLetters(group, 1);
    expect(dead?.body.toString()).to.equal('poison');
    expect(dead?.properties['MAX_RECONSUME_TIMES']).to.equal('2');
  });

  it('skip passes it over; block keeps it; neither sends anything anywhere', async () => {
    const topic = await rig.topic(2);
    const group = rig.group();
    await Promise.all([0, 1].map((queueId) => rig.send(topic, ['poison', 'next'], {}, rig.queue(topic, queueId))));
    const c = rig.consumer(group, {
      maxReconsumeTimes: 1,
      suspendCurrentQueueTimeMillis: 20,
      onExhausted: (_, { queueId }) => (queueId === 0 ? 'skip' : 'block'),
    });
    c.answer = always('poison');
    c.consumer.subscribe(topic);
    await c.start();
    await c.until('one queue has gone on', () => c.texts(0).includes('next'));
    await c.event('blocked', 3);
    expect(c.texts(0)).to.deep.equal(['poison', 'poison', 'next']);
    expect(c.texts(1)).to.not.include('next');
    expect(c.events('skipped').map(({ reconsumeTimes }) => reconsumeTimes)).to.deep.equal([1]);
    await c.close();
    expect([
      await rig.committed(group, rig.queue(topic, 0)),
      await rig.committed(group, rig.queue(topic, 1)),
    ]).to.deep.equal([2, 0]);
    expect(await rig.maxOffset(rig.queue(`%RETRY%${group}`))).to.equal(0);
  });

  describe('sent again by an operator to the retry topic', () => {
    /** As operators' tools do it: the dead message with its properties, to the topic its group subscribes to anyway. */
    async function sendAgain(
      group: string,
      message: { body: Buffer; properties: Record<string, string> },
    ): Promise<void> {
      await rig.ask(sendMessageV2, {
        producerGroup: 'operators',
        topic: `%RETRY%${group}`,
        defaultTopic: 'TBW102',
        defaultTopicQueueNums: 4,
        queueId: 0,
        sysFlag: 0,
        bornTimestamp: Date.now(),
        flag: 0,
        properties: encodeProperties(message.properties),
        reconsumeTimes: 0,
        unitMode: false,
        batch: false,
        body: message.body,
      });
    }

    it('it is delivered with its original topic, in the order of the retry queue', async () => {
      const topic = await rig.topic();
      const group = rig.group();
      const options = { maxReconsumeTimes: 0 };
      const first = rig.consumer(group, options);
      first.answer = () => 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
      first.consumer.subscribe(topic);
      await rig.send(topic, numbered(3), { tags: 'A' });
      await first.start();
      await first.event('deadLetter', 3);
      // While a group holds locks, brokers since 5.1.1 put whatever comes to its retry topic into %DLQ% again.
      await first.close();
      for (const { body, properties } of await deadLetters(group, 3)) {
        const { DELAY: _, ...others } = properties;
        await sendAgain(group, { body, properties: others });
      }
      const second = await rig.consume(topic, group, options);
      await second.untilDelivered(3);
      const seen = second.deliveries.map(({ message, text, tags }) => ({ topic: message.topic, text, tags }));
      expect(seen).to.deep.equal(numbered(3).map((text) => ({ topic, text, tags: 'A' })));
      await second.close();
      expect(await rig.committed(group, rig.queue(`%RETRY%${group}`))).to.equal(3);
    });
  });

  it('in a namespace it names the topic so that it can be sent back there', async () => {
    const inNamespace = new RealRig(env, { client: { namespace: 'shop' } });
    const members: RealConsumer[] = [];
    try {
      const group = rig.group();
      const topic = env.unique('topic');
      await env.createTopic(`shop%${topic}`, 1, { brokers: [rig.brokerName] });
      const c = inNamespace.consumer(group, { maxReconsumeTimes: 0 });
      members.push(c);
      c.answer = () => 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
      c.consumer.subscribe(topic);
      await inNamespace.send(topic, ['poison']);
      await c.start();
      const [event] = await c.event('deadLetter');
      expect(event?.messageQueue.topic).to.equal(topic);
      expect(event?.target).to.equal(`%RETRY%shop%${group}`);
      const [dead] = await deadLetters(`shop%${group}`, 1);
      expect(dead?.properties['RETRY_TOPIC']).to.equal(`shop%${topic}`);
    } finally {
      await inNamespace.stop();
    }
  });
});
