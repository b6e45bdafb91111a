import { expect } from 'chai';
import { QueueLostError, type ConsumeOrderlyContext } from '../../lib/index.js';
import { RequestCode } from '../../lib/protocol/codes.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { HeldAnswer, allCommits, commitFaults, ListenerWatch, lockRequests, unlockRequests } from '../support/ownership-judge.js'; // prettier-ignore
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, gaps, numbers } from '../support/wire.js';

const T = 'T';
const MOVING: MessageQueue = { topic: T, brokerName: 'broker-a', queueId: 1 };
const C1 = '10.0.0.1@c1';
const C2 = '10.0.0.1@c2';

describe('rule 1: a queue that moves while its listener runs', () => {
  let rig: Rig;
  let watch: ListenerWatch;
  let c1: WatchedConsumer;
  let c2: WatchedConsumer;
  let held: HeldAnswer;
  let context: ConsumeOrderlyContext | undefined;

  afterEach(() => rig.stop());

  /** c1 owns both queues, its listener has the first of three messages of queue 1; then c2 joins and is to have that. */
  async function begin(options: Partial<OrderedConsumerOptions> = {}): Promise<void> {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    watch = new ListenerWatch();
    held = new HeldAnswer();
    context = undefined;
    c1 = rig.consumer('c1', options);
    watch.watch(c1, (delivery, given) => {
      if (delivery.queueId !== 1) return 'SUCCESS';
      context ??= given;
      return held.wait();
    });
    c1.consumer.subscribe(T);
    await c1.start();
    await rig.advanceUntil('c1 owns both', () => c1.owned(T).length === 2);
    rig.produce(T, 1, 3);
    await rig.until('the listener has the first', () => c1.deliveries.length === 1);

    c2 = rig.consumer('c2', options);
    watch.watch(c2, () => 'SUCCESS');
    c2.consumer.subscribe(T);
    await c2.start();
    await rig.advanceUntil('the queue drains', () => stateAtC1() === 'draining', 2_000);
  }

  function stateAtC1(): string | undefined {
    return c1.consumer.assignment.find(({ messageQueue }) => messageQueue.queueId === 1 && messageQueue.topic === T)?.state; // prettier-ignore
  }

  it('is kept and renewed until the listener is done, whose answer counts; the successor begins behind it', async () => {
    await begin();
    expect(context?.signal.aborted, 'the listener is told at once').to.equal(true);
    expect(context?.signal.reason).to.be.instanceOf(QueueLostError);
    await rig.advance(45_000);
    expect(context?.isOwner(), 'its answer still counts').to.equal(true);
    expect(c2.deliveries).to.deep.equal([]);
    expect(c2.owned(T)).to.deep.equal([]);
    expect(c1.deliveries, 'nothing more is handed out').to.have.lengthOf(1);

    const renewed = lockRequests(rig.cluster).filter(({ clientId, queues }) => clientId === C1 && queues.some(({ queueId, topic }) => queueId === 1 && topic === T)); // prettier-ignore
    expect(renewed.length, 'the first lock and two renewals').to.equal(3);
    const asked = lockRequests(rig.cluster).filter(({ clientId }) => clientId === C2);
    const waits = gaps(rig.cluster.journal.entries.filter(({ seq }) => asked.some((request) => request.seq === seq)));
    expect(Math.max(...waits), 'the successor asks every second').to.be.at.most(1_100);

    const givenAt = rig.clock.now();
    held.give();
    await rig.advanceUntil('the successor consumes', () => c2.deliveries.length === 2, 1_500);
    expect(rig.clock.now() - givenAt).to.be.at.most(1_200);
    expect(c2.offsets(1)).to.deep.equal([1, 2]);
    const [unlocked] = unlockRequests(rig.cluster);
    const [last] = commits(rig.cluster, T, 1).slice(-1);
    const own = commits(rig.cluster, T, 1).filter(({ clientId }) => clientId === C1);
    expect(
      own.map(({ ext }) => ext['commitOffset']),
      'the start, then behind the message',
    ).to.deep.equal(['0', '1']);
    expect(own[1]?.seq).to.be.lessThan(unlocked?.seq ?? 0);
    expect(last?.clientId).to.be.oneOf([C1, C2]);
    expect(context?.isOwner()).to.equal(false);
    expect(watch.overlaps).to.deep.equal([]);
    expect(commitFaults(rig.cluster)).to.deep.equal([]);
    expect([...c1.errors, ...c2.errors]).to.deep.equal([]);
  });

  it('counts a SUSPEND as no commit: the successor gets the same message', async () => {
    await begin();
    held.give('SUSPEND_CURRENT_QUEUE_A_MOMENT');
    await rig.advanceUntil('the successor consumes', () => c2.deliveries.length === 3, 3_000);
    expect(c2.offsets(1)).to.deep.equal([0, 1, 2]);
    expect(c2.deliveries[0]?.reconsumeTimes).to.equal(0);
    expect(watch.overlaps).to.deep.equal([]);
    expect(commitFaults(rig.cluster)).to.deep.equal([]);
  });

  for (const [name, options, after] of [
    ["revokeMode 'force'", { revokeMode: 'force' }, 20_000],
    ['a revokeTimeoutMs', { revokeTimeoutMs: 7_000 }, 7_000],
  ] as const) {
    it(`with ${name} is left after ${after} ms, and the late answer changes nothing`, async () => {
      await begin(options);
      expect(context?.signal.aborted).to.equal(true);
      const waited = await rig.advanceUntil('the successor consumes', () => c2.deliveries.length === 3, 30_000);
      expect(waited).to.be.within(after - 1_000, after + 1_500);
      expect(c2.offsets(1), 'from what was committed').to.deep.equal([0, 1, 2]);
      expect(watch.overlaps, 'two at once, as the reference has it').to.have.lengthOf(1);
      expect(context?.isOwner()).to.equal(false);
      await rig.advance(6_000);
      expect(rig.committed(T, 1)).to.equal(3);
      held.give();
      await rig.advance(10_000);
      expect(rig.committed(T, 1), 'not set back by the late answer').to.equal(3);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  }

  it('does not reach a listener of its former owner again before the late call has ended', async () => {
    await begin({ revokeMode: 'force' });
    await rig.advanceUntil('c2 owns it', () => c2.owned(T).length === 1, 30_000);
    rig.produce(T, 1, 1);
    await rig.advanceUntil('c2 has consumed', () => c2.deliveries.length === 4);
    let closed = false;
    void c2.consumer.close().then(() => (closed = true));
    await rig.advanceUntil('c1 owns both again', () => closed && c1.owned(T).length === 2, 5_000);
    rig.produce(T, 1, 2);
    watch.overlaps.length = 0;
    await rig.advance(5_000);
    expect(c1.deliveries, 'the old call has not ended').to.have.lengthOf(1);
    held.give();
    await rig.until('the new ones follow', () => c1.deliveries.length === 3);
    expect(c1.offsets(1)).to.deep.equal([0, 4, 5]);
    expect(watch.overlaps).to.deep.equal([]);
  });

  it('is left at once when its lock is lost on the way, without a commit', async () => {
    await begin();
    rig.provokes('twoOwners');
    rig.cluster.broker('broker-a').stealLock('group', MOVING, C2);
    await rig.advanceUntil('c1 hears of it at the renewal', () => stateAtC1() === undefined, 21_000);
    expect(context?.isOwner()).to.equal(false);
    held.give();
    await rig.advanceUntil('c2 has consumed', () => c2.deliveries.length === 3);
    await rig.advance(6_000);
    const own = allCommits(rig.cluster).filter((one) => one.clientId === C1 && one.queue.topic === T && one.queue.queueId === 1); // prettier-ignore
    expect(
      own.map(({ offset }) => offset),
      'the start only',
    ).to.deep.equal([0]);
    expect(rig.committed(T, 1)).to.equal(3);
    expect(commitFaults(rig.cluster)).to.deep.equal([]);
  });

  it('is not committed by one whose lock had run out meanwhile, even when it gets the lock again', async () => {
    await begin();
    const silent = rig.cluster.faults.add({ code: RequestCode.LOCK_BATCH_MQ, clientId: C1, action: { type: 'drop' } });
    const unheard = rig.cluster.faults.add({ code: RequestCode.LOCK_BATCH_MQ, clientId: C2, action: { type: 'answer', code: 1 } }); // prettier-ignore
    await rig.advance(62_000);
    // Somebody else was there, consumed two messages and is gone again.
    const broker = rig.cluster.broker('broker-a');
    broker.stealLock('group', MOVING, 'somebody');
    rig.cluster.setOffset('group', MOVING, 2);
    broker.expireLocks();
    silent.remove();
    await rig.advanceUntil('c1 has the lock again', () => rig.cluster.locks('group').some(({ queue, clientId }) => queue.queueId === 1 && queue.topic === T && clientId === C1), 5_000); // prettier-ignore
    expect(context?.isOwner()).to.equal(false);
    held.give();
    await rig.until('c1 has given it up', () => stateAtC1() === undefined);
    expect(rig.committed(T, 1)).to.equal(2);
    unheard.remove();
    await rig.advanceUntil('c2 goes on', () => c2.deliveries.length === 1, 5_000);
    expect(c2.offsets(1)).to.deep.equal([2]);
    expect(watch.overlaps).to.deep.equal([]);
  });

  it('hands over what was left uncommitted by hand', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    c1 = rig.consumer('c1');
    c1.answer = (_, given) => {
      given.autoCommit = false;
      return 'SUCCESS';
    };
    c1.consumer.subscribe(T);
    await c1.start();
    await rig.advanceUntil('c1 owns both', () => c1.owned(T).length === 2);
    rig.produce(T, 1, 5);
    await rig.until('all is delivered', () => c1.deliveries.length === 5);
    c2 = await rig.consume(T, 'c2');
    await rig.advanceUntil('the successor consumes', () => c2.deliveries.length === 5, 3_000);
    expect(c2.offsets(1)).to.deep.equal(numbers(5));
    expect(commitFaults(rig.cluster)).to.deep.equal([]);
  });
});
