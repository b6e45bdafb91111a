import { expect } from 'chai';
import { numbered } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';
import { until } from '../support/until.js';

/** Rule 1: queues are locked before they are used, and drained, persisted and unlocked before they are gone. */
describe('rule 1 on a real cluster: rebalance', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  it('a lone member owns every queue of every broker, the retry topic among them', async () => {
    const topic = await rig.topic(3, { brokers: env.brokers.map(({ name }) => name) });
    const group = rig.group();
    const c = await rig.consume(topic, group);
    await c.untilOwned(3 * env.brokers.length, topic);
    await c.untilOwned(env.brokers.length, `%RETRY%${group}`);
    expect(c.consumer.health()).to.deep.equal({ healthy: true, reasons: [] });
    const changes = c.events('queueState').filter(({ messageQueue }) => messageQueue.topic === topic);
    for (const queueId of [0, 1, 2]) {
      const ofQueue = changes.filter(
        ({ messageQueue }) => messageQueue.queueId === queueId && messageQueue.brokerName === rig.brokerName,
      );
      expect(ofQueue.map(({ from, to }) => `${from} -> ${to}`)).to.deep.equal([
        'absent -> locking',
        'locking -> owned',
      ]);
    }
    expect(c.errors).to.deep.equal([]);
  });

  it('four members share 24 queues evenly, each queue with one of them, in order', async () => {
    const topic = await rig.topic(24 / env.brokers.length, { brokers: env.brokers.map(({ name }) => name) });
    const group = rig.group();
    const members = await Promise.all([1, 2, 3, 4].map(() => rig.consume(topic, group)));
    await Promise.all(members.map((member) => member.untilOwned(6)));
    expect(new Set(members.flatMap((member) => member.owned())).size).to.equal(24);

    const queues = members.flatMap((member) => member.owned());
    await Promise.all(
      queues.map((queue) => {
        const [brokerName = '', queueId] = queue.split('#');
        return rig.send(topic, numbered(5), {}, rig.queue(topic, Number(queueId), brokerName));
      }),
    );
    await Promise.all(members.map((member) => member.untilDelivered(30)));
    for (const member of members) {
      for (const queue of member.owned()) {
        const texts = member.deliveries.filter((seen) => seen.queue === queue).map(({ text }) => text);
        expect(texts, `${queue} at ${member.name}`).to.deep.equal(numbered(5));
      }
      expect(member.deliveries).to.have.lengthOf(30);
    }
  });

  it('members come and go: nothing is repeated, nothing is missing, and each hand-over is drain, persist, unlock', async () => {
    const topic = await rig.topic(4);
    const group = rig.group();
    const first = await rig.consume(topic, group);
    await first.untilOwned(4);
    const send = (from: number): Promise<unknown> =>
      Promise.all([0, 1, 2, 3].map((queueId) => rig.send(topic, numbered(10, from), {}, rig.queue(topic, queueId))));
    await send(0);
    await first.untilDelivered(40);

    const second = await rig.consume(topic, group);
    await Promise.all([first.untilOwned(2), second.untilOwned(2)]);
    for (const { messageQueue, offset } of second.events('queueOwned')) {
      if (messageQueue.topic === topic) expect(offset, 'where the first one stopped').to.equal(10);
    }
    await send(10);
    await Promise.all([first.untilDelivered(60), second.untilDelivered(20)]);

    await first.close();
    const left = performance.now();
    await second.untilOwned(4);
    // The second one hears of it by the broker's notification, and the locks are free.
    expect(performance.now() - left, 'no waiting for a timer').to.be.lessThan(5_000);
    await send(20);
    await second.untilDelivered(60);

    for (const queueId of [0, 1, 2, 3]) {
      expect([...first.texts(queueId), ...second.texts(queueId)], `queue ${queueId}`).to.deep.equal(numbered(30));
    }
    expect([...first.errors, ...second.errors]).to.deep.equal([]);
  });

  describe('a queue that is wanted elsewhere while its listener runs', () => {
    it('is kept, locked, until the listener is done; its answer counts', async () => {
      const topic = await rig.topic(2);
      const group = rig.group();
      const first = await rig.consume(topic, group);
      await first.untilOwned(2);
      const { promise, release } = first.hold();
      const signals: AbortSignal[] = [];
      first.answer = (_, context) => {
        signals.push(context.signal);
        return promise;
      };
      const moving = rig.queue(topic, 1);
      await Promise.all([rig.send(topic, numbered(3)), rig.send(topic, numbered(3), {}, moving)]);
      await first.untilDelivered(2);

      // Members are ordered by their id: with the higher one goes the second queue.
      const second = await rig.consume(topic, group, { clientIP: '255.255.255.255' });
      await first.until('it drains', () => first.events('queueState').some(({ to }) => to === 'draining'));
      const draining = first.events('queueState').find(({ to }) => to === 'draining')?.messageQueue;
      expect(draining).to.deep.equal(moving);
      expect(
        signals.some((signal) => signal.aborted),
        'the listener is told at once',
      ).to.equal(true);
      await until('it has asked for the lock several times', async () =>
        second.consumer.health().reasons.some((reason) => /refused [3-9]/.test(reason)) || undefined); // prettier-ignore
      expect(second.owned(), 'while the listener runs').to.deep.equal([]);
      expect(await rig.lockAs('somebody-else', group, [moving])).to.deep.equal([]);

      release();
      await second.untilDelivered(2);
      expect(first.texts(1)).to.deep.equal(['0']);
      expect(second.texts(1)).to.deep.equal(['1', '2']);
      expect(second.events('queueOwned').find(({ messageQueue }) => messageQueue.queueId === 1 && messageQueue.topic === topic)?.offset).to.equal(1); // prettier-ignore
    });

    it('with revokeMode force it is left after the timeout, and the late answer changes nothing', async () => {
      const topic = await rig.topic(2);
      const group = rig.group();
      const first = await rig.consume(topic, group, { revokeMode: 'force', revokeTimeoutMs: 200 });
      await first.untilOwned(2);
      const { promise, release } = first.hold();
      first.answer = () => promise;
      const moving = rig.queue(topic, 1);
      await rig.send(topic, numbered(3), {}, moving);
      await first.untilDelivered(1);

      const second = await rig.consume(topic, group, {
        clientIP: '255.255.255.255',
        persistConsumerOffsetInterval: 200,
      });
      await second.untilDelivered(3);
      expect(second.texts(1), 'from where it was committed').to.deep.equal(numbered(3));
      await rig.untilCommitted(group, moving, 3);
      release();
      await first.close();
      expect(await rig.committed(group, moving), 'not set back by the late answer').to.equal(3);
    });
  });

  it('queues that are added while it runs are consumed, and those taken away are given up', async () => {
    const topic = await rig.topic(2);
    const group = rig.group();
    const c = await rig.consume(topic, group, { pollNameServerInterval: 500 });
    await c.untilOwned(2);
    await env.createTopic(topic, 4, { brokers: [rig.brokerName] });
    await c.untilOwned(4);
    await rig.send(topic, numbered(3), {}, rig.queue(topic, 3));
    await c.untilDelivered(3);
    expect(c.texts(3)).to.deep.equal(numbered(3));

    await env.createTopic(topic, 2, { brokers: [rig.brokerName] });
    await c.event('queueReleased', 2);
    const gone = [2, 3].map((queueId) => rig.queue(topic, queueId));
    expect(await rig.lockAs('somebody-else', group, gone), 'their locks are free').to.deep.equal([2, 3]);
    expect(await rig.committed(group, rig.queue(topic, 3)), 'their offsets persisted').to.equal(3);
  });

  it('a topic that does not exist yet is consumed from its beginning once it does', async () => {
    const group = rig.group();
    const topic = env.unique('later');
    const c = await rig.consume(topic, group, { pollNameServerInterval: 500 });
    expect((await c.event('error'))[0]?.code).to.equal('ERR_ROCKETMQ_TOPIC_NOT_FOUND');
    await env.createTopic(topic, 1, { brokers: [rig.brokerName] });
    await rig.send(topic, numbered(3));
    await c.untilDelivered(3);
    expect(c.texts()).to.deep.equal(numbered(3));
  });
});
