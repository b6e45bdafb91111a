import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseBaseline, readBaseline, writeBaseline } from '../../../bench/guard/baseline-file.js';
import { figuresOf, wholeFigure } from '../../../bench/guard/figures.js';
import { PROJECT_ROOT } from '../../../bench/harness/project-root.js';

describe('bench/guard/baseline-file', () => {
  it('reads what it wrote, with the decimals worth reading', () => {
    const folder = mkdtempSync(join(tmpdir(), 'guard-baseline-'));
    try {
      const file = join(folder, 'baseline.json');
      const step = { name: 'a step', unit: 'pull', bytes: 12.345, instructions: 678.9 } as const;
      writeBaseline(file, 20, 'x64', [...figuresOf(step), wholeFigure(1.987)]);
      expect(readBaseline(file)).to.deep.equal({
        nodeMajor: 20,
        arch: 'x64',
        figures: {
          'a step, a pull: bytes': 12.3,
          'a step, a pull: instructions': 679,
          'whole consumer: processor time, of the floor': 1.99,
        },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says that there is none', () => {
    expect(() => readBaseline('/nowhere/baseline.json')).to.throw('--update');
  });

  for (const text of ['[]', '{"nodeMajor":20}', '{"nodeMajor":20,"arch":"x64","figures":{"a":"1"}}']) {
    it(`refuses ${text}`, () => {
      expect(() => parseBaseline(text)).to.throw('damaged');
    });
  }

  it('is checked in for the Node that is pinned', () => {
    const { nodeMajor, figures } = readBaseline(join(PROJECT_ROOT, 'bench', 'guard', 'baseline.json'));
    expect(nodeMajor).to.equal(20);
    expect(Object.keys(figures)).to.include('whole consumer: processor time, of the floor');
  });
});
