import { MAX_JSON_DEPTH, parseLenientJson } from '../../../lib/protocol/lenient-json.js';
import { Discrepancy, type FuzzTarget } from '../target.js';
import { isSame } from '../equal.js';
import { goldenFrames } from '../model/golden.js';
import { readJson } from '../model/json.js';
import { json, type Piece } from '../model/piece.js';

/** Bodies as the reference writes them: what standard JSON reads must read alike. */

function bodies(): Piece[] {
  const texts = new Set<string>();
  for (const { command } of goldenFrames()) {
    const text = command.body.toString('utf8');
    if (text.startsWith('{')) texts.add(text);
  }
  return [...texts].map((text) => json(readJson(text)));
}

export const jsonTargets: readonly FuzzTarget[] = [
  {
    name: 'lenient-json',
    weight: 10,
    seeds: bodies(),
    run(input) {
      const text = input.toString('utf8');
      let standard: unknown;
      try {
        standard = JSON.parse(text);
      } catch {
        return parseLenientJson(text);
      }
      if (isDeeper(standard, MAX_JSON_DEPTH) || /\d{100}/.test(text)) return parseLenientJson(text);
      const value = parseLenientJson(text);
      if (!isSame(asStandard(value), standard)) {
        throw new Discrepancy(`a text that standard JSON reads otherwise: ${text.slice(0, 200)}`);
      }
      return value;
    },
  },
];

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeper(member, depth - 1));
}

/** Whole numbers past 2^53 - 1 are exact here, and rounded there. */
function asStandard(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(asStandard);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, asStandard(member)]));
}
