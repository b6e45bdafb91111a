import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeOutcome } from './run.js';
import { MOST_STEPS, runSeed, shorten } from './seeds.js';

/**
 * `npm run test:simulation [-- --seeds 2000 --from 1 --steps 120 --jobs 2]`: runs that many seeds, one after the other in
 * each of so many processes, and tells what became of them. `--seed N` runs one, and shortens it when it fails.
 */

/** What a worker tells of its seeds. */
interface Report {
  readonly seed: number;
  readonly failed: boolean;
  /** The promise that was broken first. */
  readonly invariant: string | undefined;
  readonly virtualMs: number;
  readonly calls: number;
  readonly happenings: number;
  readonly recoveryMs: number;
  readonly cpuMs: number;
}

const USAGE = 'npm run test:simulation -- --seed';
const PROGRESS_EVERY_MS = 10_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    steps: { type: 'string', default: String(MOST_STEPS) },
    jobs: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    /** Ends at the first failure, without making it shorter. */
    first: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A worker: is sent seeds, sends back reports. */
function work(): void {
  process.on('message', (seed: number) => {
    void report(seed).then((result) => process.send?.(result));
  });
}

async function report(seed: number): Promise<Report> {
  const before = process.cpuUsage();
  const { breaches, virtualMs, calls, happenings, recoveryMs } = await runSeed(seed, steps);
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1_000;
  const [first] = breaches;
  const failed = first !== undefined;
  return { seed, failed, invariant: first?.invariant, virtualMs, calls, happenings, recoveryMs, cpuMs };
}

/** Hands seeds out to workers and gathers what they report. */
function runAll(seeds: readonly number[], jobs: number): Promise<Report[]> {
  const reports: Report[] = [];
  const waiting = [...seeds];
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const progress = setInterval(() => {
      if (!values.json) say(`${reports.length} of ${seeds.length} seeds, ${seconds(performance.now() - begin)} s`);
    }, PROGRESS_EVERY_MS);
    let working = 0;
    const over = (): void => {
      clearInterval(progress);
      resolve(reports);
    };
    for (let job = 0; job < Math.min(jobs, seeds.length); job++) {
      const worker = fork(fileURLToPath(import.meta.url), ['--worker', '--steps', String(steps)]);
      working++;
      const next = (): void => {
        const seed = waiting.shift();
        if (seed === undefined) worker.disconnect();
        else worker.send(seed);
      };
      worker.on('message', (result: Report) => {
        reports.push(result);
        if (result.failed && values.first) waiting.length = 0;
        next();
      });
      worker.once('exit', (code) => {
        if (code !== 0) reject(new Error(`a worker ended with ${code}`));
        else if (--working === 0) over();
      });
      next();
    }
  });
}

async function runOne(seed: number): Promise<number> {
  const outcome = await runSeed(seed, steps);
  if (describeOutcome(outcome) === undefined) {
    say(`seed ${seed}: ${outcome.calls} listener calls in ${minutes(outcome.virtualMs)} virtual minutes, all is well`);
    return 0;
  }
  await tell(seed);
  return 1;
}

async function tell(seed: number): Promise<void> {
  const { schedule, verdict } = await shorten(seed, steps);
  say(`\nseed ${seed} fails; the shortest schedule found that does:\n${JSON.stringify(schedule)}\n\n${verdict}`);
  say(`\nto see it again: ${USAGE} ${seed}${steps === MOST_STEPS ? '' : ` --steps ${steps}`}`);
}

async function main(): Promise<number> {
  if (values.seed !== undefined) return runOne(Number(values.seed));
  const from = Number(values.from);
  const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => from + index);
  const begin = performance.now();
  const reports = await runAll(seeds, Number(values.jobs));
  const tookMs = performance.now() - begin;
  const failed = reports.filter((one) => one.failed).sort((a, b) => a.seed - b.seed);
  if (values.json) {
    say(JSON.stringify({ seeds: reports.length, failed: failed.map(({ seed, invariant }) => ({ seed, invariant })) }));
    return failed.length > 0 ? 1 : 0;
  }
  const sum = (of: (one: Report) => number): number => reports.reduce((total, one) => total + of(one), 0);
  const virtual = sum(({ virtualMs }) => virtualMs);
  const cpu = sum(({ cpuMs }) => cpuMs);
  say(
    `${reports.length} seeds in ${seconds(tookMs)} s: ${minutes(virtual)} virtual minutes, ` +
      `${Math.round(virtual / cpu / 60)} of them in a second of processor time; ` +
      `${sum(({ calls }) => calls)} listener calls, ${sum(({ happenings }) => happenings)} events; ` +
      `everything consumed ${seconds(Math.max(...reports.map(({ recoveryMs }) => recoveryMs)))} s after the last trouble at the latest`,
  );
  for (const { seed, invariant } of failed) say(`seed ${seed} fails: ${invariant}`);
  if (failed[0] !== undefined) await tell(failed[0].seed);
  return failed.length > 0 ? 1 : 0;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

function minutes(ms: number): string {
  return (ms / 60_000).toFixed(1);
}

if (values.worker) work();
else process.exitCode = await main();
