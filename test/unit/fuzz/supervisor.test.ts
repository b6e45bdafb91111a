import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { buildInput, makeCase } from '../../fuzz/case.js';
import { supervise } from '../../fuzz/supervisor.js';
import type { FuzzTarget } from '../../fuzz/target.js';
import { FLAWLESS, LETHAL, targets } from './planted.js';

const [killing, endless] = LETHAL as [FuzzTarget, FuzzTarget];
const supervision = { targetsFile: fileURLToPath(new URL('planted.ts', import.meta.url)), workers: 1, hangMs: 500 };

/** The number of the first case whose input takes the process with it. */
function firstLethal(target: FuzzTarget): number {
  for (let number = 0; ; number++) if (buildInput(makeCase(target, 1, number)).length === 4) return number;
}

describe('the processes of the fuzzer', function () {
  this.timeout(60_000);

  for (const [kind, target] of [['crash', killing], ['hang', endless]] as const) {
    it(`find a ${kind}, and go on behind it`, async () => {
      const number = firstLethal(target);
      const jobs = [
        { target: target.name, seed: 1, from: 0, to: number + 3 },
        { target: FLAWLESS.name, seed: 1, from: 0, to: 100 },
      ];
      const tallies = await supervise(targets, jobs, supervision);
      const [failure] = tallies.get(target.name)?.failures ?? [];
      expect(failure).to.include({ kind, target: target.name, seed: 1, number });
      expect(failure?.input).to.equal(buildInput(makeCase(target, 1, number)).toString('hex'));
      expect(tallies.get(FLAWLESS.name)).to.include({ cases: 100 });
    });
  }
}); // prettier-ignore
