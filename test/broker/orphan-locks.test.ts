import { expect } from 'chai';
import { ClientInstance } from '../../lib/client/client-instance.js';
import { resolveConsumerOptions, type OrderedConsumerOptions } from '../../lib/options.js';
import { RequestCode } from '../../lib/protocol/codes.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { lockBatchMq } from '../../lib/protocol/requests/lock-batch-mq.js';
import type { MockClusterOptions } from '../../mock-broker/index.js';
import { MortalClock } from '../support/mortal-clock.js';
import { beat } from '../support/mock-harness.js';
import { commitFaults, lockRequests, unlockRequests } from '../support/ownership-judge.js';
import { RawClient } from '../support/raw-client.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { numbers } from '../support/wire.js';

const T = 'T';
const RETRY = '%RETRY%group';
const LEASE = 5_000;
const SHORT = { lease: { renewEvery: 1_500, validFor: LEASE } } as const;
const DEFAULT_LEASE = 30_000;
/** What a look, a lock request and a clock that is a little off take on top of a lease, in milliseconds. */
const SOON = 2_500;
/** How long a listener takes for a message. */
const WORK = 700;

/** One call of a listener, from its begin to its end. */
interface Call {
  readonly member: string;
  readonly queue: string;
  readonly offset: number;
}

/** A consumer in a process of its own, which can be killed. */
interface Member extends WatchedConsumer {
  readonly kill: () => void;
}

