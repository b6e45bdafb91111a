import { expect } from 'chai';
import sinon from 'sinon';
import { MockCluster } from 'rocketmq-ordered/mock-broker';
import { OrderTotals } from './order-totals.mjs';

describe('OrderTotals, with fake timers', () => {
  let timers;
  let cluster;
  let service;

  beforeEach(async () => {
    // Sockets go by setImmediate and nextTick: these stay real.
    timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
    cluster = await MockCluster.start({ topics: { Orders: { queues: 1 } } });
  });

  afterEach(async () => {
    timers.restore();
    await service.close();
    await cluster.stop();
  });

  /** Lets time pass, since the client's own short pauses go by it, too. */
  async function until(condition) {
    while (!condition(service)) await timers.tickAsync(1);
  }

  it('waits a second for an order it does not know yet', async () => {
    const known = new Set();
    service = new OrderTotals({ namesrvAddr: cluster.namesrvAddr }, (order) => known.has(order));
    await service.start();
    cluster.produce('Orders', { body: JSON.stringify({ order: 'o-17', cents: 900 }), shardingKey: 'o-17' });
    await until(({ waits }) => waits === 1);

    known.add('o-17');
    await timers.tickAsync(999);
    expect(service.totals.size).to.equal(0);
    await timers.tickAsync(1);
    expect([...service.totals]).to.deep.equal([['o-17', 900]]);
    expect(service.waits).to.equal(1);
  });
});
