import type { Display } from './display.js';

/** One of those that are compared. */
export interface Candidate<Result> {
  readonly name: string;
  run(onProgress: (done: number) => void): Promise<Result>;
}

export interface RoundsPlan<Result> {
  readonly candidates: readonly Candidate<Result>[];
  readonly rounds: number;
  readonly display: Pick<Display, 'doing' | 'done'>;
  /**
   * Those that run once before and don't count, so that the cluster has compiled what it runs and has read what it sends.
   * Default none.
   */
  readonly warmUp?: readonly Candidate<Result>[];
  /** A few words on a result, for whoever watches. */
  describe(result: Result): string;
}

/**
 * Runs every candidate once in each round, A B C A B C: what changes slowly, such as the machine's speed, is the same for
 * all. The results of one candidate stand in the order of the rounds.
 */
export async function runRounds<Result>(plan: RoundsPlan<Result>): Promise<ReadonlyMap<string, readonly Result[]>> {
  const { candidates, rounds, display } = plan;
  const runOnce = async (when: string, candidate: Candidate<Result>): Promise<Result> => {
    const what = `${when}, ${candidate.name}`;
    display.doing(what);
    const result = await candidate.run((done) => display.doing(`${what}: ${done}`));
    display.done(`${what}: ${plan.describe(result)}`);
    return result;
  };
  for (const candidate of plan.warmUp ?? []) await runOnce('warming up', candidate);
  const results = new Map<string, Result[]>(candidates.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const candidate of candidates) {
      results.get(candidate.name)?.push(await runOnce(`round ${round} of ${rounds}`, candidate));
    }
  }
  return results;
}

/** One number of each result, by candidate. */
export function pick<Result>(
  results: ReadonlyMap<string, readonly Result[]>,
  number: (result: Result) => number | undefined,
): Record<string, number[]> {
  const picked: Record<string, number[]> = {};
  for (const [name, list] of results) {
    const numbers = list.map(number).filter((value) => value !== undefined);
    // A language that does not measure it has no figure rather than half of one.
    if (numbers.length === list.length) picked[name] = numbers;
  }
  return picked;
}
