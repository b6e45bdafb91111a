import { expect } from 'chai';
import { numbered } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** Rule 5: one call per queue at a time, so many queues at once as wished, batches as large as wished. */
describe('rule 5 on a real cluster: slices', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  it('a listener that takes random times is never in a queue twice, nor in more queues than wished', async () => {
    const topic = await rig.topic(6);
    const perQueue = 40;
    const ids = [0, 1, 2, 3, 4, 5];
    await Promise.all(ids.map((queueId) => rig.sendTogether(topic, numbered(perQueue), rig.queue(topic, queueId))));
    const c = rig.consumer(rig.group(), { consumeConcurrency: 3 });
    const inside = new Set<string>();
    let most = 0;
    const twice: string[] = [];
    c.answer = async ({ queue }) => {
      if (inside.has(queue)) twice.push(queue);
      inside.add(queue);
      most = Math.max(most, inside.size);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      inside.delete(queue);
      return 'SUCCESS';
    };
    c.consumer.subscribe(topic);
    await c.start();
    await c.untilDelivered(ids.length * perQueue);
    expect(twice).to.deep.equal([]);
    expect(most).to.equal(3);
    for (const queueId of ids) expect(c.texts(queueId), `queue ${queueId}`).to.deep.equal(numbered(perQueue));
  });

  it('batches are as large as wished, in order, and share one answer', async () => {
    const topic = await rig.topic();
    await rig.sendTogether(topic, numbered(20));
    const group = rig.group();
    const c = rig.consumer(group, { consumeMessageBatchMaxSize: 8, suspendCurrentQueueTimeMillis: 50 });
    const calls: string[] = [];
    let failed = false;
    c.answer = ({ offset, batch }) => {
      calls.push(`${batch} up to ${offset}`);
      if (offset !== 15 || failed) return 'SUCCESS';
      failed = true;
      return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
    };
    c.consumer.subscribe(topic);
    await c.start();
    await c.untilDelivered(28);
    expect(calls).to.deep.equal(['8 up to 7', '8 up to 15', '8 up to 15', '4 up to 19']);
    const again = numbered(8, 8).map((text) => `${text}/1`);
    expect(c.story).to.deep.equal([
      ...numbered(16).map((text) => `${text}/0`),
      ...again,
      ...numbered(4, 16).map((text) => `${text}/0`),
    ]);
    await c.close();
    expect(await rig.committed(group, rig.queue(topic))).to.equal(20);
  });

  it('a queue that rests holds no place: with a single one the other queues go on', async () => {
    const topic = await rig.topic(3);
    const c = rig.consumer(rig.group(), { consumeConcurrency: 1 });
    c.answer = ({ queueId }, context) => {
      if (queueId !== 0) return 'SUCCESS';
      context.suspendCurrentQueueTimeMillis = 30_000;
      return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
    };
    c.consumer.subscribe(topic);
    await rig.send(topic, numbered(3));
    await c.start();
    await c.untilDelivered(1);
    await Promise.all([1, 2].map((queueId) => rig.send(topic, numbered(5), {}, rig.queue(topic, queueId))));
    await c.untilDelivered(11);
    expect(c.texts(0)).to.deep.equal(['0']);
    expect([c.texts(1), c.texts(2)]).to.deep.equal([numbered(5), numbered(5)]);
    const closing = performance.now();
    await c.close();
    expect(performance.now() - closing, 'closing does not wait for its rest').to.be.lessThan(10_000);
  });

  it('what a listener does to its array has no effect', async () => {
    const topic = await rig.topic();
    await rig.sendTogether(topic, numbered(4));
    const group = rig.group();
    const c = rig.consumer(group, {
      consumeMessageBatchMaxSize: 4,
      suspendCurrentQueueTimeMillis: 20,
      persistConsumerOffsetInterval: 50,
    });
    const seen: string[][] = [];
    c.consumer.subscribe(topic);
    await c.consumer.start((messages) => {
      seen.push(messages.map(({ body }) => body.toString()));
      (messages as unknown[]).reverse();
      (messages as unknown[]).length = 1;
      return seen.length === 1 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
    });
    await rig.untilCommitted(group, rig.queue(topic), 4);
    expect(seen).to.deep.equal([numbered(4), numbered(4)]);
  });
});
