import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { judge } from '../../fuzz/judge.js';
import { targets } from '../../fuzz/targets/index.js';

/** An input that once failed. */
interface Regression {
  readonly target: string;
  /** What went wrong. */
  readonly found: string;
  /** Runs of bytes in hexadecimal, and how many times each stands there. */
  readonly input: readonly (readonly [hex: string, times: number])[];
  /** `accepted`, or the code of the error. */
  readonly outcome: string;
}

const file = new URL('../../fuzz/regressions.jsonl', import.meta.url);
const regressions = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Regression);

describe('inputs that once failed', () => {
  for (const { target: name, found, input, outcome } of regressions) {
    it(`${name}: ${found}`, async () => {
      const target = targets.find((known) => known.name === name);
      if (target === undefined) throw new Error(`no target ${name}`);
      const bytes = Buffer.concat(input.map(([hex, times]) => Buffer.alloc(times * (hex.length / 2), hex, 'hex')));
      const { verdict } = await judge(target, bytes);
      const seen = verdict.outcome === 'rejected' ? verdict.code : verdict.outcome;
      expect(seen, JSON.stringify(verdict).slice(0, 300)).to.equal(outcome);
    });
  }
});
