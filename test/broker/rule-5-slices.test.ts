import { expect } from 'chai';
import { ConsumeOrderlyStatus } from '../../lib/index.js';
import { RequestCode } from '../../lib/protocol/codes.js';
import { Rig } from '../support/rig.js';
import { HeldAnswer } from '../support/ownership-judge.js';
import { commits, numbers } from '../support/wire.js';

const T = 'T';
const { SUCCESS } = ConsumeOrderlyStatus;
const LEASE = 30_000;

/** Numbers from 0 to 1 that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

describe('rule 5: slices', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  const later = (ms: number): Promise<'SUCCESS'> =>
    new Promise((resolve) => rig.clock.setTimeout(() => resolve('SUCCESS'), ms));

  it('hands out the lowest offsets first, one message a call', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 5);
    const c = rig.consumer();
    const calls: number[][] = [];
    c.consumer.subscribe(T);
    await c.consumer.start((messages) => void calls.push(messages.map((message) => message.queueOffset)));
    await rig.advanceUntil('all are consumed', () => calls.length === 5);
    expect(calls).to.deep.equal([[0], [1], [2], [3], [4]]);
  });

  it('hands out batches up to the size that was asked for, in order, with one answer each', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 20);
    const c = rig.consumer('c1', { consumeMessageBatchMaxSize: 8 });
    const calls: number[][] = [];
    c.consumer.subscribe(T);
    await c.consumer.start((messages) => {
      calls.push(messages.map((message) => message.queueOffset));
      return calls.length === 2 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
    });
    await rig.advanceUntil('all are consumed', () => calls.flat().includes(19));
    const second = numbers(16).slice(8);
    expect(calls).to.deep.equal([numbers(8), second, second, [16, 17, 18, 19]]);
  });

  it('keeps the order with listeners that take their time, and calls none before the last one answered', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    for (const queueId of [0, 1]) rig.produce(T, queueId, 500);
    const c = rig.consumer();
    const random = seeded(7);
    const running = new Map<number, number>();
    let overlaps = 0;
    c.answer = async ({ queueId }) => {
      const before = running.get(queueId) ?? 0;
      if (before > 0) overlaps++;
      running.set(queueId, before + 1);
      await later(Math.floor(random() * 20));
      running.set(queueId, 0);
      return SUCCESS;
    };
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 1_000 && [...running.values()].every((n) => n === 0)); // prettier-ignore
    for (const queueId of [0, 1]) expect(c.offsets(queueId)).to.deep.equal(numbers(500));
    expect(overlaps).to.equal(0);
  });

  it('runs as many queues at once as it may, never one twice, and all of them make progress', async () => {
    rig = await Rig.start({ topics: { T: { queues: 100 } } });
    for (let queueId = 0; queueId < 100; queueId++) rig.produce(T, queueId, 3);
    const c = rig.consumer('c1', { consumeConcurrency: 20 });
    const running = new Set<number>();
    let most = 0;
    let twice = 0;
    c.answer = async ({ queueId }) => {
      if (running.has(queueId)) twice++;
      running.add(queueId);
      most = Math.max(most, running.size);
      await later(50);
      running.delete(queueId);
      return SUCCESS;
    };
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 300 && running.size === 0);
    expect(most).to.equal(20);
    expect(twice).to.equal(0);
    for (let queueId = 0; queueId < 100; queueId++) expect(c.offsets(queueId)).to.deep.equal([0, 1, 2]);
  });

  it('leaves a healthy queue its place when more queues are suspended than there are places', async () => {
    rig = await Rig.start({ topics: { T: { queues: 22 } } });
    for (let queueId = 0; queueId < 22; queueId++) rig.produce(T, queueId, 1);
    const c = rig.consumer('c1', { consumeConcurrency: 20 });
    c.answer = ({ queueId }, context) => {
      context.suspendCurrentQueueTimeMillis = 30_000;
      return queueId === 21 ? 'SUCCESS' : 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
    };
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all were tried', () => c.deliveries.length === 22);
    rig.produce(T, 21, 50);
    await rig.until('the healthy queue is consumed', () => c.offsets(21).length === 51);
    expect(c.offsets(21)).to.deep.equal(numbers(51));
    expect(c.deliveries.length, 'the others rest').to.equal(21 + 51);
  });

  it('lets the other queues go first after a minute of continuous work', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    rig.produce(T, 0, 300);
    const c = rig.consumer('c1', { consumeConcurrency: 1 });
    c.answer = () => later(1_000);
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('it works', () => c.deliveries.length === 10);
    const startedAt = c.deliveries[0]?.at ?? 0;
    rig.produce(T, 1, 1);
    await rig.advanceUntil('the other queue had its turn', () => c.offsets(1).length === 1);
    const waited = (c.deliveries.find((delivery) => delivery.queueId === 1)?.at ?? 0) - startedAt;
    expect(waited).to.be.within(60_000, 62_000);
    const before = c.offsets(0).length;
    await rig.advanceUntil('the first goes on', () => c.offsets(0).length === before + 1, 2_000);
    expect(c.offsets(0)).to.deep.equal(numbers(before + 1));
  });

  it('shares one thread among queues whose listeners never wait', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    for (const queueId of [0, 1]) rig.produce(T, queueId, 200);
    const c = rig.consumer();
    // Each call takes 2 ms of the only thread there is.
    c.answer = () => (rig.clock.jump(2), 'SUCCESS');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 400);
    const firstOfEach = [0, 1].map((queueId) => c.deliveries.findIndex((delivery) => delivery.queueId === queueId));
    expect(Math.max(...firstOfEach), 'the second queue did not wait for the first to run dry').to.be.below(20);
    for (const queueId of [0, 1]) expect(c.offsets(queueId)).to.deep.equal(numbers(200));
  });

  it('tells of a call that does not end, while its queue waits and the others go on', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    for (const queueId of [0, 1]) rig.produce(T, queueId, 3);
    const c = rig.consumer('c1', { consumeTimeout: 1 });
    let finish: () => void = () => undefined;
    c.answer = ({ queueId, offset }) =>
      queueId === 0 && offset === 1 ? new Promise((resolve) => (finish = () => resolve('SUCCESS'))) : 'SUCCESS';
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('it hangs', () => c.deliveries.length === 5);
    await rig.advance(50_000);
    expect(c.warnings).to.deep.equal([]);
    await rig.advance(60_000);
    expect(c.warnings).to.deep.equal(['LISTENER_TIMED_OUT']);
    expect(c.offsets(0)).to.deep.equal([0, 1]);
    expect(c.offsets(1)).to.deep.equal([0, 1, 2]);
    finish();
    await rig.advanceUntil('it goes on', () => c.offsets(0).length === 3, 1_000);
    expect(c.offsets(0), 'its lock was renewed all the time').to.deep.equal([0, 1, 2]);
  });

  describe('the lease', () => {
    it('ends dispatching when it has run out, however much is buffered', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 200);
      const c = rig.consumer();
      c.answer = () => later(1_000);
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('it works', () => c.deliveries.length === 5);
      const grants = rig.cluster.journal.requests({ code: RequestCode.LOCK_BATCH_MQ });
      const lastGrantAt = rig.clock.now() - (rig.cluster.clock.now() - (grants.at(-1)?.at ?? 0));
      const silent = rig.cluster.faults.add({
        code: RequestCode.LOCK_BATCH_MQ,
        action: { type: 'answer', code: 1, remark: 'not now' },
      });
      await rig.advance(50_000);
      const last = c.deliveries.at(-1);
      expect((last?.at ?? 0) - lastGrantAt).to.be.within(LEASE - 2_000, LEASE);
      const delivered = c.deliveries.length;
      silent.remove();
      await rig.advanceUntil('it goes on', () => c.deliveries.length > delivered, 5_000);
      await rig.advanceUntil('all are consumed', () => c.offsets(0).includes(199), 300_000);
      // The answer that came when the lease had run out was not confirmed by the broker: that message comes again.
      const again = last?.offset ?? 0;
      expect(c.offsets(0)).to.deep.equal([...numbers(again + 1), ...numbers(200).slice(again)]);
    });

    it('is looked at first when the event loop was blocked for longer', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      const c = rig.consumer();
      const locksBefore: number[] = [];
      c.answer = ({ offset }) => {
        locksBefore.push(rig.cluster.journal.requests({ code: RequestCode.LOCK_BATCH_MQ }).length);
        if (offset === 0) {
          rig.clock.jump(35_000);
          rig.cluster.clock.advance(35_000);
        }
        return 'SUCCESS';
      };
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 3);
      expect(locksBefore[1], 'the lock was asked for in between').to.be.above(locksBefore[0] ?? 0);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2]);
    });
  });

  describe('an answer after the queue was lost', () => {
    it('changes nothing: no commit, no redelivery, no error', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.provokes('pullWithoutLock', 'commitWithoutLock');
      rig.produce(T, 0, 3);
      const c = rig.consumer();
      let answer: (status: 'SUCCESS' | 'SUSPEND_CURRENT_QUEUE_A_MOMENT') => void = () => undefined;
      let aborted = false;
      let owner: (() => boolean) | undefined;
      c.answer = (_delivery, context) => {
        context.signal.addEventListener('abort', () => (aborted = true));
        owner = () => context.isOwner();
        return new Promise((resolve) => (answer = resolve));
      };
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the first is with the listener', () => c.deliveries.length === 1);
      expect(owner?.()).to.equal(true);
      const queue = { topic: T, brokerName: 'broker-a', queueId: 0 };
      rig.cluster.broker('broker-a').stealLock('group', queue, 'somebody-else');
      await rig.advanceUntil('it is lost', () => c.eventsNamed('queueLost').length === 1, 25_000);
      expect(aborted).to.equal(true);
      expect(owner?.()).to.equal(false);
      const stolenAt = rig.cluster.journal.entries.at(-1)?.seq ?? 0;
      answer('SUCCESS');
      await rig.advance(10_000);
      expect(c.deliveries.length).to.equal(1);
      expect(c.errors).to.deep.equal([]);
      expect(commits(rig.cluster, T).filter((commit) => commit.seq > stolenAt)).to.deep.equal([]);
      expect(rig.committed(T, 0) ?? 0).to.equal(0);
    });

    it('is awaited before the lock is given back, when the queue has left and come back meanwhile', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.provokes('pullWithoutLock', 'commitWithoutLock');
      rig.produce(T, 0, 3);
      const later = rig.consumer('later');
      const held = new HeldAnswer();
      later.answer = () => held.wait();
      later.consumer.subscribe(T);
      await later.start();
      await rig.advanceUntil('the first is with the listener', () => held.reached);
      const broker = rig.cluster.broker('broker-a');
      broker.stealLock('group', { topic: T, brokerName: 'broker-a', queueId: 0 }, 'somebody-else');
      await rig.advanceUntil('it is lost', () => later.eventsNamed('queueLost').length === 1, 25_000);
      const has = (): boolean => later.consumer.assignment.some(({ messageQueue }) => messageQueue.topic === T);
      const guest = await rig.consume(T, 'guest');
      await rig.advanceUntil('it is the guest that is to have it', () => !has());
      await guest.consumer.close();
      broker.clearLocks();
      await rig.advanceUntil('it is regained', () => later.owned(T).length === 1);

      const earlier = await rig.consume(T, 'earlier');
      await rig.advance(70_000);
      expect(earlier.deliveries, 'a call of the other one is at work').to.deep.equal([]);
      held.give();
      await rig.advanceUntil('the other one consumes', () => earlier.deliveries.length === 3, 3_000);
      expect(later.deliveries).to.have.lengthOf(1);
    });

    it('is awaited before the next call, when the queue was regained meanwhile', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.provokes('pullWithoutLock', 'commitWithoutLock');
      rig.produce(T, 0, 3);
      const c = rig.consumer();
      const answers: (() => void)[] = [];
      let running = 0;
      let most = 0;
      c.answer = async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => answers.push(resolve));
        running--;
        return SUCCESS;
      };
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the first is with the listener', () => answers.length === 1);
      const queue = { topic: T, brokerName: 'broker-a', queueId: 0 };
      const broker = rig.cluster.broker('broker-a');
      broker.stealLock('group', queue, 'somebody-else');
      await rig.advanceUntil('it is lost', () => c.eventsNamed('queueLost').length === 1, 25_000);
      broker.clearLocks();
      await rig.advanceUntil('it is regained', () => c.owned(T).length === 1);
      await rig.advance(5_000);
      expect(answers.length, 'the old call has not answered').to.equal(1);
      answers[0]?.();
      await rig.until('the first comes again', () => answers.length === 2);
      expect(c.offsets(0)).to.deep.equal([0, 0]);
      for (const i of [1, 2, 3]) {
        answers[i]?.();
        await rig.advanceUntil('the next', () => answers.length === i + 2 || c.deliveries.length === 4);
      }
      expect(most).to.equal(1);
      expect(c.offsets(0)).to.deep.equal([0, 0, 1, 2]);
    });

    it('is awaited before the next call, even when the queue had been given up and came back', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      rig.produce(T, 1, 3);
      const c1 = rig.consumer('c1', { revokeMode: 'force', revokeTimeoutMs: 2_000 });
      const answers: (() => void)[] = [];
      c1.answer = () => new Promise((resolve) => answers.push(() => resolve('SUCCESS')));
      c1.consumer.subscribe(T);
      await c1.start();
      await rig.advanceUntil('the first is with the listener', () => answers.length === 1);
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('the other has it', () => c2.owned(T).includes(1));
      await rig.advanceUntil('the other has consumed', () => c2.deliveries.length === 3);
      const closing = c2.consumer.close();
      await rig.advanceUntil('it came back', () => c1.owned(T).length === 2);
      await closing;
      rig.produce(T, 1, 1);
      await rig.advance(5_000);
      expect(answers.length, 'the old call has not answered').to.equal(1);
      answers[0]?.();
      await rig.until('the new one is delivered', () => answers.length === 2);
      answers[1]?.();
      expect(c1.offsets(1)).to.deep.equal([0, 3]);
      expect(c2.offsets(1)).to.deep.equal([0, 1, 2]);
    });
  });
});
