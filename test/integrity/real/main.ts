import { parseArgs } from 'node:util';
import { Producer } from '../../../lib/index.js';
import { seededRandom } from '../../../mock-broker/faults/random.js';
import { startRealCluster, type RealClusterOptions } from '../../support/real-cluster.js';
import { isRocketMQVersion, type RocketMQVersion } from '../../support/rocketmq-java.js';
import { BROKER_SCENARIOS } from './broker-scenarios.js';
import { compileMember } from './compiled-member.js';
import { Observer } from './observer.js';
import { PEER_SCENARIOS } from './peer-scenarios.js';
import { play, type Outcome, type Scenario, type Spread, type Stage } from './scenario.js';
import { SCENARIOS } from './scenarios.js';
import type { World } from './test-group.js';

/**
 * `npm run test:integrity -- --real [version] [--long minutes] [--seed number] [--grep pattern]
 * [--keep folder for histories]`: groups of real processes
 * on Apache RocketMQ, 5.5.0 unless told otherwise, under faults of every kind. What concerns members alone runs side by
 * side on one cluster; what touches servers runs one after the other on another, at the same time. With `--long` all of
 * it again and again until the time is over, the faults lasting now shorter, now longer.
 */

interface Settings {
  readonly version: RocketMQVersion;
  readonly grep: RegExp;
  readonly spread: Spread;
  readonly round: number;
  readonly keep: string | undefined;
}

/** Resolves for all who wait once so many have come. Who comes again does not count. */
function barrier(count: number, onOpen: () => void): () => () => Promise<void> {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve)).then(onOpen);
  let missing = count;
  return () => {
    let come = false;
    return () => {
      if (!come && --missing === 0) open();
      come = true;
      return opened;
    };
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function withWorld<T>(options: RealClusterOptions, use: (world: World) => Promise<T>): Promise<T> {
  const cluster = await startRealCluster(options);
  const upstreams = cluster.brokers.map(({ name, address, isSlave }) => ({ name, address, slave: isSlave }));
  const observer = new Observer(cluster.masters);
  // A message that fails is not sent again: what is stored at an offset is what was acknowledged there.
  const producer = new Producer({ namesrvAddr: cluster.namesrvAddr, retryTimesWhenSendFailed: 0 });
  try {
    await producer.start();
    return await use({ cluster, upstreams, producer, observer, memberProgram: await compileMember() });
  } finally {
    await producer.close();
    await observer.close();
    await cluster.stop();
  }
}

async function playOne(scenario: Scenario, stage: Stage): Promise<Outcome> {
  const outcome = await play(scenario, stage);
  const { name, failures, seconds, calls, redelivered, zeroLagMs, handoverMs } = outcome;
  const figures = `${seconds} s, ${calls} calls, ${redelivered} again, no lag after ${zeroLagMs ?? '-'} ms, hand-over ${handoverMs ?? '-'} ms`;
  say(`${failures.length === 0 ? 'ok    ' : 'FAILED'} ${name} (${figures})`);
  for (const failure of failures) say(failure.replaceAll(/^/gm, '       '));
  return outcome;
}

function chosen(scenarios: readonly Scenario[], { grep }: Settings): Scenario[] {
  return scenarios.filter(({ name }) => grep.test(name));
}

/** Side by side. */
async function playMembers(settings: Settings): Promise<Outcome[]> {
  const scenarios = chosen([...SCENARIOS, ...PEER_SCENARIOS], settings);
  if (scenarios.length === 0) return [];
  const { version, round, spread, keep } = settings;
  const begun = performance.now();
  const arrive = barrier(scenarios.length, () => {
    say(`all groups consume after ${Math.round((performance.now() - begun) / 1_000)} s; now the faults`);
  });
  return withWorld({ version, brokers: 2 }, (world) =>
    Promise.all(
      scenarios.map((scenario, index) =>
        playOne(scenario, { world, id: `members-${round}-${index}`, spread, ready: arrive(), keep }),
      ),
    ),
  );
}

/** One after the other. */
async function playServers(settings: Settings): Promise<Outcome[]> {
  const scenarios = chosen(BROKER_SCENARIOS, settings);
  if (scenarios.length === 0) return [];
  const { version, round, spread, keep } = settings;
  return withWorld({ version, brokers: 2, slave: true }, async (world) => {
    const outcomes: Outcome[] = [];
    for (const [index, scenario] of scenarios.entries()) {
      const stage: Stage = { world, id: `servers-${round}-${index}`, spread, ready: () => Promise.resolve(), keep };
      outcomes.push(await playOne(scenario, stage));
    }
    return outcomes;
  });
}

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      long: { type: 'string' },
      seed: { type: 'string' },
      grep: { type: 'string' },
      keep: { type: 'string' },
      real: { type: 'boolean' },
    },
  });
  const [version = '5.5.0'] = positionals;
  if (!isRocketMQVersion(version)) throw new Error(`no version of Apache RocketMQ that is known here: ${version}`);
  const begun = performance.now();
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const minutes = Number(values.long ?? 0);
  const random = seededRandom(seed);
  const grep = new RegExp(values.grep ?? '', 'i');
  if (minutes > 0) say(`seed ${seed}`);
  const outcomes: Outcome[] = [];
  for (let round = 1; round === 1 || performance.now() - begun < minutes * 60_000; round++) {
    const spread: Spread = minutes > 0 ? (ms) => Math.round(ms * (0.5 + random())) : (ms) => ms;
    const settings: Settings = { version, grep, spread, round, keep: values.keep };
    say(`== Apache RocketMQ ${version}, round ${round}`);
    outcomes.push(...(await Promise.all([playMembers(settings), playServers(settings)])).flat());
  }
  return summarize(version, outcomes, Math.round((performance.now() - begun) / 1_000));
}

function summarize(version: string, outcomes: readonly Outcome[], seconds: number): boolean {
  const failed = outcomes.filter(({ failures }) => failures.length > 0);
  const calls = outcomes.reduce((sum, outcome) => sum + outcome.calls, 0);
  const redelivered = outcomes.reduce((sum, outcome) => sum + outcome.redelivered, 0);
  say(
    `\n== Apache RocketMQ ${version}: ${outcomes.length} scenarios, ${calls} calls judged, ${redelivered} again, ${seconds} s`,
  );
  for (const { name } of failed) say(`FAILED: ${name}`);
  if (outcomes.length === 0) say('no scenario has such a name');
  return failed.length === 0 && outcomes.length > 0;
}

// What a failed scenario may have left must not hold the run: processes of its own end with this one.
process.exit((await main()) ? 0 : 1);
