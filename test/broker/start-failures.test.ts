import { expect } from 'chai';
import { BrokerError, ConnectionError, Producer, RouteError, StateError, TimeoutError, type RocketMQError } from '../../lib/index.js'; // prettier-ignore
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { lastSeq } from '../support/ownership-judge.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { numbers } from '../support/wire.js';

const T = 'T';
const { GET_ROUTEINFO_BY_TOPIC, HEART_BEAT, CHECK_CLIENT_CONFIG, UNREGISTER_CLIENT } = RequestCode;

type ErrorClass<E> = new (...args: never[]) => E;

describe('start', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** Starts, lets time pass until that has failed, and checks that nothing is left. Returns why, and after what time. */
  async function failure<E extends RocketMQError>(
    watched: WatchedConsumer,
    errorClass: ErrorClass<E>,
    mostMs: number,
  ): Promise<{ error: E; took: number }> {
    let error: unknown;
    watched.start().then(
      () => (error = new Error('it has started')),
      (reason: unknown) => (error = reason),
    );
    const took = await rig.advanceUntil('it has failed', () => error !== undefined, mostMs + 1_000);
    if (!(error instanceof errorClass)) throw error as Error;
    expect(took).to.be.at.most(mostMs);
    return { error, took };
  }

  async function expectNothingLeft(): Promise<void> {
    expect(rig.clock.timerCount, 'timers').to.equal(0);
    const { brokers } = rig.cluster;
    await rig.until('no broker has a connection', () => brokers.every(({ connections }) => connections.length === 0));
    const before = lastSeq(rig.cluster);
    await rig.advance(65_000);
    expect(rig.cluster.journal.entries.filter(({ seq, direction }) => seq > before && direction === 'in')).to.deep.equal([]); // prettier-ignore
  }

  function consumer(options: Partial<OrderedConsumerOptions> = {}, topic = T): WatchedConsumer {
    const watched = rig.consumer(undefined, options);
    watched.consumer.subscribe(topic);
    return watched;
  }

  describe('rejects and leaves nothing running', () => {
    it('when the name server is down, naming it', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const { namesrvAddr } = rig.cluster;
      await rig.cluster.nameServers[0]?.stop();
      const c = consumer();
      const { error } = await failure(c, RouteError, 3_100);
      expect(error.code).to.equal('ERR_ROCKETMQ_NO_NAME_SERVER');
      expect(error.message).to.contain(namesrvAddr);
      await expectNothingLeft();
      expect(c.consumer.health().reasons).to.deep.equal(['the consumer is closed']);
      await c.consumer.close();
    });

    it('when all of three name servers are down, naming each', async () => {
      rig = await Rig.start({ nameServers: 3, topics: { T: { queues: 2 } } });
      const addresses = rig.cluster.namesrvAddr.split(';');
      await Promise.all(rig.cluster.nameServers.map((server) => server.stop()));
      const { error } = await failure(consumer(), RouteError, 3_100);
      for (const address of addresses) expect(error.message).to.contain(address);
      await expectNothingLeft();
    });

    it('when the name server does not answer', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      rig.cluster.faults.add({ broker: 'namesrv', action: { type: 'drop' } });
      const { error } = await failure(consumer(), RouteError, 3_100);
      expect(error.message).to.contain(rig.cluster.namesrvAddr);
      await expectNothingLeft();
    });

    it('when the broker is down, naming it', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const broker = rig.cluster.broker('broker-a');
      await broker.stop({ keepRoute: true });
      const { error } = await failure(consumer(), ConnectionError, 3_100);
      expect(error.message).to.contain(broker.address);
      await expectNothingLeft();
    });

    it('when the broker does not answer a heartbeat', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      rig.cluster.faults.add({ code: HEART_BEAT, action: { type: 'drop' } });
      const { error } = await failure(consumer(), ConnectionError, 3_100);
      expect(error.message).to.contain(rig.cluster.broker('broker-a').address);
      await expectNothingLeft();
    });

    it('when brokers refuse the heartbeat, with the answer of one that does', async () => {
      rig = await Rig.start({ brokers: 2, topics: { T: { queues: 2 } } });
      const addresses = rig.cluster.brokers.map(({ address }) => address);
      rig.cluster.faults.add({ broker: 'broker-a', code: HEART_BEAT, action: { type: 'close', when: 'before' } });
      const remark = 'not today';
      const code = ResponseCode.SYSTEM_ERROR;
      rig.cluster.faults.add({ broker: 'broker-b', code: HEART_BEAT, action: { type: 'answer', code, remark } });
      const { error } = await failure(consumer(), BrokerError, 3_100);
      expect(error).to.include({ code: 'ERR_ROCKETMQ_BROKER', responseCode: code, remark });
      for (const address of addresses) expect(error.message).to.contain(address);
      expect(error.message).to.contain(remark);
      expect(error.context).to.include({ address: addresses[1], requestCode: HEART_BEAT });
      await expectNothingLeft();
    });

    it('within startTimeoutMs, whatever is slow, naming the addresses it knows', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      for (const code of [GET_ROUTEINFO_BY_TOPIC, HEART_BEAT]) {
        const fault = rig.cluster.faults.add({ code, action: { type: 'drop' } });
        const { error, took } = await failure(consumer({ startTimeoutMs: 1_200 }), TimeoutError, 1_300);
        expect(took).to.be.at.least(1_200);
        expect(error.message).to.contain(rig.cluster.namesrvAddr).and.to.contain('1200 ms');
        if (code === HEART_BEAT) expect(error.message).to.contain(rig.cluster.broker('broker-a').address);
        await expectNothingLeft();
        fault.remove();
      }
    });

    it('when a broker refuses a subscription', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } }, enablePropertyFilter: false });
      const c = rig.consumer();
      c.consumer.subscribe(T, { type: 'SQL92', expression: 'price > 10' });
      const { error } = await failure(c, BrokerError, 3_100);
      expect(error.message).to.contain('does not support');
      expect(rig.cluster.journal.requests({ code: CHECK_CLIENT_CONFIG })).to.have.lengthOf(1);
      expect(rig.cluster.journal.requests({ code: HEART_BEAT }).length, 'it never was a member').to.equal(0);
      await expectNothingLeft();
    });

    it('when an expression does not parse', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = rig.consumer();
      c.consumer.subscribe(T, { type: 'SQL92', expression: 'price > > 10' });
      const { error } = await failure(c, BrokerError, 3_100);
      expect(error.responseCode).to.equal(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
      await expectNothingLeft();
    });

    it('when it is started twice, which does not harm the first start', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = consumer();
      const first = c.start();
      const { error } = await failure(c, StateError, 100);
      expect(error.message).to.contain('starting');
      await first;
      await rig.advanceUntil('it owns its queues', () => c.owned(T).length === 2);
    });
  });

  describe('goes on', () => {
    it('when one of two brokers is down, with the queues of the other, and takes those of the first when it is up', async () => {
      rig = await Rig.start({ brokers: 2, topics: { T: { queues: 2 } } });
      await rig.cluster.broker('broker-b').stop({ keepRoute: true });
      const c = consumer();
      let started = false;
      void c.start().then(() => (started = true));
      await rig.advanceUntil('it has started', () => started, 4_000);
      await rig.advanceUntil('it owns what it can', () => c.owned(T).length === 2, 5_000);
      await rig.advance(10_000);
      expect(c.owned(T)).to.deep.equal([0, 1]);
      await rig.cluster.broker('broker-b').start();
      await rig.advanceUntil('it owns all', () => c.owned(T).length === 4, 8_000);
    });

    it('when one of two name servers is down, and when that changes', async () => {
      rig = await Rig.start({ nameServers: 2, topics: { T: { queues: 2 } } });
      const [first, second] = rig.cluster.nameServers;
      await first?.stop();
      const c = consumer();
      let started = false;
      void c.start().then(() => (started = true));
      await rig.advanceUntil('it has started', () => started, 4_000);
      await rig.advanceUntil('it owns its queues', () => c.owned(T).length === 2);
      await first?.start();
      await second?.stop();
      rig.cluster.updateTopic(T, { queues: 4 });
      await rig.advanceUntil('it has heard of the new queues', () => c.owned(T).length === 4, 35_000);
      expect(c.errors.filter(({ code }) => code !== 'ERR_ROCKETMQ_CONNECTION_LOST')).to.deep.equal([]);
    });

    it('without name servers while it runs: it keeps the routes it has', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = consumer();
      await c.start();
      await rig.advanceUntil('it owns its queues', () => c.owned(T).length === 2);
      await rig.cluster.nameServers[0]?.stop();
      for (const _ of numbers(10)) {
        rig.produce(T, 0, 1);
        await rig.advance(10_000);
      }
      expect(c.deliveries).to.have.lengthOf(10);
      expect(c.owned(T)).to.deep.equal([0, 1]);
    });

    it('when name servers forget its topic while it runs', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = consumer();
      await c.start();
      await rig.advanceUntil('it owns its queues', () => c.owned(T).length === 2);
      rig.cluster.broker('broker-a').setRegistered(false);
      await rig.advance(70_000);
      rig.produce(T, 1, 2);
      await rig.until('it consumes', () => c.deliveries.length === 2);
      expect(c.owned(T)).to.deep.equal([0, 1]);
      expect(c.errors).to.deep.equal([]);
    });

    it('when the topic does not exist yet, and consumes it when it does', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = consumer({}, 'Later');
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('it owns the other', () => c.owned(T).length === 2);
      expect(c.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_TOPIC_NOT_FOUND']);
      await rig.advance(20_000);
      rig.cluster.createTopic('Later', { queues: 2 });
      await rig.advanceUntil('it owns the new one', () => c.owned('Later').length === 2, 31_000);
      expect(c.errors, 'told once').to.have.lengthOf(1);
    });
  });

  describe('beside others in one process', () => {
    it('refuses a second consumer of a group under one client id, and leaves the first alone', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const first = await rig.consume(T, 'c1', { instanceName: 'same' });
      await rig.advanceUntil('it owns its queues', () => first.owned(T).length === 2);
      const second = consumer({ instanceName: 'same' });
      const { error } = await failure(second, StateError, 100);
      expect(error.message).to.contain('instanceName').and.to.contain('10.0.0.1@same');
      await second.consumer.close();
      await rig.advance(31_000);
      expect(rig.cluster.journal.requests({ code: UNREGISTER_CLIENT })).to.deep.equal([]);
      expect(rig.cluster.members('group').map(({ clientId }) => clientId)).to.deep.equal(['10.0.0.1@same']);
      rig.produce(T, 0, 1);
      await rig.until('the first one consumes', () => first.deliveries.length === 1);
      rig.cluster.updateTopic(T, { queues: 4 });
      await rig.advanceUntil('its routes are still looked after', () => first.owned(T).length === 4, 35_000);
    });

    it('refuses a client id that is in use with other credentials', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      await rig.consume(T, 'c1', { instanceName: 'same' });
      const second = consumer({
        instanceName: 'same',
        consumerGroup: 'other',
        acl: { accessKey: 'a', secretKey: 'b' },
      });
      const { error } = await failure(second, StateError, 100);
      expect(error.message).to.contain('10.0.0.1@same');
      await second.consumer.close();
      expect(second.consumer.health().reasons).to.deep.equal(['the consumer is closed']);
    });

    it('shares the connections with the others of its client id', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 }, U: { queues: 2 } } });
      const first = await rig.consume(T, 'c1', { instanceName: 'same' });
      const second = await rig.consume('U', 'c2', { instanceName: 'same', consumerGroup: 'other' });
      await rig.advanceUntil(
        'both own their queues',
        () => first.owned(T).length === 2 && second.owned('U').length === 2,
      );
      expect(rig.cluster.broker('broker-a').connections).to.have.lengthOf(1);
      expect(rig.cluster.members('group')).to.have.lengthOf(1);
      expect(rig.cluster.members('other')).to.have.lengthOf(1);
    });

    it('shares them with producers, too, which may come and go', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const { namesrvAddr } = rig.cluster;
      const c = await rig.consume(T, 'c1', { instanceName: 'same' });
      await rig.advanceUntil('it owns its queue', () => c.owned(T).length === 1);
      const producers = [1, 2].map(() => {
        return new Producer({ namesrvAddr, clientIP: '10.0.0.1', instanceName: 'same', clock: rig.clock });
      });
      for (const producer of producers) {
        await producer.start();
        await producer.send({ topic: T, body: 'x', shardingKey: 'k' });
      }
      await rig.until('both are consumed', () => c.deliveries.length === 2);
      expect(rig.cluster.broker('broker-a').connections).to.have.lengthOf(1);
      for (const producer of producers) await producer.close();
      expect(rig.cluster.broker('broker-a').connections).to.have.lengthOf(1);
      rig.produce(T, 0, 1);
      await rig.until('the consumer goes on', () => c.deliveries.length === 3);
      expect(c.eventsNamed('disconnected')).to.deep.equal([]);
    });

    it('keeps two clusters apart, even under one client id', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const elsewhere = await Rig.start({ topics: { T: { queues: 3 } } });
      try {
        const here = await rig.consume(T, 'c1');
        const there = await elsewhere.consume(T, 'c1');
        expect(here.consumer.clientId).to.equal(there.consumer.clientId);
        await rig.advanceUntil('here it owns all', () => here.owned(T).length === 2);
        await elsewhere.advanceUntil('there, too', () => there.owned(T).length === 3);
        rig.produce(T, 0, 1);
        elsewhere.produce(T, 0, 2);
        await rig.until('here one is consumed', () => here.deliveries.length === 1);
        await elsewhere.until('there two are', () => there.deliveries.length === 2);
        expect(here.offsets(0)).to.deep.equal([0]);
      } finally {
        await elsewhere.stop();
      }
      rig.produce(T, 1, 1);
      await rig.until('this one goes on without the other', () => rig.deliveries.length === 2);
    });
  });
});
