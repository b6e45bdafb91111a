/** What the rounds of one candidate come to. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError when there are no values */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (upper === undefined || lower === undefined || min === undefined || max === undefined) {
    throw new RangeError('there is nothing to summarize');
  }
  return { median: (lower + upper) / 2, min, max };
}

/**
 * The ratio of each round's `a` to the same round's `b`: what disturbed a round disturbed both.
 *
 * @throws RangeError when one has more rounds than the other
 */
export function pairRatios(a: readonly number[], b: readonly number[]): number[] {
  return pairs(a, b).map(([left, right]) => left / right);
}

/** Each round's `a` less the same round's `b`. @throws RangeError when one has more rounds than the other */
export function pairDifferences(a: readonly number[], b: readonly number[]): number[] {
  return pairs(a, b).map(([left, right]) => left - right);
}

function pairs(a: readonly number[], b: readonly number[]): [number, number][] {
  if (a.length !== b.length) throw new RangeError(`${a.length} rounds can't be paired with ${b.length}`);
  return a.map((value, round) => [value, b[round] as number]);
}
