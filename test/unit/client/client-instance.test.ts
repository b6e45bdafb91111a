import { expect } from 'chai';
import { ClientInstance } from '../../../lib/client/client-instance.js';
import type { ConsumerMember } from '../../../lib/client/consumer-member.js';
import { BrokerError, ConnectionError, RouteError, StateError, TimeoutError } from '../../../lib/errors.js';
import { resolveClientOptions, type ClientOptions } from '../../../lib/options/client-options.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { getMaxOffset } from '../../../lib/protocol/requests/get-max-offset.js';
import { buildSubscription } from '../../../lib/protocol/subscription.js';
import { MockClock, MockCluster, type MockClusterOptions } from '../../../mock-broker/index.js';
import { FakeClock, turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';

const { HEART_BEAT, UNREGISTER_CLIENT, GET_MAX_OFFSET } = RequestCode;

/** A member that notes what it is told. */
function member(consumerGroup = 'g'): ConsumerMember & { readonly told: string[] } {
  const told: string[] = [];
  return {
    consumerGroup,
    told,
    heartbeatData: () => ({
      groupName: consumerGroup,
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
      unitMode: false,
      subscriptions: [buildSubscription('T', '*', 'TAG', 1)],
    }),
    rebalanceSoon: (reason: string) => told.push(reason),
    masterConnected: (brokerName: string) => told.push(`connected to ${brokerName}`),
    brokerBack: (brokerName: string) => told.push(`${brokerName} is back`),
  } as unknown as ConsumerMember & { readonly told: string[] };
}

describe('ClientInstance', () => {
  let cluster: MockCluster;
  let clock: FakeClock;
  const acquired: ClientInstance[] = [];

  async function start(options: MockClusterOptions = {}): Promise<void> {
    clock = new FakeClock();
    cluster = await MockCluster.start({ topics: { T: { queues: 2 } }, clock: MockClock.manual(), ...options });
  }

  function acquire(clientId = 'me', options: ClientOptions = {}): ClientInstance {
    const namesrvAddr = cluster.namesrvAddr.split(';');
    const instance = ClientInstance.acquire(clientId, resolveClientOptions({ clock, namesrvAddr, ...options }));
    acquired.push(instance);
    return instance;
  }

  /** A consumer and its client, who knows the route of its topic. */
  async function joined(options?: MockClusterOptions) {
    await start(options);
    const client = acquire();
    const consumer = member();
    client.registerConsumer(consumer);
    await client.routes.fetch('T');
    return { client, consumer };
  }

  async function release(instance: ClientInstance): Promise<void> {
    acquired.splice(acquired.indexOf(instance), 1);
    await instance.release();
  }

  afterEach(async () => {
    for (const instance of acquired.splice(0)) await instance.release();
    await cluster.stop();
  });

  describe('acquire', () => {
    it('gives all who have the same id and settings the same instance, which lives until the last gives it back', async () => {
      await start({ nameServers: 2 });
      const first = acquire();
      const second = acquire('me', { namesrvAddr: cluster.namesrvAddr.split(';').reverse() });
      expect(second, 'the order of name servers does not matter').to.equal(first);
      expect(first.isShared).to.equal(true);
      await release(second);
      expect(first.isShared).to.equal(false);
      await first.routes.fetch('T');
      await release(first);
      await rejection(first.routes.fetch('T'), ConnectionError);
      expect(acquire(), 'a new one').to.not.equal(first);
    });

    it('keeps other ids apart', async () => {
      await start();
      expect(acquire('you')).to.not.equal(acquire('me'));
    });

    it('refuses the same id with other credentials, TLS settings or some of the name servers', async () => {
      await start({ nameServers: 2 });
      acquire();
      const [one] = cluster.namesrvAddr.split(';');
      const others: ClientOptions[] = [
        { acl: { accessKey: 'a', secretKey: 'b' } },
        { tls: true },
        { namespaceV2: 'ns' },
        { namesrvAddr: one },
        { namesrvAddr: undefined, namesrvUrl: 'http://127.0.0.1:1/addresses' },
      ];
      for (const options of others) expect(() => acquire('me', options)).to.throw(StateError, 'instanceName');
      expect(acquired).to.have.lengthOf(1);
    });

    it('refuses it with another check of certificates, which would go by the first one’s', async () => {
      await start();
      const anybody = (): undefined => undefined;
      const first = acquire('me', { tls: { checkServerIdentity: anybody } });
      expect(acquire('me', { tls: { checkServerIdentity: anybody } })).to.equal(first);
      for (const checkServerIdentity of [undefined, (): undefined => undefined]) {
        expect(() => acquire('me', { tls: { checkServerIdentity } })).to.throw(StateError, 'TLS settings');
      }
    });

    it('lets the same id be in use in another cluster, too', async () => {
      await start();
      const here = acquire();
      const elsewhere = await MockCluster.start({ topics: { T: { queues: 5 } } });
      try {
        const there = acquire('me', { namesrvAddr: elsewhere.namesrvAddr });
        expect(there).to.not.equal(here);
        expect((await there.routes.fetch('T')).subscribeQueues).to.have.lengthOf(5);
        expect((await here.routes.fetch('T')).subscribeQueues).to.have.lengthOf(2);
        expect(acquire('me', { namesrvAddr: elsewhere.namesrvAddr })).to.equal(there);
        await release(there);
        await release(there);
      } finally {
        await elsewhere.stop();
      }
    });
  });

  describe('groups', () => {
    it('may have one consumer each, and as many producers as there are', async () => {
      await start();
      const client = acquire();
      const consumer = member();
      client.registerConsumer(consumer);
      expect(() => client.registerConsumer(member())).to.throw(StateError, 'instanceName');
      client.registerConsumer(member('h'));
      client.registerProducer('p');
      client.registerProducer('p');
      expect(client.consumer('g')).to.equal(consumer);
      expect([...client.consumers].map(({ consumerGroup }) => consumerGroup)).to.deep.equal(['g', 'h']);
      expect([...client.producerGroups]).to.deep.equal(['p']);
      expect(clock.timerCount, 'one for the heartbeat').to.equal(1);
    });

    it('are left only by the consumer that is registered, at every broker it is connected to', async () => {
      await start({ brokers: 2 });
      const client = acquire();
      const consumer = member();
      await client.routes.fetch('T');
      client.registerConsumer(consumer);
      await client.heartbeats.beatAll();
      expect(cluster.members('g')).to.have.lengthOf(2);
      await client.unregisterConsumer(member(), 3_000);
      expect(cluster.journal.requests({ code: UNREGISTER_CLIENT })).to.deep.equal([]);
      await client.unregisterConsumer(consumer, 3_000);
      expect(cluster.members('g')).to.deep.equal([]);
      const left = cluster.journal.requests({ code: UNREGISTER_CLIENT });
      expect(
        left.map(({ broker, ext }) => `${broker} ${ext['clientID']} ${ext['consumerGroup']}`).sort(),
      ).to.deep.equal(['broker-a me g', 'broker-b me g']);
      expect(client.hasConsumers).to.equal(false);
    });

    it('of producers are left by the last one', async () => {
      await start();
      const client = acquire();
      await client.routes.fetch('T');
      client.registerProducer('p');
      client.registerProducer('p');
      await client.heartbeats.beatAll();
      await client.unregisterProducer('p', 3_000);
      await client.unregisterProducer('unknown', 3_000);
      expect(cluster.journal.requests({ code: UNREGISTER_CLIENT })).to.deep.equal([]);
      await client.unregisterProducer('p', 3_000);
      expect(cluster.journal.requests({ code: UNREGISTER_CLIENT })[0]?.ext).to.include({ producerGroup: 'p' });
    });

    it('are left only after a heartbeat that still names them', async () => {
      await start();
      const client = acquire();
      const consumer = member();
      await client.routes.fetch('T');
      client.registerConsumer(consumer);
      cluster.faults.add({ code: HEART_BEAT, action: { type: 'delay', ms: 500, when: 'before' } });
      const beating = client.heartbeats.beatAll();
      const leaving = client.unregisterConsumer(consumer, 3_000);
      await cluster.journal.waitFor(({ code }) => code === HEART_BEAT);
      await turns(50);
      expect(cluster.journal.requests({ code: UNREGISTER_CLIENT })).to.deep.equal([]);
      cluster.clock.advance(500);
      await Promise.all([beating, leaving]);
      expect(cluster.members('g')).to.deep.equal([]);
    });

    it('are left without connecting to a broker for that', async () => {
      await start();
      const client = acquire();
      const consumer = member();
      await client.routes.fetch('T');
      client.registerConsumer(consumer);
      await client.unregisterConsumer(consumer, 3_000);
      expect(cluster.broker('broker-a').connections).to.deep.equal([]);
    });
  });

  describe('brokers', () => {
    it('are called at their master, and a missing one is told', async () => {
      await start();
      const client = acquire();
      const request = { topic: 'T', queueId: 0, brokerName: 'broker-a' };
      const unknown = await rejection(client.callMaster('broker-a', getMaxOffset, request), RouteError);
      expect(unknown.code).to.equal('ERR_ROCKETMQ_NO_BROKER');
      await client.routes.fetch('T');
      expect(client.masterAddress('broker-a')).to.equal(cluster.broker('broker-a').address);
      cluster.produce('T', { queueId: 0, body: 'x' });
      expect(await client.callMaster('broker-a', getMaxOffset, request)).to.deep.equal({ offset: 1 });
      cluster.broker('broker-a').setBrokerId(1);
      await client.routes.fetch('T');
      await rejection(client.callMaster('broker-a', getMaxOffset, request), RouteError);
    });

    it('get a heartbeat first on a new connection; then the consumers look after their queues', async () => {
      const { client, consumer } = await joined();
      expect(client.connectedSince(cluster.broker('broker-a').address)).to.equal(undefined);
      await client.callMaster('broker-a', getMaxOffset, { topic: 'T', queueId: 0 });
      const codes = cluster.journal.requests({ broker: 'broker-a' }).map(({ code }) => code);
      expect(codes).to.deep.equal([HEART_BEAT, GET_MAX_OFFSET]);
      await cluster.journal.waitFor(({ request }) => request === HEART_BEAT);
      await turns();
      expect(consumer.told).to.include('broker-a is back');
      expect(client.connectedSince(cluster.broker('broker-a').address)).to.equal(clock.now());
    });

    it('know this client once they have answered a heartbeat on the connection there is', async () => {
      await start();
      const client = acquire();
      client.registerConsumer(member());
      await rejection(client.introduce('broker-a'), RouteError);
      await client.routes.fetch('T');
      const { address } = cluster.broker('broker-a');
      await client.introduce('broker-a');
      await client.introduce('broker-a');
      expect(cluster.journal.requests({ code: HEART_BEAT }), 'once is enough').to.have.lengthOf(1);
      expect(client.heartbeats.isTaken(address)).to.equal(true);
      cluster.broker('broker-a').disconnect();
      await turns(20);
      expect(client.heartbeats.isTaken(address), 'that connection is gone').to.equal(false);
      clock.jump(1);
      cluster.faults.add({ code: HEART_BEAT, times: 1, action: { type: 'answer', code: 1 } });
      await rejection(client.introduce('broker-a'), BrokerError);
      expect(client.heartbeats.isTaken(address)).to.equal(false);
      await client.introduce('broker-a');
      expect(client.heartbeats.isTaken(address)).to.equal(true);
    });

    it('get one heartbeat when the connection was made for it', async () => {
      const { client, consumer } = await joined();
      consumer.told.length = 0;
      await client.heartbeats.beatAll();
      await turns();
      expect(cluster.journal.requests({ code: HEART_BEAT })).to.have.lengthOf(1);
      expect(consumer.told).to.deep.include('broker-a is back');
    });

    it('are told of to consumers before anything is sent on a new connection', async () => {
      await start();
      const client = acquire();
      let end = Number.POSITIVE_INFINITY;
      client.registerConsumer({ ...member(), masterConnected: () => (end = Number.NEGATIVE_INFINITY) });
      await client.routes.fetch('T');
      const sendBefore = (): number => end;
      const waiting = client.callMaster('broker-a', getMaxOffset, { topic: 'T', queueId: 0 }, 1_000, { sendBefore });
      expect((await rejection(waiting, TimeoutError)).message).to.contain('was not sent');
      expect(cluster.journal.requests({ code: GET_MAX_OFFSET })).to.deep.equal([]);
    });

    it('whose replica takes over are told of as if newly connected, and no replica else', async () => {
      const { client, consumer } = await joined({ brokers: [{ name: 'broker-a', replicas: 1 }] });
      const master = cluster.broker('broker-a');
      const [replica] = master.replicas;
      await client.heartbeats.beatAll();
      await turns();
      const news = (): string[] => consumer.told.filter((what) => what.startsWith('connected'));
      expect(news(), 'of two connections').to.deep.equal(['connected to broker-a']);
      await client.routes.fetch('T');
      expect(news()).to.have.lengthOf(1);
      master.setBrokerId(1);
      replica?.setBrokerId(0);
      await client.routes.fetch('T');
      await turns(20);
      expect(client.routes.brokerAddress('broker-a')).to.equal(replica?.address);
      expect(news()).to.deep.equal(['connected to broker-a', 'connected to broker-a']);
      expect(consumer.told.at(-1)).to.equal('broker-a is back');
    });

    it('are told of although no route names them as a master just then: they may be named again', async () => {
      const { client, consumer } = await joined();
      await client.heartbeats.beatAll();
      const broker = cluster.broker('broker-a');
      broker.setBrokerId(1);
      await client.routes.fetch('T');
      consumer.told.length = 0;
      broker.disconnect();
      await turns(20);
      await client.heartbeats.beatAll();
      expect(consumer.told).to.include('connected to broker-a');
    });

    it('that are name servers get none', async () => {
      await start();
      const client = acquire();
      client.registerConsumer(member());
      await client.routes.fetch('T');
      expect(cluster.journal.requests().map(({ broker }) => broker)).to.deep.equal(['namesrv']);
    });
  });

  it('tells its consumers when a route has changed, and nobody any more when it is closed', async () => {
    const { client, consumer } = await joined();
    expect(consumer.told).to.deep.equal(['route changed']);
    cluster.updateTopic('T', { queues: 3 });
    await client.routes.fetch('T');
    expect(consumer.told).to.deep.equal(['route changed', 'route changed']);
    client.routes.track('T');
    const released = release(client);
    await released;
    expect(clock.timerCount).to.equal(0);
    expect(consumer.told).to.have.lengthOf(2);
  });
});
