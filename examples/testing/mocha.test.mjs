import { expect } from 'chai';
import { MockCluster } from 'rocketmq-ordered/mock-broker';
import { OrderTotals } from './order-totals.mjs';

describe('OrderTotals', () => {
  let cluster;
  let service;

  beforeEach(async () => {
    cluster = await MockCluster.start({ topics: { Orders: { queues: 4 } } });
    service = new OrderTotals({ namesrvAddr: cluster.namesrvAddr });
    await service.start();
  });

  afterEach(async () => {
    await service.close();
    await cluster.stop();
  });

  it('counts nothing twice when its connections break', async () => {
    cluster.produce('Orders', { body: JSON.stringify({ order: 'o-17', cents: 900 }), shardingKey: 'o-17' });
    await service.until(({ totals }) => totals.get('o-17') === 900);

    cluster.broker('broker-a').disconnect();
    await service.until(({ errors }) => errors.length > 0);

    cluster.produce('Orders', { body: JSON.stringify({ order: 'o-17', cents: 100 }), shardingKey: 'o-17' });
    await service.until(({ totals }) => totals.get('o-17') !== 900);
    expect([...service.totals]).to.deep.equal([['o-17', 1000]]);
  });
});
