import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { planJobs, runJob, type Job, type Tally } from './campaign.js';
import { buildInput, makeCase } from './case.js';
import { describeFailure, summary } from './report.js';
import { supervise } from './supervisor.js';
import { targets } from './targets/index.js';

/**
 * `npm run test:fuzz -- [--cases N] [--seed N] [--target NAME] [--workers N] [--hang MS]`: fuzzes every decoder, or one.
 * With `--case K` that case of the target alone, in this process.
 */

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '300000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
    case: { type: 'string' },
    workers: { type: 'string' },
    hang: { type: 'string', default: '60000' },
  },
});

function wholeNumber(name: string, text: string, least = 0): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < least) throw new Error(`--${name} is a number of ${least} or more, not ${text}`);
  return Number(text);
} // prettier-ignore

const seed = wholeNumber('seed', values.seed);
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0) throw new Error(`no such target; there are ${targets.map(({ name }) => name).join(', ')}`);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function conclude(tallies: ReadonlyMap<string, Tally>): void {
  print(summary(tallies));
  const failures = [...tallies.values()].flatMap((tally) => tally.failures);
  for (const failure of failures) print(`\n${describeFailure(failure)}`);
  print(failures.length === 0 ? '\nno failure' : `\n${failures.length} failures`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

async function replay(number: number): Promise<void> {
  const [target] = chosen;
  if (target === undefined || chosen.length > 1) throw new Error('--case needs --target');
  const input = buildInput(makeCase(target, seed, number));
  print(`${input.length} bytes: ${input.toString('hex')}`);
  const job: Job = { target: target.name, seed, from: number, to: number + 1 };
  conclude(new Map([[target.name, await runJob(target, job)]]));
}

async function campaign(): Promise<void> {
  const jobs = planJobs(chosen, seed, wholeNumber('cases', values.cases, 1));
  const cases = jobs.reduce((sum, job) => sum + job.to - job.from, 0);
  const workers = wholeNumber('workers', values.workers ?? String(Math.min(2, availableParallelism())), 1);
  print(`${cases} cases of ${chosen.length} targets with seed ${seed} in ${workers} processes, Node ${process.versions.node}`);
  const start = performance.now();
  const early = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => early.abort());
  let shown = 0;
  const tallies = await supervise(chosen, jobs, {
    targetsFile: fileURLToPath(new URL('./targets/index.ts', import.meta.url)),
    workers,
    signal: early.signal,
    hangMs: wholeNumber('hang', values.hang, 1),
    onProgress(done) {
      if (done - shown < cases / 20) return;
      shown = done;
      print(`${done} cases after ${((performance.now() - start) / 1_000).toFixed(0)} s`);
    },
  });
  const seconds = (performance.now() - start) / 1_000;
  conclude(tallies);
  const done = [...tallies.values()].reduce((sum, tally) => sum + tally.cases, 0);
  print(`${done} cases in ${seconds.toFixed(1)} s, ${(done / seconds).toFixed(0)} a second`);
} // prettier-ignore

await (values.case === undefined ? campaign() : replay(wholeNumber('case', values.case)));
