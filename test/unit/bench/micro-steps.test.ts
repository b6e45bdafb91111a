import { expect } from 'chai';
import { totalOfDump } from '../../../bench/micro/callgrind-dump.js';
import { AREAS } from '../../../bench/micro/steps.js';
import { systemClock } from '../../../lib/clock.js';

describe('bench/micro', () => {
  for (const [area, source] of AREAS) {
    for (const step of source(systemClock)) {
      it(`${area}: ${step.name} can be run again and again`, async () => {
        for (let run = 0; run < 5; run++) {
          const result = step.run();
          expect(result instanceof Promise).to.equal(step.isAsync === true);
          await result;
        }
      });
    }
  }

  it('gives each step a name of its own', () => {
    const names = [...AREAS.values()].flatMap((source) => source(systemClock).map(({ name }) => name));
    expect(new Set(names).size).to.equal(names.length);
  });

  it("reads the total out of a dump of Callgrind's", () => {
    expect(totalOfDump('# callgrind format\nevents: Ir\nfn=(1)\n0 12\n\ntotals: 13214442\n')).to.equal(13_214_442);
    expect(() => totalOfDump('events: Ir\n')).to.throw('no totals');
  });
});
