import { expect } from 'chai';
import { describeEvent } from './history.js';
import { describeOutcome } from './run.js';
import { runSeed, scheduleOf } from './seeds.js';

/** A part of what `npm run test:simulation` runs, so that a change that breaks a promise is seen at once. */
const SEEDS = 60;

describe('the simulation', function () {
  this.timeout(120_000);

  it('makes the same history of the same seed', async () => {
    const twice = [await runSeed(7), await runSeed(7)].map(({ history }) => history.map(describeEvent));
    expect(twice[0]).to.have.length.greaterThan(100);
    expect(twice[1]).to.deep.equal(twice[0]);
    expect(scheduleOf(8)).to.not.deep.equal(scheduleOf(7));
  });

  it(`finds every promise kept under ${SEEDS} seeds`, async () => {
    let calls = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = await runSeed(seed);
      const wrong = describeOutcome(outcome);
      // The whole of it: an assertion would show its beginning only.
      if (wrong !== undefined) throw new Error(`npm run test:simulation -- --seed ${seed}\n${wrong}`);
      calls += outcome.calls;
    }
    expect(calls).to.be.greaterThan(SEEDS);
  });
});
