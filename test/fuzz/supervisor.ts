import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addTally, emptyTally, type CaseFailure, type Job, type Tally } from './campaign.js';
import { buildInput, makeCase } from './case.js';
import type { Failure } from './judge.js';
import type { FuzzTarget } from './target.js';

/** How a campaign is carried out. */
export interface Supervision {
  /** The module that exports `targets`, a file's path. */
  readonly targetsFile: string;
  /** Processes at a time. */
  readonly workers: number;
  /** A case that takes longer never ends. Wall clock, milliseconds. */
  readonly hangMs: number;
  /** Ends the campaign before its time: what is under way is finished. */
  readonly signal?: AbortSignal;
  /** Called after each job. */
  readonly onProgress?: (cases: number) => void;
}

type Outcome =
  { readonly tally: Tally } | { readonly lost: 'crash' | 'hang'; readonly number: number; readonly how: string };

/** Runs the jobs; what they take down is a process, and what it was at is a failure like any other. */
export async function supervise(
  targets: readonly FuzzTarget[],
  jobs: readonly Job[],
  supervision: Supervision,
): Promise<Map<string, Tally>> {
  const tallies = new Map(targets.map(({ name }) => [name, emptyTally()]));
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const waiting = [...jobs];
  let cases = 0;
  const work = async (index: number): Promise<void> => {
    const worker = new Worker(supervision, join(folder, `worker-${index}`));
    try {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        if (supervision.signal?.aborted === true) return;
        const sum = tallies.get(job.target) as Tally;
        const outcome = await worker.run(job);
        if ('tally' in outcome) {
          addTally(sum, outcome.tally);
          cases += outcome.tally.cases;
          supervision.onProgress?.(cases);
        } else {
          sum.failures.push(lostCase(targets, job, outcome));
          // What came before it was seen and is not counted; what comes after it is still to do.
          if (outcome.number + 1 < job.to) waiting.unshift({ ...job, from: outcome.number + 1 });
        }
      }
    } finally {
      await worker.end();
    }
  };
  try {
    await Promise.all(Array.from({ length: supervision.workers }, (_, index) => work(index)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return tallies;
}

function lostCase(targets: readonly FuzzTarget[], job: Job, outcome: Exclude<Outcome, { tally: Tally }>): CaseFailure {
  const target = targets.find(({ name }) => name === job.target) as FuzzTarget;
  const failure: Failure = { kind: outcome.lost, sign: outcome.how, detail: outcome.how };
  const input = buildInput(makeCase(target, job.seed, outcome.number));
  return { ...failure, target: job.target, seed: job.seed, number: outcome.number, input: input.toString('hex') };
}

/** A process that works on one job at a time, and is replaced when it was lost. */
class Worker {
  readonly #supervision: Supervision;
  readonly #progressFile: string;
  #child: ChildProcess | undefined;

  constructor(supervision: Supervision, progressFile: string) {
    this.#supervision = supervision;
    this.#progressFile = progressFile;
  }

  async run(job: Job): Promise<Outcome> {
    const child = await this.#ready();
    const end = new AbortController();
    const { signal } = end;
    let isHanging = false;
    let seen = -1;
    const watch = setInterval(() => {
      const number = this.#lastCase(job);
      if (number === seen) {
        isHanging = true;
        child.kill('SIGKILL');
      }
      seen = number;
    }, this.#supervision.hangMs);
    try {
      child.send(job);
      return await Promise.race([
        once(child, 'message', { signal }).then(([tally]) => ({ tally: tally as Tally })),
        once(child, 'exit', { signal }).then(([code, by]: (string | number | null)[]): Outcome => {
          this.#child = undefined;
          const how = isHanging ? `no end within ${this.#supervision.hangMs} ms` : `the process ended by ${by ?? code}`;
          return { lost: isHanging ? 'hang' : 'crash', number: this.#lastCase(job), how };
        }),
      ]);
    } finally {
      clearInterval(watch);
      end.abort();
    }
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.disconnect();
    await ended;
  }

  async #ready(): Promise<ChildProcess> {
    if (this.#child !== undefined) return this.#child;
    const file = fileURLToPath(new URL('./worker.ts', import.meta.url));
    const child = fork(file, [this.#supervision.targetsFile, this.#progressFile], {
      execArgv: ['--import=tsx', '--no-experimental-require-module'],
    });
    // A process that can't even begin ends without a word.
    await Promise.race([once(child, 'message'), once(child, 'exit').then(([code]) => failStart(code))]);
    this.#child = child;
    return child;
  }

  #lastCase(job: Job): number {
    const note = readFileSync(this.#progressFile);
    return note.length < 8 ? job.from : Math.max(job.from, note.readDoubleBE(0));
  }
}

function failStart(code: unknown): never {
  throw new Error(`a worker ended with ${String(code)} before it began`);
}
