import { buildInput, makeCase } from './case.js';
import { judge, LIMITS, type Failure, type Limits } from './judge.js';
import { shrinkCase } from './shrink.js';
import type { FuzzTarget } from './target.js';

/** A run of cases of one target. */
export interface Job {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

/** What became of the cases of a target. */
export interface Tally {
  cases: number;
  accepted: number;
  /** By the code of the error. */
  readonly rejected: Record<string, number>;
  bytes: number;
  slowest: { ms: number; number: number; bytes: number };
  greediest: { allocated: number; number: number; bytes: number };
  readonly failures: CaseFailure[];
}

export interface CaseFailure extends Failure {
  readonly target: string;
  readonly seed: number;
  readonly number: number;
  /** As small as it could be made; in hexadecimal. */
  readonly input: string;
}

export const emptyTally = (): Tally => ({
  cases: 0,
  accepted: 0,
  rejected: {},
  bytes: 0,
  slowest: { ms: 0, number: 0, bytes: 0 },
  greediest: { allocated: 0, number: 0, bytes: 0 },
  failures: [],
});

/** The same mistake is found many times over: this many of a kind are enough. */
const FAILURES_KEPT = 3;
/** Looks at smaller inputs that a failure is worth. */
const SHRINK_LOOKS = 3_000;

export interface JobOptions {
  /** Told of each case before it runs. */
  readonly before?: (number: number) => void;
  /** Default {@link LIMITS}. */
  readonly limits?: Limits;
  /** Milliseconds that are spent on making the input of a failure smaller. Default 5000. */
  readonly shrinkMs?: number;
}

/** Runs the cases of a job. */
export async function runJob(target: FuzzTarget, job: Job, options: JobOptions = {}): Promise<Tally> {
  const { before, limits = LIMITS } = options;
  const tally = emptyTally();
  for (let number = job.from; number < job.to; number++) {
    const fuzzCase = makeCase(target, job.seed, number);
    const input = buildInput(fuzzCase);
    before?.(number);
    const { verdict, ms, allocated } = await judge(target, input, limits);
    tally.cases += 1;
    tally.bytes += input.length;
    if (ms > tally.slowest.ms) tally.slowest = { ms, number, bytes: input.length };
    if (allocated > tally.greediest.allocated) tally.greediest = { allocated, number, bytes: input.length };
    if (verdict.outcome === 'accepted') tally.accepted += 1;
    else if (verdict.outcome === 'rejected') count(tally.rejected, verdict.code, 1);
    else if (isWanted(tally, verdict.failure)) {
      const smaller = await shrinkFailure(target, job, number, verdict.failure, options);
      tally.failures.push({ ...verdict.failure, target: target.name, seed: job.seed, number, input: smaller.toString('hex') });
    }
  }
  return tally;
} // prettier-ignore

function isWanted(tally: Tally, { kind, sign }: Failure): boolean {
  return tally.failures.filter((known) => known.kind === kind && known.sign === sign).length < FAILURES_KEPT;
}

async function shrinkFailure(
  target: FuzzTarget,
  { seed }: Job,
  number: number,
  failure: Failure,
  { limits = LIMITS, shrinkMs = 5_000 }: JobOptions,
): Promise<Buffer> {
  const stillFails = async (input: Buffer): Promise<boolean> => {
    const { verdict } = await judge(target, input, limits);
    return verdict.outcome === 'failed' && verdict.failure.kind === failure.kind && verdict.failure.sign === failure.sign;
  };
  const budget = { looks: SHRINK_LOOKS, until: performance.now() + shrinkMs };
  return shrinkCase(makeCase(target, seed, number), stillFails, budget);
} // prettier-ignore

export function addTally(sum: Tally, tally: Tally): void {
  sum.cases += tally.cases;
  sum.accepted += tally.accepted;
  for (const [code, times] of Object.entries(tally.rejected)) count(sum.rejected, code, times);
  sum.bytes += tally.bytes;
  if (tally.slowest.ms > sum.slowest.ms) sum.slowest = tally.slowest;
  if (tally.greediest.allocated > sum.greediest.allocated) sum.greediest = tally.greediest;
  sum.failures.push(...tally.failures);
}

function count(counts: Record<string, number>, name: string, times: number): void {
  counts[name] = (counts[name] ?? 0) + times;
}

/** The jobs of a campaign: `cases` in all, shared by weight. */
export function planJobs(targets: readonly FuzzTarget[], seed: number, cases: number): Job[] {
  const weights = targets.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const jobs: Job[] = [];
  for (const { name, weight = 1 } of targets) {
    const share = Math.ceil((cases * weight) / weights);
    for (let from = 0; from < share; from += JOB_CASES) {
      jobs.push({ target: name, seed, from, to: Math.min(share, from + JOB_CASES) });
    }
  }
  // The first cases of every target come first: a campaign that is ended early has seen all of them.
  return jobs.sort((a, b) => a.from - b.from);
}

const JOB_CASES = 20_000;
