import { expect } from 'chai';
import type { ConsumeOrderlyContext, OrderedConsumerEvents } from '../../lib/index.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { HeldAnswer, allCommits, lastSeq, unlockRequests } from '../support/ownership-judge.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, gaps, numbers, pulls } from '../support/wire.js';

const T = 'T';
const { PULL_MESSAGE, UPDATE_CONSUMER_OFFSET } = RequestCode;

describe('an offset that is reset', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** A consumer that has consumed and committed ten messages of each queue. */
  async function consumed(queues: number, options: Partial<OrderedConsumerOptions> = {}): Promise<WatchedConsumer> {
    rig = await Rig.start({ topics: { T: { queues } } });
    for (const queueId of numbers(queues)) rig.produce(T, queueId, 10);
    const c = await rig.consume(T, 'c1', options);
    await rig.advanceUntil('all is consumed', () => c.deliveries.length === 10 * queues);
    await rig.advance(6_000);
    return c;
  }

  function told(watched: WatchedConsumer): OrderedConsumerEvents['offsetReset'][0][] {
    return watched.eventsNamed('offsetReset') as OrderedConsumerEvents['offsetReset'][0][];
  }

  describe('at the broker (mqadmin resetOffsetByTime)', () => {
    it('takes effect with the next pull, and commits in between do not undo it', async () => {
      const c = await consumed(1);
      rig.cluster.resetOffset('group', T, { offset: 4, mode: 'server' });
      const waited = await rig.advanceUntil('it starts over', () => c.deliveries.length > 10, 25_000);
      expect(waited).to.be.at.most(20_100);
      await rig.until('all is consumed again', () => c.deliveries.length === 16);
      expect(c.offsets(0)).to.deep.equal([...numbers(10), 4, 5, 6, 7, 8, 9]);
      expect(told(c).map(({ offset, reason }) => `${offset} ${reason}`)).to.deep.equal(['4 OFFSET_RESET']);
      await rig.advance(6_000);
      expect(rig.committed(T, 0)).to.equal(10);
      expect(unlockRequests(rig.cluster), 'the lock is kept').to.deep.equal([]);
    });

    it('to where the queue ends, skips what is buffered', async () => {
      const c = await consumed(1);
      const held = new HeldAnswer();
      c.answer = () => held.wait();
      rig.produce(T, 0, 5);
      await rig.until('it is with the listener', () => held.reached);
      rig.cluster.resetOffset('group', T, { offset: 15, mode: 'server' });
      await rig.advanceUntil('it is told', () => told(c).length === 1, 25_000);
      held.give();
      await rig.advance(6_000);
      expect(c.deliveries).to.have.lengthOf(11);
      expect(rig.committed(T, 0)).to.equal(15);
    });
  });

  describe('pushed to the client', () => {
    for (const form of ['object-keys', 'list'] as const) {
      it(`concerns the queues that are named, and waits for the listener only (${form})`, async () => {
        const c = await consumed(3);
        const contexts: ConsumeOrderlyContext[] = [];
        const held = new HeldAnswer();
        c.answer = ({ queueId }, context) => {
          if (queueId !== 0) return 'SUCCESS';
          contexts.push(context);
          return contexts.length === 1 ? held.wait() : 'SUCCESS';
        };
        rig.produce(T, 0, 1);
        await rig.until('it is with the listener', () => held.reached);
        const before = lastSeq(rig.cluster);
        const already = c.deliveries.length;
        rig.cluster.resetOffset('group', T, { offset: 7, mode: 'push', queueId: 0, form });
        await rig.until('the listener is told', () => contexts[0]?.signal.aborted === true);
        expect(contexts[0]?.isOwner()).to.equal(false);
        // The others go on meanwhile.
        rig.produce(T, 1, 2);
        rig.produce(T, 2, 2);
        await rig.until('the others are consumed', () => c.deliveries.length === already + 4);
        await rig.advance(10_000);
        expect(c.deliveries.length, 'not before the listener has answered').to.equal(already + 4);
        held.give();
        await rig.until('it has started over', () => c.deliveries.length === already + 8);
        expect(c.offsets(0)).to.deep.equal([...numbers(11), 7, 8, 9, 10]);
        expect(told(c)).to.have.lengthOf(1);
        expect(commits(rig.cluster, T, 0).find(({ seq }) => seq > before)?.ext['commitOffset'], 'written down first').to.equal('7'); // prettier-ignore
        await rig.advance(6_000);
        expect(rig.committed(T, 0)).to.equal(11);
      });
    }

    it('of a topic or queue that is not consumed here changes nothing', async () => {
      const c = await consumed(2);
      rig.cluster.createTopic('Other', { queues: 2 });
      const before = lastSeq(rig.cluster);
      rig.cluster.resetOffset('group', 'Other', { offset: 0, mode: 'push' });
      await rig.advance(6_000);
      expect(told(c)).to.deep.equal([]);
      expect(allCommits(rig.cluster).filter(({ seq, by }) => seq > before && by === 'update')).to.deep.equal([]);
      expect(c.errors).to.deep.equal([]);
    });

    it('to 0 is written down although no pull could carry it', async () => {
      const c = await consumed(1);
      c.answer = () => new Promise(() => undefined);
      rig.cluster.resetOffset('group', T, { offset: 0, mode: 'push' });
      await rig.until('it has started over', () => c.deliveries.length === 11);
      expect(rig.committed(T, 0)).to.equal(0);
      await rig.advance(21_000);
      expect(rig.committed(T, 0)).to.equal(0);
    });

    it('counts although it can not be written down at once', async () => {
      const c = await consumed(1);
      rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, times: 2, action: { type: 'answer', code: ResponseCode.SYSTEM_BUSY } }); // prettier-ignore
      c.answer = ({ offset }) => (offset === 5 && c.deliveries.length > 10 ? new Promise(() => undefined) : 'SUCCESS');
      rig.cluster.resetOffset('group', T, { offset: 3, mode: 'push' });
      await rig.until('it has started over', () => c.deliveries.length === 13);
      expect(c.offsets(0).slice(10)).to.deep.equal([3, 4, 5]);
      expect(c.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_PERSIST']);
      await rig.advance(11_000);
      expect(rig.committed(T, 0)).to.equal(5);
    });

    it('twice in a row ends where the second one says', async () => {
      const c = await consumed(1);
      rig.cluster.resetOffset('group', T, { offset: 2, mode: 'push' });
      rig.cluster.resetOffset('group', T, { offset: 8, mode: 'push' });
      await rig.advanceUntil('it has started over', () => told(c).length > 0 && c.offsets(0).at(-1) === 9);
      await rig.advance(6_000);
      expect(c.offsets(0).slice(-2)).to.deep.equal([8, 9]);
      expect(rig.committed(T, 0)).to.equal(10);
    });

    it('does not disturb a queue that is being given up', async () => {
      const c1 = await consumed(2);
      const held = new HeldAnswer();
      c1.answer = () => held.wait();
      rig.produce(T, 1, 2);
      await rig.until('it is with the listener', () => held.reached);
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('it drains', () => c1.consumer.assignment.some(({ state }) => state === 'draining'));
      rig.cluster.resetOffset('group', T, { offset: 0, mode: 'push', queueId: 1 });
      held.give();
      await rig.advanceUntil('c2 goes on', () => c2.deliveries.length === 1, 3_000);
      expect(c2.offsets(1)).to.deep.equal([11]);
    });
  });

  describe('because the broker does not have it', () => {
    it('goes on at the first that is left, and ignores the late answer of before', async () => {
      const c = await consumed(1);
      const held = new HeldAnswer();
      c.answer = () => held.wait();
      rig.produce(T, 0, 3);
      await rig.until('it is with the listener', () => held.reached);
      c.answer = () => 'SUCCESS';
      // Retention took everything up to 40, as far as this consumer can see.
      const reply = { type: 'rewrite', reply: (answer: object) => ({ ...answer, code: ResponseCode.PULL_OFFSET_MOVED, remark: 'OFFSET_TOO_SMALL', body: Buffer.alloc(0), extFields: { nextBeginOffset: '40', minOffset: '40', maxOffset: '50', suggestWhichBrokerId: '0' } }) } as const; // prettier-ignore
      rig.cluster.faults.add({ code: PULL_MESSAGE, topic: T, times: 1, action: reply });
      await rig.advanceUntil('it is told', () => told(c).some(({ offset }) => offset === 40), 45_000);
      // There is nothing at 40 either: the broker says so, and it goes back to the end of what there is.
      await rig.advanceUntil('it has gone back', () => told(c).length === 2, 25_000);
      expect(told(c).map(({ offset }) => offset)).to.deep.equal([40, 13]);
      held.give();
      rig.produce(T, 0, 1);
      await rig.advanceUntil('the next is consumed', () => c.offsets(0).at(-1) === 13);
      await rig.advance(6_000);
      expect(rig.committed(T, 0)).to.equal(14);
      expect(c.offsets(0)).to.deep.equal([...numbers(11), 13]);
    });

    it('is not asked for in a hot loop when no offset pleases the broker', async () => {
      const c = await consumed(1);
      const reply = { type: 'rewrite', reply: (answer: object) => ({ ...answer, code: ResponseCode.PULL_OFFSET_MOVED, remark: 'OFFSET_TOO_SMALL', body: Buffer.alloc(0), extFields: { nextBeginOffset: '3', minOffset: '3', maxOffset: '10', suggestWhichBrokerId: '0' } }) } as const; // prettier-ignore
      rig.cluster.faults.add({ code: PULL_MESSAGE, topic: T, action: reply });
      const before = lastSeq(rig.cluster);
      rig.produce(T, 0, 1);
      await rig.advance(20_000);
      const asked = pulls(rig.cluster, T).filter(({ seq }) => seq > before);
      expect(asked.length).to.be.greaterThan(2);
      expect(Math.min(...gaps(asked).slice(1)), 'after the first').to.be.at.least(900);
      expect(c.deliveries, 'what the pull before brought').to.have.lengthOf(11);
    });
  });
});
