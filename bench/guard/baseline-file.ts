import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Baseline, Figure } from './comparison.js';

/** What is checked in. The engine decides about the counts, so they hold for one major version of Node. */
export interface BaselineFile {
  readonly nodeMajor: number;
  /** Instructions are those of a processor; nothing else depends on it. */
  readonly arch: string;
  readonly figures: Baseline;
}

/** @throws Error when there is no such file, or it holds something else */
export function readBaseline(file: string): BaselineFile {
  if (!existsSync(file)) throw new Error(`there is no ${file}: write it with --update`);
  return parseBaseline(readFileSync(file, 'utf8'));
}

export function parseBaseline(text: string): BaselineFile {
  const content: unknown = JSON.parse(text);
  if (!isBaseline(content)) throw new Error('the baseline is damaged: write it anew with --update');
  return content;
}

export function writeBaseline(file: string, nodeMajor: number, arch: string, figures: readonly Figure[]): void {
  const rounded = figures.map(({ name, value, digits }) => [name, Number(value.toFixed(digits))] as const);
  const content: BaselineFile = { nodeMajor, arch, figures: Object.fromEntries(rounded) };
  writeFileSync(file, `${JSON.stringify(content, undefined, 2)}\n`);
}

function isBaseline(content: unknown): content is BaselineFile {
  if (typeof content !== 'object' || content === null) return false;
  const { nodeMajor, arch, figures } = content as Record<string, unknown>;
  return (
    typeof nodeMajor === 'number' &&
    typeof arch === 'string' &&
    typeof figures === 'object' &&
    figures !== null &&
    Object.values(figures).every((value) => typeof value === 'number' && value > 0)
  );
}
