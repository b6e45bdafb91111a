import { expect } from 'chai';
import { QueueLostError, StateError, type ConsumeOrderlyContext } from '../../lib/index.js';
import { RequestCode } from '../../lib/protocol/codes.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { commitFaults, HeldAnswer, lastSeq, ListenerWatch, lockRequests, sequence, unlockRequests } from '../support/ownership-judge.js'; // prettier-ignore
import { rejection } from '../support/rejection.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { numbers, pulls } from '../support/wire.js';

const T = 'T';
const { UPDATE_CONSUMER_OFFSET, UNLOCK_BATCH_MQ, UNREGISTER_CLIENT, LOCK_BATCH_MQ } = RequestCode;
const { GET_CONSUMER_LIST_BY_GROUP, GET_ROUTEINFO_BY_TOPIC, HEART_BEAT } = RequestCode;
const GOODBYE = [UPDATE_CONSUMER_OFFSET, UNLOCK_BATCH_MQ, UNREGISTER_CLIENT];

describe('close', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  async function owner(
    queues = 1,
    options: Partial<OrderedConsumerOptions> = {},
    brokers = 1,
  ): Promise<WatchedConsumer> {
    rig = await Rig.start({ brokers, topics: { T: { queues } } });
    const c = await rig.consume(T, 'c1', options);
    const settled = (): boolean => c.owned(T).length === queues * brokers && c.owned('%RETRY%group').length === brokers;
    await rig.advanceUntil('it owns its queues', settled);
    return c;
  }

  /** Closes and lets time pass until that is done. Returns how long it took, by the clock. */
  async function close(watched: WatchedConsumer, mostMs = 60_000): Promise<number> {
    let closed = false;
    const closing = watched.consumer.close().then(() => (closed = true));
    const took = await rig.advanceUntil('it is closed', () => closed, mostMs);
    await closing;
    return took;
  }

  async function expectNothingLeft(): Promise<void> {
    expect(rig.clock.timerCount, 'timers').to.equal(0);
    const { brokers, nameServers } = rig.cluster;
    await rig.until('no broker has a connection', () => brokers.every(({ connections }) => connections.length === 0));
    for (const { heldPulls } of brokers) expect(heldPulls).to.equal(0);
    expect(nameServers.length).to.be.greaterThan(0);
  }

  describe('in good order', () => {
    it('waits for the listener, commits its success, unlocks, leaves the group, and delivers nothing more', async () => {
      const c = await owner();
      const held = new HeldAnswer();
      const contexts: ConsumeOrderlyContext[] = [];
      c.answer = (_, context) => {
        contexts.push(context);
        return held.wait();
      };
      rig.produce(T, 0, 5);
      await rig.until('it is with the listener', () => held.reached);
      const before = lastSeq(rig.cluster);
      let closed = false;
      const closing = c.consumer.close().then(() => (closed = true));
      await rig.until('the listener is told', () => contexts[0]?.signal.aborted === true);
      expect(contexts[0]?.isOwner(), 'its answer counts').to.equal(true);
      await rig.advance(10_000);
      expect(closed).to.equal(false);
      expect(pulls(rig.cluster, T).filter(({ seq }) => seq > before)).to.deep.equal([]);

      held.give();
      await rig.until('it is closed', () => closed);
      await closing;
      expect(c.deliveries).to.have.lengthOf(1);
      expect(sequence(rig.cluster, '10.0.0.1@c1', GOODBYE, before)).to.deep.equal(GOODBYE);
      const answered = rig.cluster.journal.entries.filter(({ seq, code, request }) => seq > before && GOODBYE.includes((request ?? code) as never)); // prettier-ignore
      expect(answered.map(({ direction }) => direction), 'each step is acknowledged before the next').to.deep.equal(['in', 'out', 'in', 'out', 'in', 'out']); // prettier-ignore
      expect(rig.committed(T, 0)).to.equal(1);
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      expect(rig.cluster.members('group')).to.deep.equal([]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
      expect(c.errors).to.deep.equal([]);
      await expectNothingLeft();
    });

    it('unlocks all queues of a broker in one request', async () => {
      const c = await owner(4, {}, 2);
      const took = await close(c);
      expect(took).to.be.at.most(100);
      const unlocks = unlockRequests(rig.cluster);
      expect(unlocks.map(({ broker }) => broker).sort()).to.deep.equal(['broker-a', 'broker-b']);
      for (const { queues } of unlocks) expect(queues).to.have.lengthOf(5);
      await expectNothingLeft();
    });

    it('is idempotent, and the same for all who call it', async () => {
      const c = await owner();
      const before = lastSeq(rig.cluster);
      const first = c.consumer.close();
      expect(c.consumer.close()).to.equal(first);
      await close(c);
      await Promise.all([first, c.consumer[Symbol.asyncDispose]()]);
      expect(sequence(rig.cluster, '10.0.0.1@c1', GOODBYE, before)).to.deep.equal([UNLOCK_BATCH_MQ, UNREGISTER_CLIENT]);
      expect(() => c.consumer.subscribe('U')).to.throw(StateError);
      expect(
        (
          await rejection(
            c.consumer.start(() => undefined),
            StateError,
          )
        ).code,
      ).to.equal('ERR_ROCKETMQ_STATE');
      expect(c.consumer.health()).to.deep.equal({ healthy: false, reasons: ['the consumer is closed'] });
    });

    it('ends a suspended consumer, and one that was never started', async () => {
      const c = await owner();
      c.consumer.suspend({ drain: false });
      rig.produce(T, 0, 3);
      await rig.advance(1_000);
      const never = rig.consumer('c2');
      never.consumer.subscribe(T);
      await never.consumer.close();
      await close(c);
      expect(c.deliveries).to.deep.equal([]);
      await expectNothingLeft();
    });

    it('keeps the lock for a listener that takes long, so that no successor runs beside it', async () => {
      const c1 = await owner(1, { awaitTerminationMillisWhenShutdown: 120_000 });
      const watch = new ListenerWatch();
      const held = new HeldAnswer();
      watch.watch(c1, () => held.wait());
      rig.produce(T, 0, 3);
      await rig.until('it is with the listener', () => held.reached);
      await rig.advance(19_000);
      let closed = false;
      void c1.consumer.close().then(() => (closed = true));
      const c2 = rig.consumer('c2');
      watch.watch(c2, () => 'SUCCESS');
      c2.consumer.subscribe(T);
      await c2.start();
      await rig.advance(70_000);
      expect(c2.deliveries).to.deep.equal([]);
      held.give();
      await rig.advanceUntil('the successor consumes', () => closed && c2.deliveries.length === 2, 3_000);
      expect(c2.offsets(0)).to.deep.equal([1, 2]);
      expect(watch.overlaps).to.deep.equal([]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  });

  it('waits for the listener of a queue that was lost, whose answer counts no more, and no longer than it may', async () => {
    for (const answers of [true, false]) {
      const c = await owner(1, { awaitTerminationMillisWhenShutdown: 30_000 });
      rig.provokes('pullWithoutLock');
      const held = new HeldAnswer();
      c.answer = () => held.wait();
      rig.produce(T, 0, 2);
      await rig.until('it is with the listener', () => held.reached);
      rig.cluster.broker('broker-a').stealLock('group', { topic: T, brokerName: 'broker-a', queueId: 0 }, 'thief');
      // Its pull is answered, and the next one goes out.
      rig.produce(T, 0, 1);
      await rig.advanceUntil('the queue is lost', () => c.owned(T).length === 0, 30_000);
      let closed = false;
      const closing = c.consumer.close().then(() => (closed = true));
      await rig.advance(20_000);
      expect(closed).to.equal(false);
      if (answers) held.give();
      await rig.advanceUntil('it is closed', () => closed, answers ? 1 : 11_000);
      await closing;
      expect(rig.committed(T, 0) ?? 0).to.equal(0);
      expect(rig.clock.timerCount, 'timers').to.equal(0);
      if (answers) await rig.stop();
    }
  });

  describe('with a listener that does not answer', () => {
    it('gives up after awaitTerminationMillisWhenShutdown, commits nothing of it, and ignores a late answer', async () => {
      const c = await owner(1, { awaitTerminationMillisWhenShutdown: 5_000 });
      const held = new HeldAnswer();
      let context: ConsumeOrderlyContext | undefined;
      c.answer = ({ offset }, given) => {
        context = given;
        return offset === 2 ? held.wait() : 'SUCCESS';
      };
      rig.produce(T, 0, 5);
      await rig.until('the third is with the listener', () => held.reached);
      const took = await close(c);
      expect(took).to.be.within(5_000, 5_200);
      expect(context?.signal.reason).to.be.instanceOf(QueueLostError);
      expect(context?.isOwner()).to.equal(false);
      expect(rig.committed(T, 0)).to.equal(2);
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      await expectNothingLeft();
      held.give();
      await rig.advance(10_000);
      expect(rig.committed(T, 0)).to.equal(2);
      expect(rig.clock.timerCount).to.equal(0);
    });

    it('does not wait at all with 0', async () => {
      const c = await owner(1, { awaitTerminationMillisWhenShutdown: 0 });
      c.answer = () => new Promise(() => undefined);
      rig.produce(T, 0, 1);
      await rig.until('it is with the listener', () => c.deliveries.length === 1);
      expect(await close(c)).to.be.at.most(100);
      await expectNothingLeft();
    });
  });

  describe('while something is under way', () => {
    it('a rebalance: listeners are told at once, and nothing is taken any more', async () => {
      const c = await owner(2);
      let context: ConsumeOrderlyContext | undefined;
      const held = new HeldAnswer();
      c.answer = (_, given) => {
        context = given;
        return held.wait();
      };
      rig.produce(T, 0, 1);
      await rig.until('it is with the listener', () => held.reached);
      const slow = rig.cluster.faults.add({ code: GET_CONSUMER_LIST_BY_GROUP, action: { type: 'drop' } });
      rig.cluster.updateTopic(T, { queues: 8 });
      rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
      await rig.advanceUntil('it asks for the members', () => slow.hits > 0);
      const closing = close(c);
      await rig.until('the listener is told', () => context?.signal.aborted === true);
      held.give();
      await closing;
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      await expectNothingLeft();
    });

    it('a lock request: what it is granted is given back', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      rig.cluster.faults.add({ code: LOCK_BATCH_MQ, action: { type: 'delay', ms: 700 } });
      const c = await rig.consume(T);
      await rig.advanceUntil('the locks are granted, unknown to it', () => rig.cluster.locks('group').length > 0);
      expect(c.owned(T)).to.deep.equal([]);
      await close(c);
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      expect(pulls(rig.cluster, T)).to.deep.equal([]);
      await expectNothingLeft();
    });

    it('the look-up of a start offset: the queue is never begun', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const slow = rig.cluster.faults.add({
        code: RequestCode.QUERY_CONSUMER_OFFSET,
        action: { type: 'delay', ms: 900 },
      });
      const c = await rig.consume(T);
      await rig.advanceUntil('it asks for the offsets', () => slow.hits >= 2);
      await close(c);
      await rig.advance(2_000);
      expect(c.eventsNamed('queueOwned')).to.deep.equal([]);
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      await expectNothingLeft();
    });

    it('a refused lock: it is not asked for again', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.cluster.broker('broker-a').stealLock('group', { topic: T, brokerName: 'broker-a', queueId: 0 }, 'somebody');
      const c = await rig.consume(T);
      await rig.advance(3_000);
      await close(c);
      const before = lastSeq(rig.cluster);
      await rig.advance(5_000);
      expect(rig.cluster.journal.entries.filter(({ seq }) => seq > before)).to.deep.equal([]);
      expect(rig.cluster.locks('group').map(({ clientId }) => clientId)).to.deep.equal(['somebody']);
      await expectNothingLeft();
    });

    it('a hand-over: the draining queue is given back, too', async () => {
      const c1 = await owner(2);
      const held = new HeldAnswer();
      c1.answer = () => held.wait();
      rig.produce(T, 1, 2);
      await rig.until('it is with the listener', () => held.reached);
      const c2 = await rig.consume(T, 'c2');
      await rig.advanceUntil('it drains', () => c1.consumer.assignment.some(({ state }) => state === 'draining'));
      const closing = close(c1);
      held.give();
      await closing;
      await rig.advanceUntil('c2 has all', () => c2.owned(T).length === 2 && c2.deliveries.length === 1, 3_000);
      expect(c2.offsets(1)).to.deep.equal([1]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });

    it('the start: it rejects, and nothing is left', async () => {
      for (const code of [GET_ROUTEINFO_BY_TOPIC, HEART_BEAT]) {
        rig = await Rig.start({ topics: { T: { queues: 2 } } });
        const fault = rig.cluster.faults.add({ code, action: { type: 'drop' } });
        const c = rig.consumer('c1');
        c.consumer.subscribe(T);
        const failed = rejection(c.start(), StateError);
        await rig.until('it waits for the answer', () => fault.hits > 0);
        expect(await close(c)).to.be.at.most(100);
        expect((await failed).message).to.contain('closed while it was starting');
        await expectNothingLeft();
        if (code !== HEART_BEAT) await rig.stop();
      }
    });

    it('the start of one of two that share a client: the other goes on', async () => {
      const other = await owner(1, { instanceName: 'shared' });
      const fault = rig.cluster.faults.add({ code: GET_ROUTEINFO_BY_TOPIC, action: { type: 'drop' } });
      const c = rig.consumer('c2', { instanceName: 'shared', consumerGroup: 'second' });
      c.consumer.subscribe('U');
      const failed = rejection(c.start(), StateError);
      await rig.until('it waits for the answer', () => fault.hits > 0);
      await close(c);
      await failed;
      fault.remove();
      rig.produce(T, 0, 1);
      await rig.until('the other consumes', () => other.deliveries.length === 1);
      expect(other.eventsNamed('disconnected')).to.deep.equal([]);
    });
  });

  describe('just after its connections were lost', () => {
    it('commits what was consumed on the new ones, once the lock is known there, and reports nothing', async () => {
      const c = await owner(2);
      for (const queueId of [0, 1]) rig.produce(T, queueId, 3);
      await rig.until('they are consumed', () => c.deliveries.length === 6);
      const before = lastSeq(rig.cluster);
      rig.cluster.broker('broker-a').disconnect();
      await rig.until('it knows', () => c.eventsNamed('disconnected').length > 0);
      const told = c.errors.length;
      await close(c);
      expect([rig.committed(T, 0), rig.committed(T, 1)]).to.deep.equal([3, 3]);
      expect(c.errors.slice(told)).to.deep.equal([]);
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      const codes = rig.cluster.journal.entries.filter(({ seq }) => seq > before).map(({ request }) => request);
      expect(codes.indexOf(LOCK_BATCH_MQ)).to.be.within(0, codes.indexOf(UPDATE_CONSUMER_OFFSET));
      await expectNothingLeft();
    });
  });

  describe('while brokers can not be reached', () => {
    it('ends when the broker has stopped', async () => {
      const c = await owner();
      rig.produce(T, 0, 3);
      await rig.until('they are consumed', () => c.deliveries.length === 3);
      await rig.cluster.broker('broker-a').stop({ keepRoute: true });
      expect(await close(c)).to.be.at.most(10_000);
      expect(c.errors.map(({ code }) => code)).to.include.members(['ERR_ROCKETMQ_PERSIST', 'ERR_ROCKETMQ_UNLOCK']);
      expect(rig.clock.timerCount).to.equal(0);
    });

    it('ends when the broker answers nothing any more', async () => {
      const c = await owner();
      rig.produce(T, 0, 3);
      await rig.until('they are consumed', () => c.deliveries.length === 3);
      rig.cluster.faults.add({ broker: 'broker-a', action: { type: 'drop' } });
      expect(await close(c)).to.be.at.most(15_000);
      await expectNothingLeft();
    });

    it('ends when no name server is there', async () => {
      const c = await owner();
      await Promise.all(rig.cluster.nameServers.map((server) => server.stop()));
      await rig.advance(65_000);
      await close(c);
      expect(sequence(rig.cluster, '10.0.0.1@c1', GOODBYE).slice(-2)).to.deep.equal([
        UNLOCK_BATCH_MQ,
        UNREGISTER_CLIENT,
      ]);
      await expectNothingLeft();
    });

    it('gives back what it can at the others, when one broker of two is down', async () => {
      const c = await owner(2, {}, 2);
      for (const queueId of numbers(2))
        for (const broker of ['broker-a', 'broker-b']) rig.produce(T, queueId, 2, broker);
      await rig.until('all is consumed', () => c.deliveries.length === 8);
      await rig.cluster.broker('broker-a').stop({ keepRoute: true });
      await close(c);
      for (const queueId of numbers(2)) expect(rig.committed(T, queueId, 'group', 'broker-b')).to.equal(2);
      expect(rig.cluster.locks('group').filter(({ queue }) => queue.brokerName === 'broker-b')).to.deep.equal([]);
      expect(rig.cluster.members('group')).to.deep.equal([]);
      expect(rig.clock.timerCount).to.equal(0);
    });

    it('unlocks although the offset can not be written', async () => {
      const c = await owner();
      rig.produce(T, 0, 3);
      await rig.until('they are consumed', () => c.deliveries.length === 3);
      rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, action: { type: 'answer', code: 1 } });
      await close(c);
      expect(c.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_PERSIST']);
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      await expectNothingLeft();
    });

    it('commits nothing when its lease has run out and the broker says that somebody else has the lock', async () => {
      const c = await owner();
      rig.produce(T, 0, 3);
      await rig.until('they are consumed', () => c.deliveries.length === 3);
      rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, times: 8, action: { type: 'answer', code: 1 } });
      const silent = rig.cluster.faults.add({ code: LOCK_BATCH_MQ, action: { type: 'answer', code: 1 } });
      await rig.advance(31_000);
      const queue = { topic: T, brokerName: 'broker-a', queueId: 0 };
      rig.cluster.broker('broker-a').stealLock('group', queue, 'somebody');
      rig.cluster.setOffset('group', queue, 2);
      rig.cluster.faults.active.find(({ rule }) => rule.code === UPDATE_CONSUMER_OFFSET)?.remove();
      silent.remove();
      await close(c);
      expect(rig.committed(T, 0)).to.equal(2);
      expect(lockRequests(rig.cluster).at(-1)?.queues).to.deep.include(queue);
    });
  });

  it('of one of two consumers in a process leaves the other alone, and the last one closes the connections', async () => {
    const first = await owner(1, { instanceName: 'shared' });
    const second = await rig.consume(T, 'c2', { instanceName: 'shared', consumerGroup: 'second' });
    await rig.advanceUntil('it owns its queue', () => second.owned(T).length === 1);
    expect(rig.cluster.broker('broker-a').connections).to.have.lengthOf(1);
    await close(first);
    expect(rig.cluster.broker('broker-a').connections).to.have.lengthOf(1);
    expect(rig.cluster.members('group')).to.deep.equal([]);
    rig.produce(T, 0, 2);
    await rig.until('the other consumes', () => second.deliveries.length === 2);
    await close(second);
    await expectNothingLeft();
  });
});
