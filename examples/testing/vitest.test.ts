import { expect, test } from 'vitest';
import { MockCluster } from 'rocketmq-ordered/mock-broker';
import { OrderTotals } from './order-totals.mjs';

test('goes on where the service before it stopped', async () => {
  await using cluster = await MockCluster.start({ topics: { Orders: { queues: 4 } } });
  const pay = (cents: number) =>
    cluster.produce('Orders', { body: JSON.stringify({ order: 'o-17', cents }), shardingKey: 'o-17' });

  const before = new OrderTotals({ namesrvAddr: cluster.namesrvAddr });
  await before.start();
  pay(900);
  await before.until(({ totals }) => totals.size === 1);
  await before.close();

  pay(-200);
  const after = new OrderTotals({ namesrvAddr: cluster.namesrvAddr });
  await after.start();
  await after.until(({ totals }) => totals.size === 1);
  await after.close();
  expect([...after.totals]).toEqual([['o-17', -200]]);
});
