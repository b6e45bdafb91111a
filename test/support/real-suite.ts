import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { OwnedProcess } from './owned-process.js';
import { startRealCluster, type RealCluster } from './real-cluster.js';
import { serveControl, type ControlServer } from './real-control.js';
import type { ClusterFile } from './real-env.js';
import { isRocketMQVersion, ROCKETMQ_VERSIONS, type RocketMQVersion } from './rocketmq-java.js';

/**
 * `npm run test:real [-- <version>... [mocha options]]`: runs test/real against a two-broker cluster of each version,
 * one after the other. What is no version goes to mocha: `npm run test:real -- 5.5.0 --grep rebalance`.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** A takeover after a killed member alone takes up to 80 s: the broker's lock expires after 60 s, then a rebalance. */
const TEST_TIMEOUT_MS = 120_000;
/** For the whole of one version; a hung run must not hold the build machine. */
const RUN_TIMEOUT_MS = 10 * 60_000;

interface Outcome {
  readonly version: RocketMQVersion;
  readonly failure: string | undefined;
  readonly seconds: number;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function runVersion(version: RocketMQVersion, mochaArgs: readonly string[]): Promise<Outcome> {
  const begin = performance.now();
  const seconds = (): number => Math.round((performance.now() - begin) / 1000);
  let cluster: RealCluster | undefined;
  let control: ControlServer | undefined;
  try {
    say(`\n== Apache RocketMQ ${version}: starting a name server and two brokers`);
    cluster = await startRealCluster({ version, brokers: 2 });
    control = await serveControl(cluster);
    say(`== ready after ${seconds()} s: ${cluster.namesrvAddr}`);
    const failure = await runMocha(cluster, control, mochaArgs);
    return { version, failure, seconds: seconds() };
  } catch (error) {
    return {
      version,
      failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
      seconds: seconds(),
    };
  } finally {
    await control?.close();
    await cluster?.stop();
  }
}

async function runMocha(
  cluster: RealCluster,
  control: ControlServer,
  mochaArgs: readonly string[],
): Promise<string | undefined> {
  const file = join(cluster.dir, 'cluster.json');
  writeFileSync(file, JSON.stringify({ cluster: cluster.describe(), controlUrl: control.url } satisfies ClusterFile));
  const mocha = await OwnedProcess.spawn(
    process.execPath,
    [
      '--import=tsx', '--enable-source-maps', '--no-experimental-require-module',
      'node_modules/mocha/bin/mocha.js', '--no-config',
      '--forbid-only', '--forbid-pending', '--timeout', String(TEST_TIMEOUT_MS),
      // A test that failed may leave its members running; they must not hold the run.
      '--exit',
      ...mochaArgs, 'test/real/**/*.test.ts',
    ], // prettier-ignore
    {
      cwd: ROOT,
      env: {
        ...process.env,
        ROCKETMQ_NAMESRV: cluster.namesrvAddr,
        ROCKETMQ_VERSION: cluster.version,
        ROCKETMQ_CLUSTER: file,
      },
    },
  );
  mocha.child.stdin.end();
  mocha.child.stdout.pipe(process.stdout, { end: false });
  const failures = collectFailures(mocha.child.stdout);
  mocha.child.stderr.pipe(process.stderr, { end: false });
  const inTime = await mocha.endedWithin(RUN_TIMEOUT_MS);
  if (!inTime) return `took longer than ${RUN_TIMEOUT_MS / 60_000} minutes and was killed`;
  const { code, signal } = await mocha.exited;
  if (code === 0) return undefined;
  return signal === null ? `mocha ended with code ${code}\n${failures()}` : `mocha was ended by ${signal}`;
}

/** What mocha prints of its failures, after all tests, to be repeated where a reader of a long log looks: at its end. */
function collectFailures(stdout: Readable): () => string {
  let text = '';
  stdout.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-100_000);
  });
  return () => /^.*\d+ failing[^]*/m.exec(text)?.[0] ?? '(it listed no failures)';
}

async function main(args: readonly string[]): Promise<number> {
  const asked = args.filter(isRocketMQVersion);
  const mochaArgs = args.filter((arg) => !isRocketMQVersion(arg));
  const outcomes: Outcome[] = [];
  for (const version of asked.length > 0 ? asked : ROCKETMQ_VERSIONS)
    outcomes.push(await runVersion(version, mochaArgs));
  say('\n== summary');
  for (const { version, failure, seconds } of outcomes) {
    say(`Apache RocketMQ ${version}: ${failure === undefined ? 'passed' : `FAILED: ${failure}`} (${seconds} s)`);
  }
  return outcomes.every(({ failure }) => failure === undefined) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
