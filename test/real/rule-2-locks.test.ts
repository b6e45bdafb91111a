import { expect } from 'chai';
import type { MessageQueue, QueueLostError } from '../../lib/index.js';
import { getConsumerRunningInfo } from '../../lib/protocol/requests/get-consumer-running-info.js';
import { numbered, type RealConsumer } from '../support/real-consumer.js';
import { realEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';
import { until } from '../support/until.js';

const SOMEBODY = 'somebody@else';

/** Rule 2: the broker's lock says who owns a queue; it is renewed, and heeded when it is refused. */
describe('rule 2 on a real cluster: locks', () => {
  let rig: RealRig;
  /** A consumer that runs beside all tests of this file: the reference's 20 s between renewals take their time. */
  let besides: { rig: RealRig; member: RealConsumer; group: string; queue: MessageQueue; startedAt: number };

  before(async () => {
    const longRunning = new RealRig(await realEnv());
    const topic = await longRunning.topic(1);
    const group = longRunning.group();
    const member = await longRunning.consume(topic, group, { lease: { validFor: 22_000 } });
    besides = { rig: longRunning, member, group, queue: longRunning.queue(topic), startedAt: performance.now() };
    await member.untilOwned(1);
  });

  after(() => besides.rig.stop());

  beforeEach(async () => {
    rig = new RealRig(await realEnv());
  });

  afterEach(() => rig.stop());

  it('locks that are renewed every 200 ms keep everybody else out, over many leases', async () => {
    const topic = await rig.topic(1);
    const group = rig.group();
    const member = await rig.consume(topic, group, { lease: { renewEvery: 200, validFor: 600 } });
    await member.untilOwned(1);
    const first = await lockTimeOf(rig, member, group, rig.queue(topic));
    for (let i = 0; i < 20; i++) {
      await rig.send(topic, [i]);
      await member.untilDelivered(i + 1);
      expect(await rig.lockAs(SOMEBODY, group, [rig.queue(topic)])).to.deep.equal([]);
    }
    await until('five leases have passed', async () =>
      (await lockTimeOf(rig, member, group, rig.queue(topic))) - first > 5 * 600 || undefined); // prettier-ignore
    expect(member.consumer.assignment.every(({ owned }) => owned)).to.equal(true);
    expect(member.events('queueLost')).to.deep.equal([]);
    expect(member.texts()).to.deep.equal(numbered(20));
  });

  it('a queue that another client holds is not consumed until it is unlocked; the others are', async () => {
    const topic = await rig.topic(3);
    const group = rig.group();
    const held = rig.queue(topic, 1);
    expect(await rig.lockAs(SOMEBODY, group, [held])).to.deep.equal([1]);
    await Promise.all([0, 1, 2].map((queueId) => rig.send(topic, numbered(3), {}, rig.queue(topic, queueId))));
    const member = await rig.consume(topic, group);
    await member.untilDelivered(6);
    await until('it has asked several times', async () =>
      member.consumer.health().reasons.some((reason) => /refused [3-9]/.test(reason)) || undefined); // prettier-ignore
    expect(member.texts(1)).to.deep.equal([]);
    expect(await rig.lockAs(member.clientId, group, [rig.queue(topic, 0), rig.queue(topic, 2)])).to.deep.equal([0, 2]);

    await rig.unlockAs(SOMEBODY, group, [held]);
    await member.untilDelivered(9);
    expect(member.texts(1)).to.deep.equal(numbered(3));
    expect(member.consumer.health()).to.deep.equal({ healthy: true, reasons: [] });
  });

  it("a stolen lock ends dispatching and committing at the next renewal; after it we go on from the thief's offset", async () => {
    const topic = await rig.topic(1);
    const group = rig.group();
    const queue = rig.queue(topic);
    const member = rig.consumer(group, {
      lease: { renewEvery: 300, validFor: 2_000 },
      persistConsumerOffsetInterval: 100,
    });
    const { promise, release } = member.hold();
    const seen: { signal: AbortSignal; isOwner: () => boolean }[] = [];
    member.answer = ({ offset }, context) => {
      if (offset !== 2) return 'SUCCESS';
      seen.push({ signal: context.signal, isOwner: () => context.isOwner() });
      return promise;
    };
    member.consumer.subscribe(topic);
    await rig.sendTogether(topic, numbered(10));
    await member.start();
    await member.untilDelivered(3);
    await rig.untilCommitted(group, queue, 2);
    expect(seen[0]?.isOwner()).to.equal(true);

    await steal(rig, member, group, queue);
    await rig.commit(group, queue, 6);
    const [lost] = await member.event('queueLost');
    expect(lost?.messageQueue).to.deep.equal(queue);
    expect(seen[0]?.signal.aborted).to.equal(true);
    expect((seen[0]?.signal.reason as QueueLostError).code).to.equal('ERR_ROCKETMQ_QUEUE_LOST');
    expect(seen[0]?.isOwner()).to.equal(false);

    release();
    await rig.send(topic, ['10']);
    await until('it keeps asking for the lock', async () =>
      member.consumer.health().reasons.some((reason) => /refused [3-9]/.test(reason)) || undefined); // prettier-ignore
    expect(await rig.committed(group, queue), "the thief's offset stays").to.equal(6);
    expect(member.deliveries, 'nothing of what was buffered').to.have.lengthOf(3);

    await rig.unlockAs(SOMEBODY, group, [queue]);
    await member.untilDelivered(8);
    expect(member.story).to.deep.equal(['0/0', '1/0', '2/0', '6/0', '7/0', '8/0', '9/0', '10/0']);
    await rig.untilCommitted(group, queue, 11);
    expect(member.events('queueOwned').map(({ offset, messageQueue }) => messageQueue.topic === topic && offset)).to.include.members([0, 6]); // prettier-ignore
  });

  it('with verifyLockOnCommit the answer of one who was robbed meanwhile is not committed', async () => {
    const topic = await rig.topic(1);
    const group = rig.group();
    const queue = rig.queue(topic);
    const member = rig.consumer(group, { verifyLockOnCommit: true, persistConsumerOffsetInterval: 100 });
    const { promise, release } = member.hold();
    member.answer = ({ offset }) => (offset === 1 ? promise : 'SUCCESS');
    member.consumer.subscribe(topic);
    await rig.sendTogether(topic, numbered(4));
    await member.start();
    await member.untilDelivered(2);
    await rig.untilCommitted(group, queue, 1);
    await steal(rig, member, group, queue);
    release();
    await member.event('queueLost');
    expect(await rig.committed(group, queue)).to.equal(1);
    await rig.unlockAs(SOMEBODY, group, [queue]);
    await member.untilDelivered(5);
    expect(member.story).to.deep.equal(['0/0', '1/0', '1/0', '2/0', '3/0']);
  });

  it('meanwhile a lock was renewed after the usual 20 s and has outlasted its lease; nothing is noticed of it', async () => {
    const { member, group, queue, startedAt } = besides;
    const { topic } = queue;
    // 25 s after the start the first lease, of 22 s, has run out.
    await until('the first lease has run out', async () => performance.now() - startedAt > 25_000 || undefined);
    expect(Date.now() - (await lockTimeOf(besides.rig, member, group, queue)), 'since the renewal').to.be.within(
      0,
      21_000,
    );
    const [assigned] = member.consumer.assignment.filter(({ messageQueue }) => messageQueue.topic === topic);
    expect(assigned).to.include({ state: 'owned', owned: true });
    expect(await besides.rig.lockAs(SOMEBODY, group, [queue]), 'somebody else asks').to.deep.equal([]);
    await besides.rig.send(topic, numbered(5));
    await member.untilDelivered(5);
    expect(member.texts()).to.deep.equal(numbered(5));
    const changes = member.events('queueState').filter(({ messageQueue }) => messageQueue.topic === topic);
    expect(changes.map(({ to }) => to)).to.deep.equal(['locking', 'owned']);
    expect(member.errors).to.deep.equal([]);
  });
});

/** When the consumer says it was last granted the lock, in milliseconds since 1970: what `mqadmin consumerStatus` shows. */
async function lockTimeOf(
  rig: RealRig,
  member: RealConsumer,
  consumerGroup: string,
  queue: MessageQueue,
): Promise<number> {
  const { queues } = await rig.ask(getConsumerRunningInfo, {
    consumerGroup,
    clientId: member.clientId,
    jstackEnable: false,
  });
  const info = queues.find(({ queue: { topic, queueId } }) => topic === queue.topic && queueId === queue.queueId)?.info;
  if (info?.locked !== true) throw new Error(`${queue.topic} is not locked: ${JSON.stringify(queues)}`);
  return info.lastLockTimestamp;
}

/** Brokers unlock for whoever names the owner's id. */
async function steal(rig: RealRig, member: RealConsumer, group: string, queue: MessageQueue): Promise<void> {
  await until('the lock is stolen', async () => {
    await rig.unlockAs(member.clientId, group, [queue]);
    return (await rig.lockAs(SOMEBODY, group, [queue])).length === 1 || undefined;
  });
}
