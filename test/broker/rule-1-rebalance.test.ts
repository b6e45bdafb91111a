import { expect } from 'chai';
import type { OrderedConsumerEvents } from '../../lib/index.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { getConsumerListByGroup } from '../../lib/protocol/requests/get-consumer-list-by-group.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import {
  allCommits,
  commitFaults,
  lastSeq,
  ListenerWatch,
  lockRequests,
  unlockRequests,
} from '../support/ownership-judge.js';
import { commits, gaps, numbers, pulls } from '../support/wire.js';

const T = 'T';
const { LOCK_BATCH_MQ, UNLOCK_BATCH_MQ, UPDATE_CONSUMER_OFFSET, GET_CONSUMER_LIST_BY_GROUP, HEART_BEAT } = RequestCode;
const { PULL_MESSAGE, QUERY_CONSUMER_OFFSET } = RequestCode;

/** Queues of the topic a consumer owns, of all brokers. */
function ownedCount(watched: WatchedConsumer): number {
  return watched.owned(T).length;
}

function queueOf(queueId: number, brokerName = 'broker-a'): MessageQueue {
  return { topic: T, brokerName, queueId };
}

describe('rule 1: rebalance', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  describe('taking queues', () => {
    it('locks new queues first, in one batch per broker, and pulls only from those that were granted', async () => {
      rig = await Rig.start({ brokers: 2, topics: { T: { queues: 4 } } });
      const { cluster } = rig;
      cluster.broker('broker-a').stealLock('group', queueOf(2), 'somebody-else');
      const c = await rig.consume(T);
      await rig.advanceUntil('all but one are owned', () => ownedCount(c) === 7);

      for (const broker of ['broker-a', 'broker-b']) {
        const [first] = lockRequests(cluster).filter((request) => request.broker === broker);
        expect(first?.queues.filter(({ topic }) => topic === T)).to.have.lengthOf(4);
      }
      expect(pulls(cluster, T, 2).map(({ broker }) => broker)).to.not.include('broker-a');
      expect(pulls(cluster, T, 2).map(({ broker }) => broker)).to.include('broker-b');
    });

    it('asks again within a second when a lock is refused, and begins nothing before it is granted', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      const refused = rig.cluster.faults.add({
        code: LOCK_BATCH_MQ,
        topic: T,
        times: 8,
        action: { type: 'answer', code: 0, body: Buffer.from('{"lockOKMQSet":[]}') },
      });
      const c = await rig.consume(T);
      await rig.advanceUntil('it was refused eight times', () => refused.hits === 8, 10_000);
      expect(c.deliveries).to.deep.equal([]);
      expect(pulls(rig.cluster, T)).to.deep.equal([]);
      expect(rig.cluster.journal.requests({ code: QUERY_CONSUMER_OFFSET }).filter(({ ext }) => ext['topic'] === T)).to.deep.equal([]); // prettier-ignore

      await rig.advanceUntil('all is consumed', () => c.deliveries.length === 3, 1_100);
      const asked = lockRequests(rig.cluster).filter(({ queues }) => queues.some(({ topic }) => topic === T));
      const waits = gaps(rig.cluster.journal.entries.filter(({ seq }) => asked.some((request) => request.seq === seq)));
      expect(waits.map((wait) => Math.round(wait / 20) * 20)).to.deep.equal([20, 40, 80, 160, 320, 640, 1000, 1000]);
    });

    it('runs the queues that were granted while others are refused', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      for (const queueId of numbers(4)) rig.produce(T, queueId, 5);
      for (const queueId of [1, 3]) rig.cluster.broker('broker-a').stealLock('group', queueOf(queueId), 'other');
      const c = await rig.consume(T);
      await rig.advanceUntil('two queues are consumed', () => c.deliveries.length === 10);
      await rig.advance(10_000);
      expect(c.owned(T)).to.deep.equal([0, 2]);
      expect(c.deliveries).to.have.lengthOf(10);
      expect(c.consumer.health().healthy).to.equal(false);

      // A lock whose owner is gone is taken over when it is 60 s old.
      const waited = await rig.advanceUntil('the others are consumed, too', () => c.deliveries.length === 20);
      expect(waited).to.be.within(48_000, 52_000);
      for (const queueId of numbers(4)) expect(c.offsets(queueId)).to.deep.equal(numbers(5));
      expect(c.consumer.health()).to.deep.equal({ healthy: true, reasons: [] });
    });

    it('gives back at once what was granted but is not wanted any more before it was begun', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c1 = await rig.consume(T, 'c1');
      // The start offsets can't be looked up: c1 holds both locks and owns nothing.
      const failing = rig.cluster.faults.add({ code: QUERY_CONSUMER_OFFSET, topic: T, clientId: '10.0.0.1@c1', action: { type: 'answer', code: 1 } }); // prettier-ignore
      await rig.advanceUntil('c1 has both locks', () => rig.cluster.locks('group').length >= 2);
      expect(c1.owned(T)).to.deep.equal([]);
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('c2 owns its half', () => c2.owned(T).length === 1, 3_000);
      expect(c2.owned(T)).to.deep.equal([1]);
      failing.remove();
      await rig.advanceUntil('c1 owns its half', () => c1.owned(T).length === 1, 3_000);
      expect(c1.owned(T)).to.deep.equal([0]);
      expect(commits(rig.cluster, T, 1).filter(({ clientId }) => clientId === '10.0.0.1@c1')).to.deep.equal([]);
    });
  });

  describe('sharing', () => {
    it('splits 24 queues of 3 brokers between 2 and then 4 members, none with two of them', async () => {
      rig = await Rig.start({ brokers: 3, topics: { T: { queues: 8 } } });
      const brokers = ['broker-a', 'broker-b', 'broker-c'];
      const watch = new ListenerWatch();
      const join = async (name: string): Promise<WatchedConsumer> => {
        const watched = rig.consumer(name);
        watch.watch(watched, () => Promise.resolve('SUCCESS'));
        watched.consumer.subscribe(T);
        await watched.start();
        return watched;
      };
      const send = (): void => brokers.forEach((broker) => numbers(8).forEach((id) => rig.produce(T, id, 5, broker)));
      const members = [await join('c1'), await join('c2')];
      await rig.advanceUntil('12 each', () => members.every((member) => ownedCount(member) === 12));
      send();
      await rig.advanceUntil('all is consumed', () => rig.deliveries.length === 120);
      members.push(await join('c3'), await join('c4'));
      await rig.advanceUntil('6 each', () => members.every((member) => ownedCount(member) === 6));
      send();
      await rig.advanceUntil('all is consumed', () => rig.deliveries.length === 240);
      await rig.advance(6_000);

      for (const broker of brokers) {
        for (const queueId of numbers(8)) {
          const seen = rig.deliveries.filter((one) => one.brokerName === broker && one.queueId === queueId);
          expect(seen.map(({ offset }) => offset)).to.deep.equal(numbers(10));
        }
      }
      expect(watch.overlaps).to.deep.equal([]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
      const locks = rig.cluster.locks('group').filter(({ queue }) => queue.topic === T);
      expect(locks.map(({ clientId }) => clientId).sort()).to.deep.equal(
        ['c1', 'c2', 'c3', 'c4'].flatMap((name) => Array.from({ length: 6 }, () => `10.0.0.1@${name}`)),
      );
      expect(members.flatMap((member) => member.errors)).to.deep.equal([]);
    });

    for (const count of [2, 3]) {
      it(`takes over within 3 s when one of ${count} members closes, without a duplicate`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 6 } } });
        const members: WatchedConsumer[] = [];
        for (const id of numbers(count)) members.push(await rig.consume(T, `c${id + 1}`));
        await rig.advanceUntil('all are settled', () => members.every((one) => ownedCount(one) === 6 / count));
        for (const queueId of numbers(6)) rig.produce(T, queueId, 10);
        await rig.advanceUntil('all is consumed', () => rig.deliveries.length === 60);

        const leaver = members.pop() as WatchedConsumer;
        let closed = false;
        void leaver.consumer.close().then(() => (closed = true));
        await rig.advanceUntil('it is closed', () => closed, 1_000);
        for (const queueId of numbers(6)) rig.produce(T, queueId, 10);
        await rig.advanceUntil('the others took over', () => rig.deliveries.length === 120, 3_000);
        for (const queueId of numbers(6)) {
          const seen = rig.deliveries.filter((one) => one.queueId === queueId);
          expect(seen.map(({ offset }) => offset)).to.deep.equal(numbers(20));
        }
        expect(commitFaults(rig.cluster)).to.deep.equal([]);
      });
    }
  });

  describe('giving a queue up', () => {
    it('persists, unlocks when that was acknowledged, and only then lets the queue leave the table', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const { cluster } = rig;
      const c1 = await rig.consume(T, 'c1');
      await rig.advanceUntil('c1 owns both', () => ownedCount(c1) === 2);
      rig.produce(T, 1, 7);
      await rig.until('all is consumed', () => c1.deliveries.length === 7);
      const before = lastSeq(cluster);
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('c2 owns its half', () => ownedCount(c2) === 1);

      const ofQueue = cluster.journal.entries.filter(({ seq, ext, code, request, clientId }) => {
        if (seq <= before || clientId !== '10.0.0.1@c1') return false;
        const update =
          (code === UPDATE_CONSUMER_OFFSET && ext['queueId'] === '1') || request === UPDATE_CONSUMER_OFFSET;
        return update || code === UNLOCK_BATCH_MQ || request === UNLOCK_BATCH_MQ;
      });
      expect(ofQueue.map(({ direction, code, request }) => `${direction} ${request ?? code}`)).to.deep.equal([
        `in ${UPDATE_CONSUMER_OFFSET}`,
        `out ${UPDATE_CONSUMER_OFFSET}`,
        `in ${UNLOCK_BATCH_MQ}`,
        `out ${UNLOCK_BATCH_MQ}`,
      ]);
      expect(commits(cluster, T, 1).at(-1)?.ext['commitOffset']).to.equal('7');
      expect(unlockRequests(cluster).at(-1)?.queues).to.deep.equal([queueOf(1)]);

      // What the successor does: it gets the lock, then asks for the offset, then pulls from there.
      const unlockedAt = unlockRequests(cluster).at(-1)?.seq ?? 0;
      const taken = cluster.journal
        .requests({ clientId: '10.0.0.1@c2' })
        .filter(({ seq, code, ext }) => seq > unlockedAt && (code === LOCK_BATCH_MQ || ext['topic'] === T))
        .map(({ code }) => code);
      expect(taken.slice(0, 3)).to.deep.equal([LOCK_BATCH_MQ, QUERY_CONSUMER_OFFSET, PULL_MESSAGE]);
      expect(pulls(cluster, T, 1).at(-1)?.ext['queueOffset']).to.equal('7');
      expect(commitFaults(cluster)).to.deep.equal([]);
    });

    it('keeps the lock until the offset is written, however often that takes', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const { cluster } = rig;
      const c1 = await rig.consume(T, 'c1');
      await rig.advanceUntil('c1 owns both', () => ownedCount(c1) === 2);
      const failing = cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, topic: T, queueId: 1, times: 6, action: { type: 'answer', code: 1 } }); // prettier-ignore
      rig.produce(T, 1, 4);
      await rig.until('all is consumed', () => c1.deliveries.length === 4);
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('the offset was refused for the last time', () => failing.hits === 6);
      expect(ownedCount(c2)).to.equal(0);
      expect(unlockRequests(cluster)).to.deep.equal([]);
      rig.produce(T, 1, 2);
      await rig.advanceUntil('c2 goes on', () => c2.deliveries.length === 2, 3_000);
      expect(c2.offsets(1)).to.deep.equal([4, 5]);
      expect(c1.errors.map(({ code }) => code)).to.include('ERR_ROCKETMQ_UNLOCK');
    });

    it('gives up a queue of a topic that was deleted meanwhile, although its offset can not be written', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 }, U: { queues: 1 } } });
      const c1 = rig.consumer('c1');
      c1.consumer.subscribe(T);
      c1.consumer.subscribe('U');
      await c1.start();
      await rig.advanceUntil('c1 owns all', () => ownedCount(c1) === 2 && c1.owned('U').length === 1);
      rig.produce(T, 0, 3);
      await rig.until('all is consumed', () => c1.deliveries.length === 3);
      rig.cluster.deleteTopic(T);
      c1.consumer.unsubscribe(T);
      await rig.advanceUntil('the queues are gone', () => !c1.consumer.assignment.some((q) => q.messageQueue.topic === T), 5_000); // prettier-ignore
      expect(c1.owned('U')).to.deep.equal([0]);
    });

    it('unlocks again when the answer to an unlock is lost', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c1 = await rig.consume(T, 'c1');
      await rig.advanceUntil('c1 owns both', () => ownedCount(c1) === 2);
      const lost = rig.cluster.faults.add({ code: UNLOCK_BATCH_MQ, times: 2, action: { type: 'drop' } });
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('c2 owns its half', () => ownedCount(c2) === 1, 8_000);
      expect(lost.hits).to.equal(2);
      await rig.advanceUntil('c1 is settled', () => c1.consumer.assignment.every(({ state }) => state === 'owned'));
      expect(c1.owned(T)).to.deep.equal([0]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });

    it('is not undone by a renewal that falls due while the unlock is under way', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c1 = await rig.consume(T, 'c1', { lease: { renewEvery: 400 } });
      await rig.advanceUntil('c1 owns both', () => ownedCount(c1) === 2);
      rig.cluster.faults.add({ code: UNLOCK_BATCH_MQ, times: 1, action: { type: 'delay', ms: 900 } });
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('c1 has unlocked', () => unlockRequests(rig.cluster).length === 1);
      await rig.advanceUntil('c2 owns its half', () => ownedCount(c2) === 1, 2_000);
      await rig.advance(2_000);
      const [unlocked] = unlockRequests(rig.cluster);
      const afterwards = lockRequests(rig.cluster).filter(({ seq, clientId }) => seq > (unlocked?.seq ?? 0) && clientId === '10.0.0.1@c1'); // prettier-ignore
      expect(afterwards.length).to.be.greaterThan(2);
      for (const { queues } of afterwards) expect(queues).to.not.deep.include(queueOf(1));
    });

    it('takes a queue back that is wanted again before it has left', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c1 = await rig.consume(T, 'c1');
      await rig.advanceUntil('c1 owns both', () => ownedCount(c1) === 2);
      let answer: (status: 'SUCCESS') => void = () => undefined;
      c1.answer = () => new Promise((resolve) => (answer = resolve));
      rig.produce(T, 1, 2);
      await rig.until('the listener runs', () => c1.deliveries.length === 1);
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('it drains', () => c1.consumer.assignment.some(({ state }) => state === 'draining'));
      void c2.consumer.close();
      await rig.advance(5_000);
      expect(c1.owned(T)).to.deep.equal([0]);
      answer('SUCCESS');
      await rig.advanceUntil('c1 owns both again', () => ownedCount(c1) === 2, 3_000);
      await rig.until('the next is delivered', () => c1.deliveries.length === 2);
      expect(c1.offsets(1)).to.deep.equal([0, 1]);
      answer('SUCCESS');
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  });

  describe('what can not be looked up stays as it is', () => {
    it('keeps its queues when its own id is missing among the members, and introduces itself', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      const c = await rig.consume(T);
      await rig.advanceUntil('all are owned', () => ownedCount(c) === 4);
      const stranger = getConsumerListByGroup.encodeReply({ consumerIds: ['10.0.0.9@stranger'] });
      const fault = rig.cluster.faults.add({
        code: GET_CONSUMER_LIST_BY_GROUP,
        times: 2,
        action: { type: 'rewrite', reply: () => stranger },
      });
      const before = lastSeq(rig.cluster);
      rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
      await rig.advanceUntil('it has asked', () => fault.hits === 2);
      await rig.advance(2_000);
      const since = rig.cluster.journal.requests().filter(({ seq }) => seq > before).map(({ code }) => code); // prettier-ignore
      expect(since).to.include(HEART_BEAT);
      expect(since).to.not.include(UNLOCK_BATCH_MQ);
      expect(c.owned(T)).to.deep.equal(numbers(4));
    });

    for (const [what, action] of [
      ['is refused', { type: 'answer', code: ResponseCode.SYSTEM_ERROR }],
      ['is not answered', { type: 'drop' }],
    ] as const) {
      it(`keeps its queues when the question for the members ${what}, and asks again`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 4 } } });
        const c = await rig.consume(T);
        await rig.advanceUntil('all are owned', () => ownedCount(c) === 4);
        const fault = rig.cluster.faults.add({ code: GET_CONSUMER_LIST_BY_GROUP, times: 4, action });
        rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
        await rig.advanceUntil('it has asked', () => fault.hits === 4);
        await rig.advance(5_000);
        expect(c.owned(T)).to.deep.equal(numbers(4));
        expect(unlockRequests(rig.cluster)).to.deep.equal([]);
        expect(c.errors.length).to.be.greaterThan(0);
      });
    }

    it('keeps its queues when the strategy throws', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      let broken = false;
      const strategy = {
        name: 'MINE',
        allocate: (_group: string, _id: string, all: readonly MessageQueue[]): MessageQueue[] => {
          if (broken) throw new Error('no idea');
          return [...all];
        },
      };
      const c = await rig.consume(T, 'c1', { allocateMessageQueueStrategy: strategy });
      await rig.advanceUntil('all are owned', () => ownedCount(c) === 4);
      broken = true;
      rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
      await rig.advanceUntil('it has failed', () => c.errors.some(({ code }) => code === 'ERR_ROCKETMQ_ALLOCATION'));
      expect(c.owned(T)).to.deep.equal(numbers(4));
    });

    it('warns when its client id is in use twice', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      rig.cluster.faults.add({
        code: GET_CONSUMER_LIST_BY_GROUP,
        action: {
          type: 'rewrite',
          reply: () => getConsumerListByGroup.encodeReply({ consumerIds: ['10.0.0.1@c1', '10.0.0.1@c1'] }),
        },
      });
      const c = await rig.consume(T, 'c1');
      await rig.advanceUntil('it has warned', () => c.warnings.length > 0);
      expect(c.warnings[0]).to.equal('DUPLICATE_CLIENT_ID');
      await rig.advanceUntil('all are owned', () => ownedCount(c) === 4);
    });
  });

  it('rebalances a few times for a hundred notifications within a second', async () => {
    rig = await Rig.start({ topics: { T: { queues: 4 } } });
    const c = await rig.consume(T);
    await rig.advanceUntil('all is settled', () => ownedCount(c) === 4 && c.owned('%RETRY%group').length === 1);
    await rig.advance(5_000);
    const before = lastSeq(rig.cluster);
    for (const _ of numbers(100)) {
      rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
      await rig.advance(10);
    }
    await rig.advance(2_000);
    const asked = rig.cluster.journal.requests({ code: GET_CONSUMER_LIST_BY_GROUP }).filter(({ seq }) => seq > before);
    // Each run asks once per topic, the retry topic being the second.
    expect(asked.length).to.be.within(2, 12);
    expect(new Set(asked.map(({ at }) => at)).size).to.be.at.most(6);
  });

  it('tells of every step of a queue', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    const c1 = await rig.consume(T, 'c1');
    await rig.advanceUntil('c1 owns both', () => ownedCount(c1) === 2);
    const c2 = await rig.consume(T, 'c2');
    await rig.advanceUntil('c2 owns its half', () => ownedCount(c2) === 1);
    await rig.until('c1 knows', () => c1.eventsNamed('queueReleased').length > 0);

    const ofQueue = c1.events.filter(({ event }) => {
      const { messageQueue } = event as { messageQueue?: MessageQueue };
      return messageQueue?.topic === T && messageQueue.queueId === 1;
    });
    const told = ofQueue.map(({ name, event }) => {
      const { from, to } = event as OrderedConsumerEvents['queueState'][0];
      return name === 'queueState' ? `${from} -> ${to}` : name;
    });
    expect(told).to.deep.equal(['absent -> locking', 'locking -> owned', 'queueOwned', 'owned -> draining', 'draining -> absent', 'queueReleased']); // prettier-ignore
    const shares = (c1.eventsNamed('rebalanced') as OrderedConsumerEvents['rebalanced'][0][]).filter(({ topic }) => topic === T); // prettier-ignore
    expect(shares.map(({ mine }) => mine.map(({ queueId }) => queueId))).to.deep.equal([[0, 1], [0]]);
    expect(shares.map(({ all }) => all.length)).to.deep.equal([2, 2]);
    expect(allCommits(rig.cluster).filter(({ queue }) => queue.topic === T && queue.queueId === 1).length).to.equal(1);
  });
});
