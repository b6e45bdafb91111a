import { expect } from 'chai';
import { numbered, type Answer } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** Rule 6: with auto commit an answer finishes its messages, or brings them again, and nothing of their queue before. */
describe('rule 6 on a real cluster: auto commit', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  it('a failure of any kind brings the message again after the suspend time, before its successor; nothing returned is success', async () => {
    const failures: [what: string, fail: Answer, reported: boolean][] = [
      ['a throw', () => { throw new Error('thrown'); }, true],
      ['a rejection', () => Promise.reject(new Error('rejected')), true],
      ['null', () => null, true],
      ['an unknown word', () => 'CONSUME_RETRY_LATER', true],
      ['a promise of a number', () => Promise.resolve(42), true],
      ['SUSPEND_CURRENT_QUEUE_A_MOMENT', () => 'SUSPEND_CURRENT_QUEUE_A_MOMENT', false],
      // No failures:
      ['undefined', () => undefined, false],
      ['a promise of undefined', () => Promise.resolve(undefined), false],
    ]; // prettier-ignore
    const topic = await rig.topic(failures.length);
    const group = rig.group();
    const ids = failures.map((_, queueId) => queueId);
    await Promise.all(ids.map((queueId) => rig.send(topic, numbered(3), {}, rig.queue(topic, queueId))));
    const c = rig.consumer(group);
    c.answer = (delivered, context) =>
      delivered.offset === 1 && delivered.reconsumeTimes === 0
        ? failures[delivered.queueId]?.[1](delivered, context)
        : undefined;
    c.consumer.subscribe(topic);
    await c.start();
    await c.untilDelivered(3 * failures.length + 6);
    for (const queueId of ids) {
      const [what = ''] = failures[queueId] ?? [];
      const ofQueue = c.deliveries.filter((seen) => seen.queueId === queueId);
      const story = ofQueue.map(({ text, reconsumeTimes }) => `${text}/${reconsumeTimes}`);
      if (what.includes('undefined')) {
        expect(story, what).to.deep.equal(['0/0', '1/0', '2/0']);
        continue;
      }
      expect(story, what).to.deep.equal(['0/0', '1/0', '1/1', '2/0']);
      expect((ofQueue[2]?.at ?? 0) - (ofQueue[1]?.at ?? 0), `${what}: by default a second`).to.be.at.least(990);
    }
    const reported = failures.filter(([, , isReported]) => isReported).length;
    expect(c.errors.map(({ code }) => code)).to.deep.equal(Array(reported).fill('ERR_ROCKETMQ_LISTENER'));
    await c.close();
    for (const queueId of ids)
      expect(await rig.committed(group, rig.queue(topic, queueId)), `queue ${queueId}`).to.equal(3);
  });

  it('the context says how long the queue rests: 10 ms at the least, its own time, or that of the option', async () => {
    const wishes = [1, 1_500, -1];
    const topic = await rig.topic(wishes.length);
    await Promise.all(wishes.map((_, queueId) => rig.send(topic, ['a'], {}, rig.queue(topic, queueId))));
    const c = rig.consumer(rig.group(), { suspendCurrentQueueTimeMillis: 700 });
    c.answer = ({ queueId, reconsumeTimes }, context) => {
      context.suspendCurrentQueueTimeMillis = wishes[queueId] ?? 0;
      return reconsumeTimes === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
    };
    c.consumer.subscribe(topic);
    await c.start();
    await c.untilDelivered(2 * wishes.length);
    const rests = wishes.map((_, queueId) => {
      const [first, second] = c.deliveries.filter((seen) => seen.queueId === queueId);
      return (second?.at ?? 0) - (first?.at ?? 0);
    });
    const [short = 0, own = 0, byOption = 0] = rests;
    // Timers may be a fraction of a millisecond early.
    expect(short).to.be.at.least(9);
    expect(own).to.be.at.least(1_490);
    expect(byOption).to.be.at.least(690);
    // Which came first, whatever else the machine has to do.
    expect(short).to.be.lessThan(byOption);
    expect(byOption).to.be.lessThan(own);
  });

  it('COMMIT and ROLLBACK are taken as SUCCESS, with a warning', async () => {
    const topic = await rig.topic(2);
    const group = rig.group();
    await Promise.all([0, 1].map((queueId) => rig.send(topic, numbered(3), {}, rig.queue(topic, queueId))));
    const c = rig.consumer(group);
    c.answer = ({ queueId, offset }) => (offset === 1 ? (queueId === 0 ? 'COMMIT' : 'ROLLBACK') : 'SUCCESS');
    c.consumer.subscribe(topic);
    await c.start();
    await c.untilDelivered(6);
    await c.close();
    expect([c.texts(0), c.texts(1)]).to.deep.equal([numbered(3), numbered(3)]);
    expect([
      await rig.committed(group, rig.queue(topic, 0)),
      await rig.committed(group, rig.queue(topic, 1)),
    ]).to.deep.equal([3, 3]);
    expect(c.events('warning').map(({ code }) => code)).to.deep.equal([
      'STATUS_IN_AUTO_COMMIT',
      'STATUS_IN_AUTO_COMMIT',
    ]);
  });

  it('without a limit a message is tried again and again, and commits stay before it', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    await rig.send(topic, numbered(3));
    const c = rig.consumer(group, { suspendCurrentQueueTimeMillis: 10, persistConsumerOffsetInterval: 50 });
    c.answer = ({ offset, reconsumeTimes }) =>
      offset === 1 && reconsumeTimes < 30 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
    c.consumer.subscribe(topic);
    await c.start();
    await c.untilDelivered(15);
    expect(await rig.committed(group, rig.queue(topic))).to.be.oneOf([0, 1]);
    await c.untilDelivered(33);
    expect(c.story).to.deep.equal(['0/0', ...numbered(31).map((attempt) => `1/${attempt}`), '2/0']);
    expect(c.events('deadLetter')).to.deep.equal([]);
  });
});
