import { expect } from 'chai';
import type { OrderedConsumerEvents } from '../../lib/index.js';
import { RequestCode } from '../../lib/protocol/codes.js';
import { heartBeat } from '../../lib/protocol/requests/heart-beat.js';
import { commitFaults, HeldAnswer, lastSeq, sequence, unlockRequests } from '../support/ownership-judge.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { numbers } from '../support/wire.js';

const T = 'T';
const U = 'U';
const { HEART_BEAT, UPDATE_CONSUMER_OFFSET, UNLOCK_BATCH_MQ } = RequestCode;

/** Topics and queues that come and go while a consumer runs. */
describe('subscriptions that change while a consumer runs', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  async function consumerOfBoth(): Promise<WatchedConsumer> {
    rig = await Rig.start({ topics: { T: { queues: 2 }, U: { queues: 2 } } });
    const c = rig.consumer('c1');
    c.consumer.subscribe(T);
    c.consumer.subscribe(U);
    await c.start();
    await rig.advanceUntil('it owns all', () => c.owned(T).length === 2 && c.owned(U).length === 2);
    return c;
  }

  /** The topics of the newest heartbeat to a broker. */
  function toldTopics(broker = 'broker-a'): string[] {
    const entry = rig.cluster.journal.requests({ code: HEART_BEAT, broker }).at(-1);
    const { consumers } = heartBeat.decode({ ...entry, extFields: entry?.ext } as never);
    return consumers.flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic)).sort();
  }

  function queuesOf(c: WatchedConsumer, topic: string): number {
    return c.consumer.assignment.filter(({ messageQueue }) => messageQueue.topic === topic).length;
  }

  describe('unsubscribe', () => {
    it('tells brokers, persists and unlocks the queues of the topic, and leaves the others alone', async () => {
      const c = await consumerOfBoth();
      rig.produce(U, 0, 3);
      rig.produce(U, 1, 3);
      await rig.until('all is consumed', () => c.deliveries.length === 6);
      await rig.advance(200);
      const before = lastSeq(rig.cluster);
      c.consumer.unsubscribe(U);
      await rig.advanceUntil('its queues are gone', () => queuesOf(c, U) === 0, 1_500);
      const order = sequence(rig.cluster, '10.0.0.1@c1', [HEART_BEAT, UPDATE_CONSUMER_OFFSET, UNLOCK_BATCH_MQ], before);
      expect(order[0]).to.equal(HEART_BEAT);
      expect(order.indexOf(UNLOCK_BATCH_MQ)).to.be.greaterThan(order.indexOf(UPDATE_CONSUMER_OFFSET));
      expect(toldTopics()).to.deep.equal(['%RETRY%group', T]);
      for (const queueId of numbers(2)) expect(rig.committed(U, queueId)).to.equal(3);
      expect(rig.cluster.locks('group').filter(({ queue }) => queue.topic === U)).to.deep.equal([]);
      const unlocked = unlockRequests(rig.cluster).flatMap(({ queues }) => queues);
      expect(unlocked.map(({ topic }) => topic)).to.deep.equal([U, U]);
      expect(c.owned(T)).to.deep.equal([0, 1]);
      rig.produce(T, 0, 1);
      rig.produce(U, 0, 1);
      await rig.advance(25_000);
      expect(c.deliveries).to.have.lengthOf(7);
      const shares = c.eventsNamed('rebalanced') as OrderedConsumerEvents['rebalanced'][0][];
      expect(shares.filter(({ topic }) => topic === U).at(-1)).to.deep.equal({ topic: U, all: [], mine: [] });
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
      expect(c.errors).to.deep.equal([]);
    });

    it('waits for the listener of the topic', async () => {
      const c = await consumerOfBoth();
      const held = new HeldAnswer();
      c.answer = () => held.wait();
      rig.produce(U, 0, 3);
      await rig.until('it is with the listener', () => held.reached);
      c.consumer.unsubscribe(U);
      await rig.advance(10_000);
      const unlocked = unlockRequests(rig.cluster).flatMap(({ queues }) => queues);
      expect(unlocked.map(({ queueId }) => queueId)).to.deep.equal([1]);
      held.give();
      await rig.until('its queues are gone', () => queuesOf(c, U) === 0);
      expect(rig.committed(U, 0)).to.equal(1);
      expect(c.deliveries).to.have.lengthOf(1);
    });

    it('gives queues back at a broker that no other topic is on', async () => {
      const topics = { T: { queues: 2, brokers: ['broker-a'] }, U: { queues: 2, brokers: ['broker-b'] } };
      rig = await Rig.start({ brokers: 2, topics });
      // Without the retry topic nothing else leads to broker-b.
      rig.cluster.faults.add({ broker: 'namesrv', topic: '%RETRY%group', action: { type: 'answer', code: 17 } });
      const c = rig.consumer('c1');
      c.consumer.subscribe(T);
      c.consumer.subscribe(U);
      await c.start();
      await rig.advanceUntil('it owns all', () => c.owned(T).length === 2 && c.owned(U).length === 2);
      rig.produce(U, 1, 4, 'broker-b');
      await rig.until('all is consumed', () => c.deliveries.length === 4);
      c.consumer.unsubscribe(U);
      await rig.advanceUntil('its queues are gone', () => queuesOf(c, U) === 0, 1_500);
      expect(rig.committed(U, 1, 'group', 'broker-b')).to.equal(4);
      expect(rig.cluster.locks('group').filter(({ queue }) => queue.brokerName === 'broker-b')).to.deep.equal([]);
      expect(toldTopics('broker-b')).to.deep.equal(['%RETRY%group', T]);
      expect(c.errors).to.deep.equal([]);
    });

    it('of what was never subscribed to changes nothing, nor does a second time', async () => {
      const c = await consumerOfBoth();
      c.consumer.unsubscribe('Nothing');
      c.consumer.unsubscribe(U);
      c.consumer.unsubscribe(U);
      await rig.advanceUntil('its queues are gone', () => queuesOf(c, U) === 0, 1_500);
      rig.cluster.updateTopic(T, { queues: 3 });
      await rig.advanceUntil('the route of the other is still looked after', () => c.owned(T).length === 3, 35_000);
    });
  });

  describe('subscribe', () => {
    it('takes a further topic in at once, and looks after its route from then on', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 }, U: { queues: 2 } } });
      const c = await rig.consume(T, 'c1');
      await rig.advanceUntil('it owns the first', () => c.owned(T).length === 2);
      rig.produce(U, 0, 2);
      c.consumer.subscribe(U);
      await rig.advanceUntil('the second is consumed', () => c.deliveries.length === 2, 2_500);
      expect(toldTopics()).to.deep.equal(['%RETRY%group', T, U]);
      rig.cluster.updateTopic(U, { queues: 3 });
      await rig.advanceUntil('it has the new queue', () => c.owned(U).length === 3, 35_000);
      expect(c.errors).to.deep.equal([]);
    });

    it('during the start counts, too', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 }, U: { queues: 2 } } });
      const c = rig.consumer('c1');
      c.consumer.subscribe(T);
      const starting = c.start();
      c.consumer.subscribe(U);
      await starting;
      rig.produce(U, 1, 1);
      await rig.advanceUntil('both are consumed', () => c.deliveries.length === 1 && c.owned(T).length === 2, 5_000);
      rig.cluster.updateTopic(U, { queues: 3 });
      await rig.advanceUntil('it has the new queue', () => c.owned(U).length === 3, 35_000);
    });

    it('again, before the queues were given up, takes them back', async () => {
      const c = await consumerOfBoth();
      const held = new HeldAnswer();
      c.answer = ({ topic, offset }) => (topic === U && offset === 0 ? held.wait() : 'SUCCESS');
      rig.produce(U, 0, 3);
      await rig.until('it is with the listener', () => held.reached);
      c.consumer.unsubscribe(U);
      await rig.advance(3_000);
      c.consumer.subscribe(U);
      await rig.advance(3_000);
      expect(c.owned(U)).to.deep.equal([1]);
      held.give();
      await rig.advanceUntil('all is consumed', () => c.deliveries.length === 3, 3_000);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
      rig.cluster.updateTopic(U, { queues: 3 });
      await rig.advanceUntil('its route is looked after', () => c.owned(U).length === 3, 35_000);
    });

    it('with another expression filters what is delivered from then on', async () => {
      const c = await consumerOfBoth();
      const send = (tags: string): unknown => rig.cluster.produce(T, { queueId: 0, body: tags, tags });
      send('red');
      await rig.until('it is consumed', () => c.deliveries.length === 1);
      c.consumer.subscribe(T, 'green || blue');
      await rig.advance(21_000);
      for (const tags of ['red', 'green', 'red', 'blue']) send(tags);
      await rig.advance(21_000);
      expect(c.deliveries.map(({ text }) => text)).to.deep.equal(['red', 'green', 'blue']);
      expect(unlockRequests(rig.cluster), 'its queues stay').to.deep.equal([]);
    });
  });

  describe('a broker that knows less than the consumer', () => {
    it('because a heartbeat was lost, gets one for the pull it refuses, within 2 s', async () => {
      const c = await consumerOfBoth();
      const lost = rig.cluster.faults.add({ code: HEART_BEAT, times: 1, action: { type: 'answer', code: 1 } });
      c.consumer.subscribe(T, 'green');
      await rig.until('the heartbeat is lost', () => lost.hits === 1);
      await rig.advance(21_000);
      rig.cluster.produce(T, { queueId: 0, body: 'x', tags: 'green' });
      await rig.advanceUntil('it is consumed', () => c.deliveries.length === 1, 2_000);
      expect(c.warnings).to.deep.equal([]);
    });

    it('because it forgot the group, hears of it at the next pull', async () => {
      const c = await consumerOfBoth();
      rig.cluster.broker('broker-a').state.members.clear();
      expect(rig.cluster.members('group')).to.deep.equal([]);
      rig.produce(T, 0, 1);
      await rig.advanceUntil('it is consumed', () => c.deliveries.length === 1, 21_000);
      await rig.advanceUntil('the broker knows it', () => rig.cluster.members('group').length === 1, 21_000);
      expect(c.owned(T)).to.deep.equal([0, 1]);
    });
  });

  describe('routes', () => {
    it('queues that come and go are taken in and given up', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      const c = await rig.consume(T, 'c1');
      await rig.advanceUntil('it owns four', () => c.owned(T).length === 4);
      rig.cluster.updateTopic(T, { queues: 8 });
      await rig.advanceUntil('it owns eight', () => c.owned(T).length === 8, 31_500);
      for (const queueId of numbers(8)) rig.produce(T, queueId, 3);
      await rig.until('all is consumed', () => c.deliveries.length === 24);
      rig.cluster.updateTopic(T, { queues: 4 });
      await rig.advanceUntil('it owns four', () => queuesOf(c, T) === 4, 31_500);
      expect(c.owned(T)).to.deep.equal([0, 1, 2, 3]);
      for (const queueId of [4, 5, 6, 7]) expect(rig.committed(T, queueId)).to.equal(3);
      const locked = rig.cluster.locks('group').filter(({ queue }) => queue.topic === T);
      expect(locked.map(({ queue }) => queue.queueId).sort()).to.deep.equal([0, 1, 2, 3]);

      rig.cluster.updateTopic(T, { queues: 8 });
      await rig.advanceUntil('it owns eight again', () => c.owned(T).length === 8, 31_500);
      rig.produce(T, 6, 1);
      await rig.until('it goes on', () => c.deliveries.length === 25);
      expect(c.offsets(6)).to.deep.equal([0, 1, 2, 3]);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });

    it('a broker that leaves takes its queues with it, and brings them back', async () => {
      rig = await Rig.start({ brokers: 2, topics: { T: { queues: 2 } } });
      const c = await rig.consume(T, 'c1');
      await rig.advanceUntil('it owns all', () => c.owned(T).length === 4);
      rig.cluster.broker('broker-b').setRegistered(false);
      await rig.advanceUntil('two are left', () => queuesOf(c, T) === 2, 100_000);
      expect(c.owned(T)).to.deep.equal([0, 1]);
      rig.cluster.broker('broker-b').setRegistered(true);
      await rig.advanceUntil('it owns all again', () => c.owned(T).length === 4, 31_500);
      rig.produce(T, 0, 1, 'broker-b');
      await rig.until('it consumes', () => c.deliveries.length === 1);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  });

  it('members of other subscriptions are warned of', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 }, U: { queues: 2 } } });
    const c1 = await rig.consume(T, 'c1');
    const c2 = await rig.consume(U, 'c2');
    const warned = (c: WatchedConsumer): boolean => c.warnings.includes('SUBSCRIPTION_FLIP_FLOP');
    await rig.advanceUntil('both are warned', () => warned(c1) && warned(c2), 130_000);
  });
});
