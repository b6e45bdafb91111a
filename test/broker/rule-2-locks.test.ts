import { expect } from 'chai';
import { QueueLostError, type ConsumeOrderlyContext, type OrderedConsumerEvents } from '../../lib/index.js';
import { RequestCode } from '../../lib/protocol/codes.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { allCommits, commitFaults, HeldAnswer, lastSeq, lockRequests, unlockRequests } from '../support/ownership-judge.js'; // prettier-ignore
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, gaps, numbers, pulls } from '../support/wire.js';

const T = 'T';
const QUEUE: MessageQueue = { topic: T, brokerName: 'broker-a', queueId: 0 };
const { LOCK_BATCH_MQ, QUERY_CONSUMER_OFFSET, PULL_MESSAGE, HEART_BEAT, UPDATE_CONSUMER_OFFSET } = RequestCode;

function leaseHeld(watched: WatchedConsumer): boolean | undefined {
  return watched.consumer.assignment.find(({ messageQueue }) => messageQueue.topic === T)?.owned;
}

describe('rule 2: locks', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** A consumer that owns the only queue of the topic, and that of its retry topic. */
  async function owner(options: Partial<OrderedConsumerOptions> = {}): Promise<WatchedConsumer> {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    const c = await rig.consume(T, 'c1', options);
    await rig.advanceUntil('it owns its queues', () => c.owned(T).length === 1 && c.owned('%RETRY%group').length === 1);
    return c;
  }

  /** One message a second, for so many seconds. Returns the numbers of those that were consumed at once. */
  async function trickle(seconds: number): Promise<number[]> {
    const atOnce: number[] = [];
    for (const second of numbers(seconds)) {
      const before = rig.deliveries.length;
      rig.produce(T, 0, 1);
      await rig.advance(1_000);
      if (rig.deliveries.length > before) atOnce.push(second);
    }
    return atOnce;
  }

  describe('renewal', () => {
    it('locks all queues again every 20 s, in one batch per broker, without a gap in delivery', async () => {
      rig = await Rig.start({ brokers: 2, topics: { T: { queues: 2 } } });
      const c = await rig.consume(T);
      await rig.advanceUntil('it owns all', () => c.owned(T).length === 4 && c.owned('%RETRY%group').length === 2);
      const before = lastSeq(rig.cluster);
      expect(await trickle(65)).to.deep.equal(numbers(65));

      for (const broker of ['broker-a', 'broker-b']) {
        const renewals = lockRequests(rig.cluster).filter((one) => one.seq > before && one.broker === broker);
        expect(renewals).to.have.lengthOf(3);
        for (const { queues } of renewals) {
          expect(queues.map(({ topic, queueId }) => `${topic} ${queueId}`).sort()).to.deep.equal(['%RETRY%group 0', 'T 0', 'T 1']); // prettier-ignore
        }
        const entries = rig.cluster.journal.entries.filter(({ seq }) => renewals.some((one) => one.seq === seq));
        expect(gaps(entries)).to.deep.equal([20_000, 20_000]);
      }
      const now = rig.cluster.clock.now();
      for (const { lastUpdateMs } of rig.cluster.locks('group')) expect(now - lastUpdateMs).to.be.at.most(20_000);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });

    it('is tried again within a second when it fails', async () => {
      const c = await owner();
      const failing = rig.cluster.faults.add({ code: LOCK_BATCH_MQ, times: 3, action: { type: 'answer', code: 1 } });
      await rig.advanceUntil('it has failed', () => failing.hits === 1, 21_000);
      await rig.advance(3_100);
      expect(lockRequests(rig.cluster).filter(({ at }) => at > rig.cluster.clock.now() - 3_200)).to.have.lengthOf(4);
      expect(await trickle(10)).to.have.lengthOf(10);
      expect(
        c.errors.map(({ code }) => code),
        'once for an outage',
      ).to.deep.equal(['ERR_ROCKETMQ_LOCK']);
      expect(c.eventsNamed('queueLost')).to.deep.equal([]);
    });

    it('goes to the master only, and without one nothing is consumed after 30 s until there is one again', async () => {
      const c = await owner();
      const broker = rig.cluster.broker('broker-a');
      broker.setBrokerId(1);
      await rig.advanceUntil('the route is known', () => c.eventsNamed('noMaster').length > 0, 60_000);
      const before = lastSeq(rig.cluster);
      const [told] = c.eventsNamed('noMaster') as OrderedConsumerEvents['noMaster'][0][];
      expect(told?.brokerName).to.equal('broker-a');
      expect(told?.messageQueues).to.have.deep.members([QUEUE, { ...QUEUE, topic: '%RETRY%group' }]);
      await rig.advance(30_000);
      rig.produce(T, 0, 3);
      await rig.advance(60_000);
      expect(c.deliveries).to.deep.equal([]);
      expect(lockRequests(rig.cluster).filter(({ seq }) => seq > before)).to.deep.equal([]);
      expect(c.eventsNamed('noMaster'), 'told once').to.have.lengthOf(1);
      expect(c.consumer.health().healthy).to.equal(false);

      broker.setBrokerId(0);
      await rig.advanceUntil('it goes on', () => c.deliveries.length === 3, 3_000);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  });

  describe('a broker that does not answer', () => {
    it('keeps what is buffered when the lock comes back within its 60 s, after a look at the offset', async () => {
      const c = await owner();
      const silent = rig.cluster.faults.add({ code: LOCK_BATCH_MQ, action: { type: 'drop' } });
      await rig.advanceUntil('the first renewal is lost', () => silent.hits === 1, 21_000);
      const delivered = await trickle(20);
      // Lost at 20 s, so 10 s are left of the lease.
      expect(delivered.length).to.be.within(9, 11);
      expect(leaseHeld(c)).to.equal(false);

      const before = lastSeq(rig.cluster);
      silent.remove();
      await rig.advanceUntil('it goes on', () => c.deliveries.length === 20, 3_000);
      expect(c.offsets(0), 'nothing is repeated').to.deep.equal(numbers(20));
      const steps = rig.cluster.journal.requests().filter(({ seq, code, ext }) => seq > before && (code === LOCK_BATCH_MQ || ext['topic'] === T)); // prettier-ignore
      const codes = steps.map(({ code }) => code).filter((code, i, all) => code !== all[i - 1]);
      expect(codes.slice(0, 2)).to.deep.equal([LOCK_BATCH_MQ, QUERY_CONSUMER_OFFSET]);
      expect(codes.slice(2)).to.include(PULL_MESSAGE);
      expect(c.eventsNamed('queueLost')).to.deep.equal([]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });

    it('goes on from the offset of another client that was there meanwhile, without a commit of its own', async () => {
      const c = await owner();
      rig.produce(T, 0, 3);
      await rig.until('they are consumed', () => c.deliveries.length === 3);
      const silent = rig.cluster.faults.add({ code: LOCK_BATCH_MQ, action: { type: 'drop' } });
      const unwritten = rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, action: { type: 'drop' } });
      await rig.advanceUntil('the first renewal is lost', () => silent.hits === 1, 21_000);
      await rig.advanceUntil('the lease has run out', () => !leaseHeld(c), 31_000);
      rig.produce(T, 0, 5);
      await rig.advance(100);
      const before = lastSeq(rig.cluster);
      // The broker was restarted, say, and somebody got the lock, consumed two, and left.
      rig.cluster.setOffset('group', QUEUE, 5);
      silent.remove();
      unwritten.remove();
      await rig.advanceUntil('it goes on', () => c.deliveries.length === 6, 3_000);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2, 5, 6, 7]);
      await rig.advance(6_000);
      const since = allCommits(rig.cluster).filter(({ seq, queue }) => seq > before && queue.topic === T);
      expect(
        since.every(({ offset }) => offset >= 5),
        since.map(({ offset }) => offset).join(),
      ).to.equal(true);
      expect(rig.committed(T, 0)).to.equal(8);
    });

    it('writes nothing on a new connection until it has the lock there, and not over what others have written', async () => {
      const c = await owner();
      rig.produce(T, 0, 3);
      await rig.until('they are consumed', () => c.deliveries.length === 3);
      const before = lastSeq(rig.cluster);
      // The broker is restarted. Before this client is known there again, somebody gets the lock, consumes, and leaves.
      const late = rig.cluster.faults.add({ code: HEART_BEAT, times: 2, action: { type: 'delay', ms: 2_500, when: 'before' } }); // prettier-ignore
      const broker = rig.cluster.broker('broker-a');
      await broker.stop();
      await broker.start();
      rig.produce(T, 0, 5);
      await rig.advanceUntil('it is connected again', () => late.hits > 0, 6_000);
      rig.cluster.setOffset('group', QUEUE, 7);
      await rig.advanceUntil('it goes on', () => c.offsets(0).includes(7), 10_000);
      const [told] = c.eventsNamed('offsetReset') as OrderedConsumerEvents['offsetReset'][0][];
      expect(told).to.deep.include({ offset: 7, reason: 'another client has committed' });
      await rig.advance(6_000);
      expect(rig.committed(T, 0)).to.equal(8);

      const since = allCommits(rig.cluster).filter(({ seq, queue }) => seq > before && queue.topic === T);
      expect(Math.min(...since.map(({ offset }) => offset))).to.equal(7);
      const locked = lockRequests(rig.cluster).find(({ seq }) => seq > before);
      const asked = rig.cluster.journal.requests({ code: QUERY_CONSUMER_OFFSET }).find(({ seq }) => seq > (locked?.seq ?? 0)); // prettier-ignore
      expect(asked?.seq).to.be.lessThan(since[0]?.seq as number);
    });

    it('asks for the offset until it knows it, and does nothing before', async () => {
      const c = await owner();
      const silent = rig.cluster.faults.add({ code: LOCK_BATCH_MQ, action: { type: 'drop' } });
      const mute = rig.cluster.faults.add({ code: QUERY_CONSUMER_OFFSET, topic: T, action: { type: 'answer', code: 1 } }); // prettier-ignore
      await rig.advanceUntil('the first renewal is lost', () => silent.hits === 1, 21_000);
      await rig.advance(15_000);
      rig.produce(T, 0, 2);
      const before = lastSeq(rig.cluster);
      silent.remove();
      await rig.advanceUntil('it has asked five times', () => mute.hits >= 5, 10_000);
      expect(c.deliveries).to.deep.equal([]);
      expect(pulls(rig.cluster, T).filter(({ seq }) => seq > before)).to.deep.equal([]);
      mute.remove();
      await rig.advanceUntil('it goes on', () => c.deliveries.length === 2, 2_000);
    });

    for (const seconds of [40, 70]) {
      it(`stops within 30 s of the last renewal, and recovers after ${seconds} s of silence on everything`, async () => {
        const c = await owner();
        rig.produce(T, 0, 2);
        await rig.until('they are consumed', () => c.deliveries.length === 2);
        await rig.advance(5_100);
        const silence = rig.cluster.faults.add({ broker: 'broker-a', action: { type: 'drop' } });
        const silentSince = rig.clock.now();
        rig.produce(T, 0, 3);
        await rig.advance(seconds * 1_000);
        for (const { at } of c.deliveries) expect(at - silentSince).to.be.at.most(30_000);
        silence.remove();
        // Up to 5 s until it connects again, and 5 s until it writes.
        await rig.advanceUntil('all is committed', () => rig.committed(T, 0) === 5, 15_000);
        expect(c.offsets(0).slice(0, 5)).to.deep.equal(numbers(5));
        expect(commitFaults(rig.cluster)).to.deep.equal([]);
        expect(c.eventsNamed('queueLost').length).to.equal(seconds > 60 ? 2 : 0);
      });
    }

    it('lets the answer of a listener that took longer than the lease count when the broker confirms the lock', async () => {
      const c = await owner();
      const held = new HeldAnswer();
      c.answer = ({ offset }) => (offset === 0 ? held.wait() : 'SUCCESS');
      const silent = rig.cluster.faults.add({ code: LOCK_BATCH_MQ, action: { type: 'drop' } });
      rig.produce(T, 0, 2);
      await rig.advanceUntil('it is with the listener', () => held.reached);
      await rig.advance(40_000);
      silent.remove();
      held.give();
      await rig.advanceUntil('the next follows', () => c.deliveries.length === 2, 3_000);
      expect(c.offsets(0)).to.deep.equal([0, 1]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  });

  describe('a lock that was taken away', () => {
    it('stops everything at the next renewal, and begins at the offset of the other when it is regained', async () => {
      const c = await owner();
      rig.provokes('pullWithoutLock');
      const contexts: ConsumeOrderlyContext[] = [];
      const held = new HeldAnswer();
      c.answer = ({ offset }, context) => {
        contexts.push(context);
        return offset === 3 ? held.wait() : 'SUCCESS';
      };
      rig.produce(T, 0, 9);
      await rig.until('the fourth is with the listener', () => held.reached);
      await rig.advance(5_100);
      const broker = rig.cluster.broker('broker-a');
      broker.stealLock('group', QUEUE, 'thief');
      // Its pull is answered, and the next one goes out.
      rig.produce(T, 0, 1);
      await rig.advanceUntil('it is lost', () => c.eventsNamed('queueLost').length === 1, 20_000);
      const lostAt = lastSeq(rig.cluster);
      const context = contexts[3] as ConsumeOrderlyContext;
      expect(context.signal.aborted).to.equal(true);
      expect(context.signal.reason).to.be.instanceOf(QueueLostError);
      expect(context.isOwner()).to.equal(false);
      expect(c.consumer.assignment.find(({ messageQueue }) => messageQueue.topic === T)).to.include({ state: 'locking', buffered: 0, owned: false }); // prettier-ignore

      // The other one goes four further while the listener is still at the fourth message.
      rig.cluster.setOffset('group', QUEUE, 7);
      held.give();
      await rig.advance(10_000);
      expect(c.deliveries).to.have.lengthOf(4);
      expect(commits(rig.cluster, T).filter(({ seq }) => seq > lostAt)).to.deep.equal([]);
      expect(pulls(rig.cluster, T).filter(({ seq }) => seq > lostAt)).to.deep.equal([]);
      expect(rig.committed(T, 0)).to.equal(7);

      broker.state.locks.unlock('group', [QUEUE], 'thief');
      await rig.advanceUntil('it goes on', () => c.deliveries.length === 7, 2_000);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2, 3, 7, 8, 9]);
      expect(contexts.at(-1)?.lockEpoch).to.equal(context.lockEpoch + 1);
      await rig.advance(6_000);
      expect(rig.committed(T, 0)).to.equal(10);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
      const told = c.eventsNamed('queueState') as OrderedConsumerEvents['queueState'][0][];
      const ofQueue = told.filter(({ messageQueue }) => messageQueue.topic === T).map(({ from, to }) => `${from} -> ${to}`); // prettier-ignore
      expect(ofQueue).to.deep.equal(['absent -> locking', 'locking -> owned', 'owned -> locking', 'locking -> owned']);
    });

    it('is noticed before the next commit with verifyLockOnCommit, which is then not made', async () => {
      const c = await owner({ verifyLockOnCommit: true });
      const held = new HeldAnswer();
      c.answer = ({ offset }) => (offset === 2 ? held.wait() : 'SUCCESS');
      rig.produce(T, 0, 5);
      await rig.advanceUntil('the third is with the listener', () => held.reached);
      await rig.advance(5_100);
      expect(rig.committed(T, 0)).to.equal(2);
      rig.cluster.broker('broker-a').stealLock('group', QUEUE, 'thief');
      rig.cluster.setOffset('group', QUEUE, 4);
      const stolenAt = lastSeq(rig.cluster);
      held.give();
      await rig.until('it is lost', () => c.eventsNamed('queueLost').length === 1);
      await rig.advance(10_000);
      expect(c.deliveries).to.have.lengthOf(3);
      expect(allCommits(rig.cluster).filter(({ seq, queue }) => seq > stolenAt && queue.topic === T)).to.deep.equal([]);
      expect(rig.committed(T, 0)).to.equal(4);
    });

    it('is asked about once per batch with verifyLockOnCommit', async () => {
      const c = await owner({ verifyLockOnCommit: true, consumeMessageBatchMaxSize: 4 });
      const before = lastSeq(rig.cluster);
      rig.produce(T, 0, 8);
      await rig.until('all is consumed', () => c.deliveries.length === 8);
      await rig.advance(5_100);
      expect(rig.committed(T, 0)).to.equal(8);
      const asked = lockRequests(rig.cluster).filter(({ seq }) => seq > before);
      const batches = new Set(c.deliveries.map(({ at }) => at)).size;
      expect(asked.length).to.be.within(batches, 8);
      for (const { queues } of asked) expect(queues).to.deep.equal([QUEUE]);
    });
  });

  describe('connections', () => {
    it('a restarted broker gets a heartbeat first, then the locks, and nothing is repeated', async () => {
      const c = await owner();
      const held = new HeldAnswer();
      c.answer = ({ offset }) => (offset === 2 ? held.wait() : 'SUCCESS');
      rig.produce(T, 0, 6);
      await rig.until('the third is with the listener', () => held.reached);
      const before = lastSeq(rig.cluster);
      await rig.cluster.broker('broker-a').restart();
      await rig.advanceUntil('the locks are there again', () => rig.cluster.locks('group').length === 2, 10_000);
      const [first, ...others] = rig.cluster.journal.requests({ broker: 'broker-a' }).filter(({ seq }) => seq > before);
      expect(first?.code).to.equal(HEART_BEAT);
      const locked = others.find(({ code }) => code === LOCK_BATCH_MQ);
      expect(locked?.at, 'at once').to.equal(first?.at);
      held.give();
      await rig.until('all is consumed', () => c.deliveries.length === 6);
      expect(c.offsets(0)).to.deep.equal(numbers(6));
      await rig.advance(6_000);
      expect(rig.committed(T, 0)).to.equal(6);
      expect(c.eventsNamed('queueLost')).to.deep.equal([]);
      expect(unlockRequests(rig.cluster)).to.deep.equal([]);
      expect(c.warnings).to.deep.equal([]);
    });

    it('a new connection begins with a heartbeat, within 100 ms, before the calls that waited for it', async () => {
      const c = await owner();
      const before = lastSeq(rig.cluster);
      rig.cluster.broker('broker-a').disconnect();
      await rig.advanceUntil('it is connected again', () => c.eventsNamed('connected').length === 3, 6_000);
      const connectedAt = rig.clock.now();
      await rig.until('the broker hears from it', () => rig.cluster.journal.requests({ broker: 'broker-a' }).some(({ seq }) => seq > before)); // prettier-ignore
      const [first] = rig.cluster.journal.requests({ broker: 'broker-a' }).filter(({ seq }) => seq > before);
      expect(first?.code).to.equal(HEART_BEAT);
      expect(rig.clock.now() - connectedAt).to.be.at.most(100);
      expect(await trickle(5)).to.have.lengthOf(5);
    });

    it('two members keep their queues through a restart of the broker', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      const members = [await rig.consume(T, 'c1'), await rig.consume(T, 'c2')];
      await rig.advanceUntil('two each', () => members.every((member) => member.owned(T).length === 2));
      for (const queueId of numbers(4)) rig.produce(T, queueId, 5);
      await rig.until('all is consumed', () => rig.deliveries.length === 20);
      await rig.cluster.broker('broker-a').restart();
      await rig.advance(20_000);
      await rig.advanceUntil('two each again', () => members.every((member) => member.owned(T).length === 2));
      for (const queueId of numbers(4)) rig.produce(T, queueId, 5);
      await rig.advanceUntil('all is consumed', () => rig.deliveries.length >= 40);
      for (const queueId of numbers(4)) {
        const seen = rig.deliveries.filter((one) => one.queueId === queueId).map(({ offset }) => offset);
        expect(seen).to.deep.equal(numbers(10));
      }
    });
  });

  describe('an event loop that was blocked for 35 s', () => {
    it('asks for its locks first, and delivers nothing before they are confirmed', async () => {
      const c = await owner();
      rig.produce(T, 0, 3);
      await rig.until('they are consumed', () => c.deliveries.length === 3);
      // Nothing of the consumer runs, while the broker lives on and new messages come in.
      rig.clock.jump(35_000);
      rig.cluster.clock.advance(35_000);
      const before = lastSeq(rig.cluster);
      rig.produce(T, 0, 2);
      rig.clock.runDue();
      await rig.advanceUntil('it goes on', () => c.deliveries.length === 5, 2_000);
      const since = rig.cluster.journal.entries.filter(({ seq, direction }) => seq > before && direction === 'in');
      const confirmed = rig.cluster.journal.entries.find(({ seq, request }) => seq > before && request === LOCK_BATCH_MQ); // prettier-ignore
      expect(since.find(({ code, ext }) => code === LOCK_BATCH_MQ || ext['topic'] === T)?.code).to.equal(LOCK_BATCH_MQ);
      const pulled = pulls(rig.cluster, T).find(({ seq }) => seq > before);
      expect(pulled?.seq).to.be.greaterThan(confirmed?.seq ?? Number.POSITIVE_INFINITY);
      expect(c.offsets(0)).to.deep.equal(numbers(5));
    });

    it('by its own listener: the answer counts only after the broker has confirmed the lock', async () => {
      const c = await owner();
      let blocked = false;
      c.answer = ({ offset }) => {
        if (offset === 1 && !blocked) {
          blocked = true;
          rig.clock.jump(35_000);
        }
        return 'SUCCESS';
      };
      rig.produce(T, 0, 4);
      await rig.until('the second is with the listener', () => blocked);
      const at = c.deliveries.length;
      expect(at).to.equal(2);
      await rig.advanceUntil('the others follow', () => c.deliveries.length === 4, 2_000);
      expect(c.offsets(0)).to.deep.equal(numbers(4));
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  });
});
