import { expect } from 'chai';
import { OrderedConsumer } from '../../../lib/index.js';
import { MockCluster } from '../../../mock-broker/index.js';
import { until } from '../../support/until.js';
import { emptyHistory, type History } from './history.js';
import { MemberNetwork } from './member-network.js';

/** The ways of a member to a cluster, on the mock's: what they lead through, and what is read on them. */
describe("a member's network", () => {
  let cluster: MockCluster;
  let network: MemberNetwork;
  let history: History;
  let consumer: OrderedConsumer;

  beforeEach(async () => {
    cluster = await MockCluster.start({ brokers: 2, topics: { Orders: { queues: 2 } } });
    history = emptyHistory();
    const upstreams = cluster.brokers.map(({ name, address }) => ({ name, address }));
    network = await MemberNetwork.open('m1', 'Orders', cluster.namesrvAddr, upstreams, history);
    consumer = new OrderedConsumer({
      namesrvAddr: network.namesrvAddr,
      consumerGroup: 'billing',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    consumer.subscribe('Orders');
    // A broken connection is what a test wants.
    consumer.on('error', () => undefined);
  });

  afterEach(async () => {
    await consumer.close();
    await network.close();
    await cluster.stop();
  });

  /** Starts the consumer; resolves when it has owned all four queues and got this many messages. */
  async function consumed(count: number): Promise<void> {
    let missing = count;
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (done = resolve));
    await consumer.start(() => {
      if (--missing === 0) done();
    });
    await all;
  }

  it('leads to every broker through a proxy, though brokers tell their own addresses', async () => {
    for (const queueId of [0, 1]) {
      cluster.produce('Orders', { body: 'a', brokerName: 'broker-a', queueId });
      cluster.produce('Orders', { body: 'b', brokerName: 'broker-b', queueId });
    }
    await consumed(4);
    for (const broker of ['broker-a', 'broker-b']) expect(network.broker(broker).accepted).to.be.greaterThan(0);
    expect(() => network.broker('broker-c')).to.throw('no proxy');
  });

  it('notes locks, commits and unlocks as they pass', async () => {
    cluster.produce('Orders', { body: 'a', brokerName: 'broker-a', queueId: 0 });
    await consumed(1);
    await consumer.close();
    const granted = history.locks.flatMap((lock) => lock.granted);
    expect([...new Set(granted)].sort()).to.deep.equal(['broker-a#0', 'broker-a#1', 'broker-b#0', 'broker-b#1']);
    for (const { member, askedAt, answeredAt } of history.locks) {
      expect(member).to.equal('m1');
      expect(answeredAt).to.be.at.least(askedAt);
    }
    const last = history.commits.findLast(({ queue }) => queue === 'broker-a#0');
    expect(last).to.include({ member: 'm1', offset: 1 });
    expect(last?.answeredAt).to.be.at.least(last?.at ?? Number.POSITIVE_INFINITY);
    expect(history.unlocks.flatMap(({ queues }) => queues).sort()).to.deep.equal([...new Set(granted)].sort());
    expect(history.unlocks.every(({ at }) => at >= (last?.answeredAt ?? 0) || last === undefined)).to.equal(true);
  });

  it('a cut way keeps the member from the broker', async () => {
    cluster.produce('Orders', { body: 'a', brokerName: 'broker-a', queueId: 0 });
    await consumed(1);
    const disconnected = new Promise((resolve) => consumer.once('disconnected', resolve));
    network.broker('broker-b').refuse(true);
    network.broker('broker-b').resetAll();
    await disconnected;
    // The member has heard of it; the proxy's other end may still have to.
    await until('no connection is left', () =>
      Promise.resolve(network.broker('broker-b').connections === 0 || undefined),
    );
    network.broker('broker-b').refuse(false);
  });
});
