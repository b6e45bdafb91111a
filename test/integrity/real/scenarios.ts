import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/until.js';
import { monotonicMicros } from './history.js';
import type { Scenario } from './scenario.js';
import type { Member, TestGroup } from './test-group.js';

/** Faults of members and of their ways to the brokers. Each has its own group and proxies: they may run side by side. */

/** A broker lets go of a lock 60 s after its last renewal; then a rebalance, and what has piled up meanwhile. */
const AFTER_LOCK_EXPIRY_MS = 100_000;
const SHORT_LEASE = { renewEvery: 1_500, validFor: 5_000 };
const ORPHANS = { consumer: { lease: SHORT_LEASE, orphanLocks: 'release' }, leaseMs: 5_000 } as const;

/** So many messages of each queue wait when a process is stopped: it could go on with them at once, without a pull. */
const BUFFERED = 15;

/** Stops a process and lets it go on. */
async function paused(group: TestGroup, member: Member, ms: number): Promise<void> {
  await group.traffic.burst(BUFFERED);
  await untilInCall(group, member);
  await group.fault('paused', member.name, async () => {
    member.process.pause();
    await pause(ms);
    member.process.resume();
  });
}

/** The same, while its brokers see that it is gone, and it does not. */
async function pausedAndCutOff(group: TestGroup, member: Member, ms: number): Promise<void> {
  await group.traffic.burst(BUFFERED);
  await untilInCall(group, member);
  await group.fault('paused', member.name, async () => {
    member.process.pause();
    for (const proxy of member.network.all) proxy.resetAll();
    await pause(ms);
    member.process.resume();
  });
}

function stopped(ms: number): Scenario {
  return {
    name: `SIGSTOP for ${ms / 1_000} s`,
    run: async (group, spread) => paused(group, group.member('m2'), spread(ms)),
  };
}

/** A cut between one member and one broker. */
function cut(
  name: string,
  ms: number,
  options: {
    readonly directions?: readonly ('up' | 'down')[];
    readonly held: 'deliver' | 'drop';
    readonly seen?: boolean;
  },
): Scenario {
  return {
    name,
    run: async (group, spread) => {
      const member = group.ownerAt('broker-a');
      const proxy = member.network.broker('broker-a');
      await group.fault('cut', member.name, async () => {
        proxy.cut(...(options.directions ?? []));
        if (options.seen === true) proxy.resetServers();
        await pause(spread(ms));
        proxy.heal(options.held);
      });
    },
  };
}

/** Waits for a moment in which a listener of this member runs. */
async function untilInCall(group: TestGroup, member: Member): Promise<void> {
  const since = monotonicMicros();
  await until(
    `${member.name} is in a call`,
    async () => {
      member.reader.update();
      const inCall = group.history.calls.some((call) => call.member === member.name && call.begin >= since && call.end === undefined); // prettier-ignore
      return inCall || undefined;
    },
    { everyMs: 10 },
  );
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'SIGKILL',
    zeroLagMs: AFTER_LOCK_EXPIRY_MS,
    run: async (group) => group.kill(group.member('m2')),
  },
  stopped(10_000),
  stopped(40_000),
  stopped(90_000),
  {
    name: 'SIGSTOP in a call for 75 s, seen by the brokers',
    everyMs: 1_000,
    waitMs: 300,
    zeroLagMs: 90_000,
    run: async (group) => pausedAndCutOff(group, group.member('m2'), 75_000),
  },
  {
    name: 'SIGSTOP for 80 s, seen by the brokers',
    run: async (group, spread) => pausedAndCutOff(group, group.member('m1'), spread(80_000)),
  },
  {
    name: 'SIGSTOP for 10 s with a lease of 5 s',
    ...ORPHANS,
    run: async (group, spread) => paused(group, group.member('m3'), spread(10_000)),
  },
  {
    name: 'SIGSTOP for 10 s with a lease of 5 s, seen by the brokers',
    ...ORPHANS,
    run: async (group, spread) => pausedAndCutOff(group, group.member('m3'), spread(10_000)),
  },
  {
    name: 'SIGKILL with a lease of 5 s',
    ...ORPHANS,
    zeroLagMs: 30_000,
    run: async (group) => group.kill(group.member('m1')),
  },
  cut('one broker cut off for 20 s, bytes late', 20_000, { held: 'deliver' }),
  cut('one broker cut off for 75 s, bytes lost', 75_000, { held: 'drop' }),
  cut('one broker cut off for 75 s, seen by the broker', 75_000, { held: 'drop', seen: true }),
  cut('what a member sends is lost for 45 s', 45_000, { directions: ['up'], held: 'drop' }),
  cut('what a broker sends is lost for 45 s', 45_000, { directions: ['down'], held: 'drop' }),
  {
    name: 'a lease of 5 s, one broker cut off for 15 s, seen by the broker',
    ...ORPHANS,
    run: cut('', 15_000, { held: 'drop', seen: true }).run,
  },
  {
    name: 'a slow link: 200 ms, 64 KB/s, in pieces',
    run: async (group) => {
      const { network } = group.member('m1');
      for (const proxy of network.all) proxy.shape({ latencyMs: 200, bytesPerSecond: 64 * 1024, maxWrite: 7 });
      await pause(20_000);
      // Nobody leaves while the link is slow: a new member must come in on it as well.
      await group.kill(group.member('m3'));
      await group.join('m4');
      for (const proxy of group.member('m4').network.all) proxy.shape({ latencyMs: 200, bytesPerSecond: 64 * 1024 });
      await pause(20_000);
      for (const member of group.running()) for (const proxy of member.network.all) proxy.shape({});
    },
    zeroLagMs: AFTER_LOCK_EXPIRY_MS,
  },
  {
    name: 'connections reset every second for 20 s',
    ghosts: true,
    run: async (group) => {
      const member = group.member('m2');
      await group.fault('cut', member.name, async () => {
        for (let round = 0; round < 20; round++) {
          for (const proxy of member.network.all) proxy.resetAll();
          await pause(1_000);
        }
      });
    },
  },
  {
    name: 'the way to the name server closed for 30 s',
    run: async (group) => {
      const proxies = group.running().map(({ network }) => network.nameServer);
      for (const proxy of proxies) {
        proxy.refuse(true);
        proxy.resetAll();
      }
      await pause(30_000);
      await group.untilMoving(15_000);
      for (const proxy of proxies) proxy.refuse(false);
      await group.join('m4');
      await group.untilShared(4);
    },
  },
];
