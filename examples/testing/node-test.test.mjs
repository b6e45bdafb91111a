import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MockCluster } from 'rocketmq-ordered/mock-broker';
import { OrderTotals } from './order-totals.mjs';

test('adds up an order', async (t) => {
  const cluster = await MockCluster.start({ topics: { Orders: { queues: 4 } } });
  t.after(() => cluster.stop());
  const service = new OrderTotals({ namesrvAddr: cluster.namesrvAddr });
  t.after(() => service.close());
  await service.start();

  cluster.produce('Orders', { body: JSON.stringify({ order: 'o-17', cents: 900 }), shardingKey: 'o-17' });
  cluster.produce('Orders', { body: JSON.stringify({ order: 'o-17', cents: -200 }), shardingKey: 'o-17' });
  await service.until(({ totals }) => totals.get('o-17') === 700);

  assert.deepEqual([...service.totals], [['o-17', 700]]);
});
