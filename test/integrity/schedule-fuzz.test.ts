import fc from 'fast-check';
import { FuzzWorld } from './schedule/fuzz-world.js';
import { schedules, type Schedule } from './schedule/steps.js';

/** A fixed seed, so that a run that was green stays green; FUZZ_SEED tries another, FUZZ_RUNS more of them. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_121);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 40);
/** The path a failure was reported with: goes on from there. */
const PATH = process.env['FUZZ_PATH'];
/** Half of it on average, so that all runs together take around 10,000 steps. */
const MOST_STEPS = 500;

async function run({ salt, steps }: Schedule): Promise<void> {
  const world = await FuzzWorld.start(salt);
  const { random } = Math;
  // The consumers' own choices: which broker to ask, how long to back off.
  Math.random = world.random;
  let left: string[];
  try {
    for (const step of steps) await world.take(step);
    await world.recover();
  } finally {
    left = await world.stop();
    Math.random = random;
  }
  if (left.length > 0) throw new Error(`what was left behind: ${left.join('; ')}`);
}

describe('a group of three under random schedules', function () {
  this.timeout(240_000);

  it('keeps order, ownership and offsets, loses nothing, and leaves nothing behind', async () => {
    await fc.assert(fc.asyncProperty(schedules(MOST_STEPS), run), {
      seed: SEED,
      numRuns: RUNS,
      ...(PATH !== undefined && { path: PATH }),
      // A slow machine gets through fewer runs. FUZZ_TIME gives it longer, in milliseconds.
      interruptAfterTimeLimit: Number(process.env['FUZZ_TIME'] ?? 40_000),
    });
  });
});
