import { expect } from 'chai';
import { RequestCode } from '../../lib/protocol/codes.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, numbers, pulls } from '../support/wire.js';

const T = 'T';

/** Longer than any broker holds a pull. */
const PAST_ALL_HOLDS = 25_000;

describe('suspend and resume', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** A consumer that pulls each queue of the topic, and has consumed everything there is. */
  async function idle(queues = 1, name = 'c1', most = queues): Promise<WatchedConsumer> {
    const c = await rig.consume(T, name);
    await rig.advanceUntil('its queues are owned', () => c.owned(T).length === most);
    await rig.advanceUntil('they are pulled', () =>
      queueIds(queues).every((id) => pulls(rig.cluster, T, id).length > 0),
    );
    return c;
  }

  /** A consumer with 20 messages of queue 0, the first of them with the listener until the returned function is called. */
  async function busy(options: { queues?: number } = {}): Promise<[c: WatchedConsumer, release: () => void]> {
    rig = await Rig.start({ topics: { T: { queues: options.queues ?? 1 } } });
    rig.produce(T, 0, 20);
    const c = rig.consumer();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    c.answer = ({ queueId, offset }) => (queueId === 0 && offset === 0 ? held.then(() => 'SUCCESS') : 'SUCCESS');
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all are buffered', () => buffered(c, 0) === 20 && c.deliveries.length === 1);
    return [c, release];
  }

  function queueOf(queueId: number, brokerName = 'broker-a'): MessageQueue {
    return { topic: T, brokerName, queueId };
  }

  function buffered(c: WatchedConsumer, queueId: number): number {
    return info(c, queueId)?.buffered ?? 0;
  }

  function info(c: WatchedConsumer, queueId: number): WatchedConsumer['consumer']['assignment'][number] | undefined {
    return c.consumer.assignment.find(({ messageQueue: q }) => q.topic === T && q.queueId === queueId);
  }

  function renewals(): number {
    return rig.cluster.journal.requests({ code: RequestCode.LOCK_BATCH_MQ }).length;
  }

  describe('of the consumer', () => {
    it('ends pulling, and nothing else: it stays a member, keeps its locks and owns its queues', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = await idle(2);
      c.consumer.suspend();
      expect(c.consumer.isSuspended).to.equal(true);
      await rig.advance(PAST_ALL_HOLDS);
      rig.cluster.journal.clear();
      for (const queueId of [0, 1]) rig.produce(T, queueId, 3);
      await rig.advance(120_000);
      expect(pulls(rig.cluster, T)).to.deep.equal([]);
      expect(c.deliveries).to.deep.equal([]);
      expect(renewals()).to.equal(6);
      expect(rig.cluster.journal.requests({ code: RequestCode.HEART_BEAT }).length).to.be.within(3, 5);
      expect(c.owned(T)).to.deep.equal([0, 1]);
      expect(rig.cluster.locks('group').filter((lock) => lock.queue.topic === T).map((lock) => lock.clientId)).to.deep.equal([c.consumer.clientId, c.consumer.clientId]); // prettier-ignore
      expect(c.consumer.health().healthy, 'it is as it should be').to.equal(true);
      expect(c.errors).to.deep.equal([]);

      const resumedAt = rig.clock.now();
      c.consumer.resume();
      expect(c.consumer.isSuspended).to.equal(false);
      await rig.until('all are consumed', () => c.deliveries.length === 6);
      expect(rig.clock.now(), 'there was no timer to wait for').to.equal(resumedAt);
      for (const queueId of [0, 1]) expect(c.offsets(queueId)).to.deep.equal(numbers(3));
    });

    it('hands out what is buffered, and persists how far that came', async () => {
      const [c, release] = await busy();
      const pulled = pulls(rig.cluster, T).length;
      c.consumer.suspend();
      release();
      await rig.until('all are consumed', () => c.deliveries.length === 20);
      await rig.advanceUntil('it is persisted', () => rig.committed(T, 0) === 20, 5_100);
      await rig.advance(30_000);
      expect(pulls(rig.cluster, T).length, 'but for a pull that was held').to.be.at.most(pulled + 1);
      expect(c.offsets(0)).to.deep.equal(numbers(20));
    });

    it('takes in what a pull brings that was under way', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await idle();
      await rig.until('the broker holds it', () => rig.cluster.broker('broker-a').heldPulls > 0);
      c.consumer.suspend();
      rig.produce(T, 0, 1);
      await rig.until('it is consumed', () => c.deliveries.length === 1);
      rig.produce(T, 0, 1);
      await rig.advance(30_000);
      expect(c.deliveries.length, 'it was the last').to.equal(1);
      c.consumer.resume();
      await rig.until('the second is consumed', () => c.deliveries.length === 2);
      expect(c.offsets(0)).to.deep.equal([0, 1]);
    });

    it('without draining lets the listener finish its batch, and hands out no other', async () => {
      const [c, release] = await busy();
      c.consumer.suspend({ drain: false });
      release();
      await rig.advance(30_000);
      expect(c.offsets(0)).to.deep.equal([0]);
      expect(rig.committed(T, 0), 'the answer counts').to.equal(1);
      expect(buffered(c, 0), 'the others are kept').to.equal(19);
      expect(c.owned(T)).to.deep.equal([0]);

      const resumedAt = rig.clock.now();
      const pulled = pulls(rig.cluster, T).length;
      c.consumer.resume();
      await rig.until('all are consumed', () => c.deliveries.length === 20);
      expect(rig.clock.now()).to.equal(resumedAt);
      expect(c.offsets(0)).to.deep.equal(numbers(20));
      await rig.until('it pulls', () => pulls(rig.cluster, T).length === pulled + 1);
    });

    it('without draining keeps what a pull brings that was under way', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await idle();
      await rig.until('the broker holds it', () => rig.cluster.broker('broker-a').heldPulls > 0);
      c.consumer.suspend({ drain: false });
      rig.produce(T, 0, 1);
      await rig.until('it is buffered', () => buffered(c, 0) === 1);
      await rig.advance(120_000);
      expect(c.deliveries).to.deep.equal([]);
      c.consumer.resume();
      await rig.until('it is consumed', () => c.deliveries.length === 1);
    });

    it('can go over from not draining to draining', async () => {
      const [c, release] = await busy();
      c.consumer.suspend({ drain: false });
      release();
      await rig.advance(1_000);
      expect(c.deliveries.length).to.equal(1);
      c.consumer.suspend();
      await rig.until('what is buffered is consumed', () => c.deliveries.length === 20);
      rig.cluster.journal.clear();
      await rig.advance(30_000);
      expect(pulls(rig.cluster, T)).to.deep.equal([]);
    });

    it('does not bring a failed message back before its time', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 2);
      const c = rig.consumer();
      c.answer = ({ reconsumeTimes }, context) => {
        context.suspendCurrentQueueTimeMillis = 10_000;
        return reconsumeTimes === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
      };
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the first has failed', () => c.deliveries.length === 1);
      c.consumer.suspend({ drain: false });
      await rig.advance(2_000);
      c.consumer.resume();
      await rig.advance(7_900);
      expect(c.deliveries.length).to.equal(1);
      await rig.advance(200);
      expect(c.deliveries.map(({ offset, reconsumeTimes }) => [offset, reconsumeTimes])).to.deep.equal([[0, 0], [0, 1], [1, 0]]); // prettier-ignore
    });

    it('keeps the queues it has while others come, and shares them when it is resumed', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      const c = await idle(4);
      c.consumer.suspend();
      const other = await rig.consume(T, 'c2');
      await rig.advance(90_000);
      expect(c.owned(T)).to.deep.equal([0, 1, 2, 3]);
      expect(c.eventsNamed('queueReleased')).to.deep.equal([]);
      expect(other.owned(T), 'what is locked is refused').to.deep.equal([]);
      for (const queueId of queueIds(4)) rig.produce(T, queueId, 5);
      await rig.advance(10_000);
      expect(rig.deliveries).to.deep.equal([]);

      c.consumer.resume();
      const took = await rig.advanceUntil('they are shared', () => c.owned(T).length + other.owned(T).length === 4 && other.owned(T).length === 2); // prettier-ignore
      expect(took).to.be.at.most(3_000);
      await rig.advanceUntil('all are consumed', () => rig.deliveries.length >= 20);
      for (const queueId of queueIds(4)) {
        const offsets = rig.deliveries.filter((delivery) => delivery.queueId === queueId).map(({ offset }) => offset);
        expect(offsets, `queue ${queueId}`).to.deep.equal(numbers(5));
      }
    });

    it('takes in no new queues until it is resumed', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = await idle(2);
      c.consumer.suspend();
      rig.cluster.updateTopic(T, { queues: 4 });
      await rig.advance(60_000);
      expect(c.owned(T)).to.deep.equal([0, 1]);
      c.consumer.resume();
      await rig.advanceUntil('it has them all', () => c.owned(T).length === 4, 5_000);
    });

    it('may come before the start: nothing is assigned until it is resumed', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      const c = rig.consumer();
      c.consumer.suspend({ drain: false });
      c.consumer.subscribe(T);
      await c.start();
      await rig.advance(30_000);
      expect(c.consumer.assignment).to.deep.equal([]);
      expect(c.deliveries).to.deep.equal([]);
      c.consumer.resume();
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 3, 2_000);
    });

    it('loses what another member took over meanwhile, and goes on from where that one came to', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.provokes('commitWithoutLock');
      rig.produce(T, 0, 40);
      const c = rig.consumer();
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      c.answer = ({ offset }) => (offset === 2 ? held.then(() => 'SUCCESS') : 'SUCCESS');
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the third is with the listener', () => c.deliveries.length === 3);
      c.consumer.suspend({ drain: false });
      release();
      const broker = rig.cluster.broker('broker-a');
      broker.clearLocks();
      broker.stealLock('group', queueOf(0), 'another');
      await rig.advanceUntil('it is told', () => c.eventsNamed('queueLost').length === 1, 21_000);
      rig.cluster.setOffset('group', queueOf(0), 30);
      expect(buffered(c, 0), 'what was buffered is void').to.equal(0);
      c.consumer.resume();
      broker.clearLocks();
      await rig.advanceUntil('the rest is consumed', () => c.offsets(0).includes(39));
      expect(c.offsets(0)).to.deep.equal([0, 1, 2, ...numbers(40).slice(30)]);
    });

    it('gives its queues back when it is closed, with what it has consumed', async () => {
      const [c, release] = await busy();
      c.consumer.suspend({ drain: false });
      release();
      await rig.until('the first is done', () => info(c, 0)?.buffered === 19);
      await c.consumer.close();
      expect(rig.committed(T, 0)).to.equal(1);
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      const next = await rig.consume(T, 'c2');
      await rig.advanceUntil('the rest is consumed', () => next.deliveries.length === 19);
      expect(next.offsets(0)).to.deep.equal(numbers(20).slice(1));
    });

    it('a hundred times in a row, loses and repeats nothing', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = await idle(2);
      for (let round = 0; round < 100; round++) {
        c.consumer.suspend({ drain: round % 2 === 0 });
        rig.produce(T, round % 2, 1);
        if (round % 5 === 0) await rig.advance(100);
        c.consumer.resume();
      }
      await rig.advanceUntil('all are consumed', () => c.deliveries.length >= 100);
      for (const queueId of [0, 1]) expect(c.offsets(queueId)).to.deep.equal(numbers(50));
      await rig.advance(5_000);
      expect([rig.committed(T, 0), rig.committed(T, 1)]).to.deep.equal([50, 50]);
      const held = rig.cluster.broker('broker-a').heldPulls;
      expect(held, 'one loop per queue and one for the retry topic').to.be.at.most(3);
    });
  });

  describe('of one queue', () => {
    it('ends pulling of it; the others go on, and its lock is kept', async () => {
      rig = await Rig.start({ topics: { T: { queues: 3 } } });
      const c = await idle(3);
      expect(c.consumer.suspendQueue(queueOf(1))).to.equal(true);
      expect(info(c, 1)?.suspended).to.equal(true);
      expect(info(c, 0)?.suspended).to.equal(false);
      await rig.advance(PAST_ALL_HOLDS);
      rig.cluster.journal.clear();
      for (const queueId of queueIds(3)) rig.produce(T, queueId, 4);
      await rig.advance(60_000);
      expect(pulls(rig.cluster, T, 1)).to.deep.equal([]);
      expect([0, 1, 2].map((queueId) => c.offsets(queueId).length)).to.deep.equal([4, 0, 4]);
      expect(renewals()).to.equal(3);
      expect(c.owned(T)).to.deep.equal([0, 1, 2]);
      expect(c.consumer.isSuspended).to.equal(false);

      const resumedAt = rig.clock.now();
      expect(c.consumer.resumeQueue(queueOf(1))).to.equal(true);
      expect(info(c, 1)?.suspended).to.equal(false);
      await rig.until('they are consumed', () => c.offsets(1).length === 4);
      expect(rig.clock.now()).to.equal(resumedAt);
      expect(c.offsets(1)).to.deep.equal(numbers(4));
    });

    it('hands out what is buffered', async () => {
      const [c, release] = await busy({ queues: 2 });
      c.consumer.suspendQueue(queueOf(0));
      release();
      await rig.until('all are consumed', () => c.offsets(0).length === 20);
      await rig.advanceUntil('it is persisted', () => rig.committed(T, 0) === 20, 5_100);
    });

    it('without draining hands out nothing more of it', async () => {
      const [c, release] = await busy({ queues: 2 });
      c.consumer.suspendQueue(queueOf(0), { drain: false });
      release();
      rig.produce(T, 1, 5);
      await rig.advance(30_000);
      expect(c.offsets(0)).to.deep.equal([0]);
      expect(c.offsets(1)).to.deep.equal(numbers(5));
      expect(buffered(c, 0)).to.equal(19);
      expect(rig.committed(T, 0)).to.equal(1);
      expect(commits(rig.cluster, T, 0).at(-1)?.ext['commitOffset']).to.equal('1');
      c.consumer.resumeQueue(queueOf(0));
      await rig.until('all are consumed', () => c.offsets(0).length === 20);
      expect(c.offsets(0)).to.deep.equal(numbers(20));
    });

    it('is a matter of its own: resuming the consumer leaves it as it is', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = await idle(2);
      c.consumer.suspendQueue(queueOf(0), { drain: false });
      c.consumer.suspend();
      c.consumer.resume();
      for (const queueId of [0, 1]) rig.produce(T, queueId, 2);
      await rig.advance(30_000);
      expect([c.offsets(0), c.offsets(1)]).to.deep.equal([[], [0, 1]]);
      c.consumer.resumeQueue(queueOf(0));
      await rig.advanceUntil('they are consumed', () => c.offsets(0).length === 2);
    });

    it('and resuming it leaves a suspended consumer as it is', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await idle();
      c.consumer.suspend({ drain: false });
      c.consumer.suspendQueue(queueOf(0));
      c.consumer.resumeQueue(queueOf(0));
      await rig.advance(PAST_ALL_HOLDS);
      rig.produce(T, 0, 2);
      await rig.advance(30_000);
      expect(c.deliveries).to.deep.equal([]);
    });

    it('holds as long as the queue is owned: it comes back from another member without', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = await idle(2);
      c.consumer.suspendQueue(queueOf(1));
      const other = await rig.consume(T, 'c2');
      await rig.advanceUntil('the other has it', () => other.owned(T).join() === '1');
      rig.produce(T, 1, 2);
      await rig.advanceUntil('the other consumes', () => other.deliveries.length === 2);
      void other.consumer.close();
      await rig.advanceUntil('it is back', () => c.owned(T).length === 2);
      expect(info(c, 1)?.suspended).to.equal(false);
      rig.produce(T, 1, 2);
      await rig.advanceUntil('it is consumed here', () => c.offsets(1).length === 2);
      expect(c.offsets(1)).to.deep.equal([2, 3]);
    });

    it('is refused for a queue that is not owned here, and before the start', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const early = rig.consumer('c0');
      expect(early.consumer.suspendQueue(queueOf(0))).to.equal(false);
      const c = await idle();
      for (const queue of [queueOf(1), queueOf(0, 'broker-b'), { ...queueOf(0), topic: 'Other' }]) {
        expect(c.consumer.suspendQueue(queue)).to.equal(false);
        expect(c.consumer.resumeQueue(queue)).to.equal(false);
      }
      expect(c.consumer.assignment.some((queue) => queue.suspended)).to.equal(false);
    });
  });
});

function queueIds(count: number): number[] {
  return numbers(count);
}
