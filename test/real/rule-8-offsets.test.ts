import { expect } from 'chai';
import { invokeBrokerToResetOffset } from '../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import { numbered } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** Rule 8: what is consumed is at the broker after 5 s, and before a queue or the group is left. */
describe('rule 8 on a real cluster: offsets', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  it('are at the broker by themselves within about 5 s', async () => {
    const topic = await rig.topic(2);
    const group = rig.group();
    const c = rig.consumer(group);
    c.consumer.subscribe(topic);
    // Slow enough for the next pull to be on its way before anything is finished: it carries nothing of this.
    c.answer = () => new Promise((resolve) => setTimeout(() => resolve('SUCCESS'), 20));
    await rig.sendTogether(topic, numbered(7));
    await c.start();
    await c.untilDelivered(7);
    const consumedAt = performance.now();
    await rig.untilCommitted(group, rig.queue(topic), 7, 8_000);
    expect(performance.now() - consumedAt).to.be.lessThan(7_000);
    await rig.untilCommitted(group, rig.queue(topic, 1), 0, 8_000);
  });

  it('are there, exactly, when close() resolves; a running listener is waited for, and nothing new begins', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    const queue = rig.queue(topic);
    await rig.sendTogether(topic, numbered(10));
    const first = rig.consumer(group);
    const { promise, release } = first.hold();
    const signals: AbortSignal[] = [];
    first.answer = ({ offset }, context) => {
      if (offset !== 4) return 'SUCCESS';
      signals.push(context.signal);
      return promise;
    };
    first.consumer.subscribe(topic);
    await first.start();
    await first.untilDelivered(5);
    let closed = false;
    const closing = first.close().then(() => (closed = true));
    await first.until('it drains', () => first.events('queueState').some(({ to }) => to === 'draining'));
    expect(signals[0]?.aborted).to.equal(true);
    expect(await rig.lockAs('somebody-else', group, [queue]), 'the lock is kept').to.deep.equal([]);
    expect(closed).to.equal(false);
    release();
    await closing;
    expect(await rig.committed(group, queue)).to.equal(5);
    expect(await rig.lockAs('somebody-else', group, [queue]), 'the lock is free').to.deep.equal([0]);
    await rig.unlockAs('somebody-else', group, [queue]);
    expect(first.texts()).to.deep.equal(numbered(5));

    const second = await rig.consume(topic, group);
    await second.untilDelivered(5);
    expect(second.texts()).to.deep.equal(numbered(5, 5));
  });

  it('a listener that does not come to an end is not waited for without end; its message comes again to the next one', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    await rig.sendTogether(topic, numbered(4));
    const first = rig.consumer(group, { awaitTerminationMillisWhenShutdown: 200 });
    const { promise, release } = first.hold();
    first.answer = ({ offset }) => (offset === 2 ? promise : 'SUCCESS');
    first.consumer.subscribe(topic);
    await first.start();
    await first.untilDelivered(3);
    await first.close();
    expect(await rig.committed(group, rig.queue(topic))).to.equal(2);
    const second = await rig.consume(topic, group);
    await second.untilDelivered(2);
    expect(second.texts()).to.deep.equal(['2', '3']);
    release();
    await second.close();
    expect(await rig.committed(group, rig.queue(topic)), 'the late answer changes nothing').to.equal(4);
  });

  it('of a queue that moves to another member are there before that one begins', async () => {
    const topic = await rig.topic(4);
    const group = rig.group();
    // No timer writes anything here.
    const never = { persistConsumerOffsetInterval: 3_600_000 };
    const first = await rig.consume(topic, group, never);
    await first.untilOwned(4);
    const ids = [0, 1, 2, 3];
    await Promise.all(ids.map((queueId) => rig.send(topic, numbered(queueId + 1), {}, rig.queue(topic, queueId))));
    await first.untilDelivered(10);
    const second = await rig.consume(topic, group, never);
    await second.untilOwned(2);
    const taken = second.events('queueOwned').filter(({ messageQueue }) => messageQueue.topic === topic);
    for (const { messageQueue, offset } of taken) {
      expect(offset).to.equal(messageQueue.queueId + 1);
      expect(await rig.committed(group, messageQueue)).to.equal(offset);
    }
    await first.close();
    await second.untilOwned(4);
    for (const queueId of ids) expect(await rig.committed(group, rig.queue(topic, queueId))).to.equal(queueId + 1);
    expect(second.deliveries).to.deep.equal([]);
  });

  it('are not written while a message before them is unfinished', async () => {
    const topic = await rig.topic(2);
    const group = rig.group();
    const c = rig.consumer(group, { persistConsumerOffsetInterval: 50 });
    const { promise, release } = c.hold();
    c.answer = ({ queueId, offset }) => (queueId === 0 && offset === 1 ? promise : 'SUCCESS');
    c.consumer.subscribe(topic);
    await Promise.all([rig.send(topic, numbered(5)), rig.send(topic, numbered(5), {}, rig.queue(topic, 1))]);
    await c.start();
    await rig.untilCommitted(group, rig.queue(topic, 1), 5);
    expect(await rig.committed(group, rig.queue(topic))).to.equal(1);
    release();
    await rig.untilCommitted(group, rig.queue(topic), 5);
    expect(c.texts(0)).to.deep.equal(numbered(5));
  });

  describe('that an operator resets', () => {
    it('backwards: everything comes again from there, in order; commits meanwhile do not undo it', async () => {
      const topic = await rig.topic();
      const group = rig.group();
      const queue = rig.queue(topic);
      const c = await rig.consume(topic, group, { persistConsumerOffsetInterval: 50 });
      await rig.send(topic, numbered(6));
      await c.untilDelivered(6);
      await rig.untilCommitted(group, queue, 6);
      const { offsets } = await rig.ask(invokeBrokerToResetOffset, { topic, group, timestamp: 0, isForce: true });
      expect(offsets.map(({ offset }) => offset)).to.deep.equal([0]);
      // Wakes the pull that waits at the broker: one that keeps the reset for itself tells of it in the answer.
      await rig.send(topic, ['6']);
      await c.event('offsetReset');
      await c.until('all of it again', () => c.texts().slice(-7).join() === numbered(7).join());
      const again = c.texts().slice(6);
      // The message that woke the pull may have come before the reset was heard of.
      expect(again).to.be.deep.oneOf([numbered(7), ['6', ...numbered(7)]]);
      await rig.untilCommitted(group, queue, 7);
    });

    it('while the listener runs: its answer is ignored, the queue starts over when it is done', async () => {
      const topic = await rig.topic(2);
      const group = rig.group();
      const c = rig.consumer(group, { persistConsumerOffsetInterval: 50 });
      const { promise, release } = c.hold();
      let signal: AbortSignal | undefined;
      c.answer = ({ queueId, offset }, context) => {
        if (queueId !== 0 || offset !== 2 || signal !== undefined) return 'SUCCESS';
        signal = context.signal;
        return promise;
      };
      c.consumer.subscribe(topic);
      await rig.sendTogether(topic, numbered(4));
      await c.start();
      await c.untilDelivered(3);
      await rig.untilCommitted(group, rig.queue(topic), 2);
      await rig.untilCommitted(group, rig.queue(topic, 1), 0);
      await rig.ask(invokeBrokerToResetOffset, { topic, group, timestamp: 0, isForce: true });
      await rig.send(topic, ['4']);
      await c.until('the listener is told', () => signal?.aborted === true);
      expect(c.deliveries, 'the queue waits for it').to.have.lengthOf(3);
      release();
      await c.untilDelivered(8);
      expect(c.texts(0)).to.deep.equal([...numbered(3), ...numbered(5)]);
      await rig.untilCommitted(group, rig.queue(topic), 5);
    });
  });
});
