import { formatNumber } from '../harness/report.js';

/** A figure that must not grow. */
export interface Figure {
  /** What is measured, and in what. */
  readonly name: string;
  readonly value: number;
  readonly digits: number;
  /** How many times the baseline's value it may be. */
  readonly tolerance: number;
  /** What it may be above that, in its own unit: small values move in steps that are large beside them. */
  readonly slack: number;
}

/** What the figures were when they were last found good, by name. */
export type Baseline = Readonly<Record<string, number>>;

export interface Comparison {
  readonly figure: Figure;
  /** Undefined when the figure is new. */
  readonly baseline: number | undefined;
  readonly limit: number | undefined;
  readonly verdict: 'same' | 'dearer' | 'cheaper' | 'new';
}

/** Compares each figure with the baseline. */
export function compare(figures: readonly Figure[], baseline: Baseline): Comparison[] {
  return figures.map((figure) => {
    const before = baseline[figure.name];
    if (before === undefined) return { figure, baseline: undefined, limit: undefined, verdict: 'new' };
    const limit = before * figure.tolerance + figure.slack;
    const { value } = figure;
    let verdict: Comparison['verdict'] = 'same';
    // A value that is none at all must not pass.
    if (!(value <= limit)) verdict = 'dearer';
    else if (value < before / figure.tolerance - figure.slack) verdict = 'cheaper';
    return { figure, baseline: before, limit, verdict };
  });
}

/** Figures of the baseline that are not measured any more: a guard that looks away is none. */
export function missing(figures: readonly Figure[], baseline: Baseline): string[] {
  const measured = new Set(figures.map(({ name }) => name));
  return Object.keys(baseline).filter((name) => !measured.has(name));
}

/** What is wrong; empty when the guard has nothing to say. */
export function complaints(comparisons: readonly Comparison[], gone: readonly string[]): string[] {
  const named = (verdict: Comparison['verdict']): string[] =>
    comparisons.filter((one) => one.verdict === verdict).map(({ figure }) => figure.name);
  return [
    ...named('dearer').map((name) => `${name} got dearer`),
    ...named('new').map((name) => `${name} is not in the baseline`),
    ...gone.map((name) => `${name} is in the baseline and was not measured`),
  ];
}

/** A table, one figure a line. */
export function formatComparisons(comparisons: readonly Comparison[]): string {
  const width = Math.max(...comparisons.map(({ figure }) => figure.name.length)) + 2;
  const head = `${'step'.padEnd(width)}${cells('baseline', 'now', 'ratio', 'limit')}`;
  const lines = comparisons.map(({ figure, baseline, limit, verdict }) => {
    const { name, value, digits } = figure;
    const number = (n: number | undefined): string => (n === undefined ? '-' : formatNumber(n, digits));
    const ratio = baseline === undefined ? '-' : formatNumber(value / baseline, 3);
    return `${name.padEnd(width)}${cells(number(baseline), number(value), ratio, number(limit))}  ${WORDS[verdict]}`;
  });
  return [head, ...lines].map((line) => line.trimEnd()).join('\n');
}

const WORDS: Readonly<Record<Comparison['verdict'], string>> = {
  same: '',
  dearer: 'DEARER',
  cheaper: 'cheaper: worth a new baseline',
  new: 'NEW',
};

function cells(...texts: readonly string[]): string {
  return texts.map((text) => text.padStart(12)).join('');
}