describe('locks of members that have vanished', () => {
  let rig: Rig;
  const underWay = new Set<Call>();
  const overlaps: string[] = [];
  const released: { by: string; clientId: string; queues: MessageQueue[] }[] = [];
  const raws: RawClient[] = [];

  async function start(options: MockClusterOptions = {}): Promise<void> {
    underWay.clear();
    overlaps.length = 0;
    released.length = 0;
    rig = await Rig.start({ topics: { T: { queues: 4 } }, ...options });
  }

  afterEach(async () => {
    const faults = commitFaults(rig.cluster);
    await Promise.all(raws.splice(0).map((raw) => raw.close()));
    await rig.stop();
    expect(overlaps, 'two listeners of one queue').to.deep.equal([]);
    expect(faults, 'commits of who is no owner').to.deep.equal([]);
    // Each queue in its order, however often it was handed over: after an offset come it or its successor, or an older
    // one that had not been committed, but never one that was not handed out yet.
    const highest = new Map<string, number>();
    for (const { brokerName, queueId, offset } of rig.deliveries.filter(({ topic }) => topic === T)) {
      const queue = `${brokerName}#${queueId}`;
      expect(offset, queue).to.be.at.most((highest.get(queue) ?? -1) + 1);
      highest.set(queue, Math.max(offset, highest.get(queue) ?? -1));
    }
  });

  async function join(name: string, options: Partial<OrderedConsumerOptions> = {}): Promise<Member> {
    const clock = new MortalClock(rig.clock);
    const all = { orphanLocks: 'release', ...SHORT, ...options, clock } as const;
    const watched = rig.consumer(name, all);
    let dead = false;
    watched.answer = ({ brokerName, queueId, offset }) => {
      if (dead) return new Promise(() => undefined);
      const call: Call = { member: name, queue: `${brokerName}#${queueId}`, offset };
      for (const other of underWay) {
        if (other.queue === call.queue) overlaps.push(`${other.member} and ${name} have ${call.queue}`);
      }
      underWay.add(call);
      return new Promise((resolve) => {
        clock.setTimeout(() => {
          underWay.delete(call);
          resolve('SUCCESS');
        }, WORK);
      });
    };
    watched.consumer.on('orphanLocksReleased', ({ clientId, messageQueues }) => {
      released.push({ by: name, clientId, queues: messageQueues.filter(({ topic }) => topic === T) });
    });
    watched.consumer.subscribe(T);
    await watched.start();
    const kill = (): void => {
      dead = true;
      clock.kill();
      for (const call of underWay) if (call.member === name) underWay.delete(call);
      rig.consumers.splice(rig.consumers.indexOf(watched), 1);
      // Once for this user, once for the consumer, which can't do it any more: the kernel closes its connections.
      const options_ = resolveConsumerOptions({ namesrvAddr: rig.cluster.namesrvAddr, consumerGroup: 'group', clock });
      const client = ClientInstance.acquire(watched.consumer.clientId, options_);
      void client.release();
      void client.release();
    };
    return Object.assign(watched, { kill });
  }

  /** Members that share the queues, with messages in all of them. */
  async function share(names: readonly string[], options: Partial<OrderedConsumerOptions> = {}): Promise<Member[]> {
    const members: Member[] = [];
    for (const name of names) members.push(await join(name, options));
    await rig.advanceUntil('they share the queues', () =>
      members.every((m) => m.owned(T).length > 0 && allOwned(members)),
    );
    produce(20);
    await rig.advanceUntil('all consume', () => members.every(({ deliveries }) => deliveries.length > 1));
    return members;
  }

  function queueCount(): number {
    return rig.cluster.brokers.length * 4;
  }

  function allOwned(members: readonly Member[]): boolean {
    return members.flatMap((member) => member.owned(T)).length === queueCount();
  }

  function produce(count: number): void {
    for (const { name } of rig.cluster.brokers) for (const queueId of numbers(4)) rig.produce(T, queueId, count, name);
  }

  async function untilConsumed(count: number): Promise<void> {
    await rig.advanceUntil('every message is consumed', () => {
      const seen = new Set(rig.deliveries.map(({ topic, brokerName, queueId, offset }) => topic === T && `${brokerName}#${queueId}#${offset}`)); // prettier-ignore
      return seen.size >= count * queueCount();
    });
  }

  /** Requests that give locks back in the name of somebody else than who sent them. */
  function unlocksFor(clientId: string, broker?: string): number {
    return unlockRequests(rig.cluster).filter((u) => u.clientId === clientId && (broker ?? u.broker) === u.broker)
      .length;
  }

  it('are given back after its lease, and taken over: release', async () => {
    await start();
    const [c1, c2] = (await share(['c1', 'c2'])) as [Member, Member];
    const lost = c1.owned(T);
    c1.kill();
    const took = await rig.advanceUntil('the other has all', () => allOwned([c2]));
    // Its last renewal was up to `renewEvery` before.
    expect(took).to.be.within(LEASE, LEASE + SOON);
    expect(released).to.have.length(1);
    expect(released[0]).to.include({ by: 'c2', clientId: c1.consumer.clientId });
    expect(released[0]?.queues.map(({ queueId }) => queueId).sort()).to.deep.equal(lost);
    await untilConsumed(20);
  });

  it('run out at the broker 60 s after the last renewal: expire', async () => {
    await start();
    const [c1, c2] = (await share(['c1', 'c2'], { orphanLocks: 'expire' })) as [Member, Member];
    c1.kill();
    const took = await rig.advanceUntil('the other has all', () => allOwned([c2]));
    expect(took).to.be.within(60_000 - SHORT.lease.renewEvery, 60_000 + SOON);
    expect(released).to.deep.equal([]);
    expect(unlocksFor(c1.consumer.clientId)).to.equal(0);
    await untilConsumed(20);
  });

  it('wait for the lease of 30 s that everybody has by default', async () => {
    await start();
    const [c1, c2] = (await share(['c1', 'c2'], { lease: {} })) as [Member, Member];
    expect(c1.consumer.clientId).to.equal('10.0.0.1@c1');
    c1.kill();
    const took = await rig.advanceUntil('the other has all', () => allOwned([c2]));
    expect(took).to.be.within(DEFAULT_LEASE, DEFAULT_LEASE + SOON);
    expect(released.map(({ clientId }) => clientId)).to.deep.equal([c1.consumer.clientId]);
    await untilConsumed(20);
  });

  it('wait for the lease of who held them, not for that of who wants them', async () => {
    await start();
    const c1 = await join('c1', { lease: {} });
    const c2 = await join('c2');
    await rig.advanceUntil('they share the queues', () => c2.owned(T).length === 2 && c1.owned(T).length === 2);
    c1.kill();
    const took = await rig.advanceUntil('the other has all', () => allOwned([c2]));
    expect(took).to.be.within(DEFAULT_LEASE, DEFAULT_LEASE + SOON);
  });

  /** Its connections break, and it can't connect until the returned function is called. The others stay connected. */
  function cutOff(c: Member, broker: string): () => void {
    const fault = rig.cluster.faults.add({ broker, action: { type: 'refuse' } });
    rig.cluster.broker(broker).disconnect(c.consumer.clientId);
    return () => fault.remove();
  }

  it('are left alone when the member comes back in time', async () => {
    await start();
    const [c1, c2] = (await share(['c1', 'c2'], { lease: {} })) as [Member, Member];
    const before = [c1.owned(T), c2.owned(T)];
    const back = cutOff(c1, 'broker-a');
    await rig.advance(20_000);
    back();
    await rig.advanceUntil('it is connected', () => rig.cluster.members('group').length === 2);
    await rig.advance(60_000);
    expect([c1.owned(T), c2.owned(T)]).to.deep.equal(before);
    expect([unlocksFor(c1.consumer.clientId), released]).to.deep.equal([0, []]);
    expect(c1.eventsNamed('queueLost')).to.deep.equal([]);
    await untilConsumed(20);
  });

  it('are left alone by a broker that has not lost sight of the member when another has', async () => {
    await start({ brokers: 2 });
    const [c1, c2] = (await share(['c1', 'c2'])) as [Member, Member];
    const back = cutOff(c1, 'broker-a');
    await rig.advance(60_000);
    const { clientId } = c1.consumer;
    expect(unlocksFor(clientId, 'broker-b'), 'there it is a member as before').to.equal(0);
    for (const { queues } of released) for (const { brokerName } of queues) expect(brokerName).to.equal('broker-a');
    back();
    produce(5);
    await untilConsumed(25);
    await rig.advanceUntil('all is shared again', () => c1.owned(T).length === 4 && c2.owned(T).length === 4);
    expect(unlocksFor(clientId, 'broker-b')).to.equal(0);
  });

  it('of a broker that was restarted are free, but its silence about a member counts only after 30 s', async () => {
    await start();
    const [c1, c2] = (await share(['c1', 'c2'], { lease: {} })) as [Member, Member];
    const back = cutOff(c1, 'broker-a');
    // Both are cut off now, and the broker comes back without members and locks.
    await rig.cluster.broker('broker-a').restart();
    back();
    c1.kill();
    const mine = c2.owned(T);
    await rig.advanceUntil('the other is a member', () => rig.cluster.members('group').length === 1);
    const early = await rig.advanceUntil('it has all', () => allOwned([c2]));
    expect(early).to.be.within(DEFAULT_LEASE - SOON, DEFAULT_LEASE + 2 * SOON);
    expect(mine.length).to.equal(2);
    await untilConsumed(20);
  });

  it('of members with another lease than one’s own are not taken from a restarted broker before that is over', async () => {
    await start();
    const java = await javaMember('10.0.0.9@4711#java');
    const c2 = await join('c2');
    await rig.advanceUntil('it has its half', () => c2.owned(T).length === 2);
    await java.close();
    await rig.cluster.broker('broker-a').restart();
    const took = await rig.advanceUntil('it has all', () => allOwned([c2]));
    expect(took).to.be.at.least(DEFAULT_LEASE);
  });

  /** As the Java client does: locks its half of the queues, says nothing of a lease. */
  async function javaMember(clientId: string): Promise<RawClient> {
    const { address } = rig.cluster.broker('broker-a');
    const raw = await RawClient.connect(address);
    raws.push(raw);
    await beat(raw, clientId, [T, RETRY], { groupName: 'group' });
    const queues = [2, 3].map((queueId) => ({ topic: T, brokerName: 'broker-a', queueId }));
    await raw.call(lockBatchMq, { consumerGroup: 'group', clientId, queues });
    return raw;
  }

  it('of a client that tells no lease are given back after 30 s, whoever it is', async () => {
    await start();
    const clientId = '10.0.0.9@4711#java';
    const java = await javaMember(clientId);
    const c2 = await join('c2');
    await rig.advanceUntil('it has its half', () => c2.owned(T).length === 2);
    expect(c2.owned(T)).to.deep.equal([0, 1]);
    await rig.advance(15_000);
    await java.close();
    const took = await rig.advanceUntil('it has all', () => allOwned([c2]));
    expect(took).to.be.within(DEFAULT_LEASE, DEFAULT_LEASE + SOON);
    expect(released.map((event) => event.clientId)).to.deep.equal([clientId]);
  });

  it('are shared by two that are left, each once', async () => {
    await start();
    const [c1, c2, c3] = (await share(['c1', 'c2', 'c3'])) as [Member, Member, Member];
    c1.kill();
    const took = await rig.advanceUntil('the others have all', () => allOwned([c2, c3]));
    expect(took).to.be.within(LEASE, LEASE + 2 * SOON);
    await rig.advance(20_000);
    expect([c2.owned(T), c3.owned(T)]).to.deep.equal([[0, 1], [2, 3]]); // prettier-ignore
    await untilConsumed(20);
    const queues = released.flatMap((event) => event.queues.map(({ queueId }) => queueId));
    expect(new Set(queues).size, 'none twice').to.equal(queues.length);
  });

  it('that are given back as the member returns are not taken from it', async () => {
    await start();
    const clientId = '10.0.0.9@4711#java';
    const java = await javaMember(clientId);
    const c2 = await join('c2');
    await rig.advanceUntil('it has its half', () => c2.owned(T).length === 2);
    const late = { code: RequestCode.UNLOCK_BATCH_MQ, action: { type: 'delay', ms: 900, when: 'before' } } as const;
    const fault = rig.cluster.faults.add(late);
    await java.close();
    await rig.advanceUntil('its locks are being given back', () => fault.hits > 0);
    // Before the broker carries that out the member is back, and goes on with its locks.
    await javaMember(clientId);
    await rig.advance(20_000);
    expect(c2.owned(T), 'it was a member again').to.deep.equal([0, 1]);
    // Its own of before and after, and the one that undoes what the late unlock did.
    expect(lockRequests(rig.cluster).filter((lock) => lock.clientId === clientId)).to.have.length(3);
    const locks = rig.cluster.locks('group').filter(({ queue }) => queue.topic === T && queue.queueId >= 2);
    expect(locks.map((lock) => lock.clientId)).to.deep.equal([clientId, clientId]);
    expect(released).to.deep.equal([]);
  });

  for (const returnsAfter of numbers(8).map((i) => 26_000 + i * 1_500)) {
    it(`have one owner at a time when the member returns after ${returnsAfter / 1_000} s and unlocks are late`, async () => {
      await start();
      const [c1, c2] = (await share(['c1', 'c2'], { lease: {} })) as [Member, Member];
      const late = { type: 'delay', ms: 800, when: 'before' } as const;
      rig.cluster.faults.add({ code: RequestCode.UNLOCK_BATCH_MQ, action: late });
      const back = cutOff(c1, 'broker-a');
      await rig.advance(returnsAfter);
      back();
      await rig.advanceUntil('all is shared again', () => c1.owned(T).length === 2 && c2.owned(T).length === 2);
      produce(5);
      await untilConsumed(25);
    });
  }
});
