import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/until.js';
import type { Scenario } from './scenario.js';
import type { TestGroup } from './test-group.js';

/** Faults of servers: one after the other, on a cluster whose first broker has a slave. */

/** So long a broker is away. */
const AWAY_MS = 8_000;
/** A name server hears of a broker that says nothing when its connection breaks. */
const NOTICED_MS = 10_000;

/** The first broker goes, stays away, and comes back. */
async function brokerAway(group: TestGroup, how: 'kill' | 'stop', during: () => Promise<void>): Promise<void> {
  const broker = group.world.cluster.broker('broker-a');
  await group.fault(how === 'kill' ? 'broker killed' : 'broker stopped', broker.name, async () => {
    await broker[how]();
    await during();
    await broker.start();
  });
}

/** The slave is in its place in the route, and the master is not. */
async function untilOnlySlave(group: TestGroup): Promise<void> {
  const { protocolAdmin } = group.world.cluster;
  await until(
    'the name server knows only the slave',
    async () => {
      const [masters, slaves] = await Promise.all([protocolAdmin.brokers(0), protocolAdmin.brokers(1)]);
      return (!masters.has('broker-a') && slaves.has('broker-a')) || undefined;
    },
    { timeoutMs: NOTICED_MS },
  );
}

export const BROKER_SCENARIOS: readonly Scenario[] = [
  {
    name: 'master killed with a slave present',
    run: (group, spread) =>
      brokerAway(group, 'kill', async () => {
        await untilOnlySlave(group);
        await pause(spread(AWAY_MS));
      }),
  },
  {
    name: 'broker killed and restarted when its queues had just gone quiet',
    run: async (group, spread) => {
      await pause(3_000);
      // The last commits are younger than what the broker has written: it comes back without them.
      await group.traffic.stop();
      await group.untilDone();
      await brokerAway(group, 'kill', () => pause(spread(1_000)));
    },
    quiet: true,
  },
  {
    name: 'broker stopped in order and restarted',
    run: (group, spread) => brokerAway(group, 'stop', () => pause(spread(AWAY_MS))),
  },
  {
    name: 'name server killed and restarted',
    run: async (group, spread) => {
      const { cluster } = group.world;
      await cluster.killNameServer();
      await pause(spread(AWAY_MS));
      await group.untilMoving(15_000);
      const failure = await group.join('m4').then(
        () => 'it started',
        (error: unknown) => String(error),
      );
      expect(failure, 'a new member without a name server').to.include('ERR_ROCKETMQ_NO_NAME_SERVER');
      await cluster.startNameServer();
      for (const broker of cluster.brokers) await cluster.protocolAdmin.registerNow(broker.address);
      await group.join('m5');
      await group.untilShared(4);
    },
  },
];
