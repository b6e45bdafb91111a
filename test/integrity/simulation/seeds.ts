import fc from 'fast-check';
import { describeOutcome, run, type Outcome } from './run.js';
import { schedules, type Schedule } from './steps.js';

/** Steps of a schedule at most; half of it on average. */
export const MOST_STEPS = 120;
/** A failing schedule is made shorter for so long, in milliseconds of the machine's time. */
const SHRINK_FOR = 60_000;

/** The schedule of a seed: the same each time. */
export function scheduleOf(seed: number, mostSteps = MOST_STEPS): Schedule {
  return fc.sample(schedules(mostSteps), { seed, numRuns: 1 })[0] as Schedule;
}

export async function runSeed(seed: number, mostSteps = MOST_STEPS): Promise<Outcome> {
  return run(scheduleOf(seed, mostSteps));
}

/** A failing seed's shortest schedule that fails, and what is wrong then. */
export async function shorten(seed: number, mostSteps = MOST_STEPS): Promise<{ schedule: Schedule; verdict: string }> {
  let verdict = '';
  let schedule = scheduleOf(seed, mostSteps);
  const property = fc.asyncProperty(schedules(mostSteps), async (candidate) => {
    const wrong = describeOutcome(await run(candidate));
    if (wrong === undefined) return;
    verdict = wrong;
    schedule = candidate;
    throw new Error('it fails');
  });
  // The first schedule is that of the seed; after it come shorter ones.
  await fc.check(property, { seed, numRuns: 1, interruptAfterTimeLimit: SHRINK_FOR, markInterruptAsFailure: true });
  return { schedule, verdict };
}
