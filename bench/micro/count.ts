import { getPriority } from 'node:os';
import type { Clock } from '../../lib/clock.js';
import { Arguments } from '../programs/arguments.js';
import { printResult } from '../programs/meter.js';
import type { CountedStep } from './counting.js';
import type { Step } from './step.js';
import { AREAS } from './steps.js';

/**
 * Counts what the steps of one area allocate; run by counting.ts, with the engine's options that make it repeatable.
 *
 *     count.js area=wire warmUp=.. settle=.. regions=..
 *
 * Each step handles `warmUp` messages or pulls for nothing, `settle` more after a collection of garbage, and then the same
 * number in each of the regions that count.
 * The count is the growth of the heap and of the buffers outside it, in a young generation so large that nothing is
 * collected meanwhile: it is exact, and the same each time. (Of what lies outside the heap much can make the engine
 * collect all the same: such a region is far below zero, and not the median.) Each region stands between two calls of
 * {@link mark}, for who counts more than bytes.
 */

/** Messages or pulls in one region. */
const COUNTED_UNITS = 512;

/** How often the event loop's turn is over must not depend on the machine's speed. */
const standingClock: Clock = {
  now: () => 1_000,
  wallTime: () => 1_700_000_000_000,
  setTimeout: () => undefined,
  clearTimeout: () => undefined,
};

const { gc } = globalThis;
if (gc === undefined) throw new Error('counting needs --expose-gc');
const collect: () => unknown = gc;

const args = new Arguments(process.argv.slice(2));
const area = args.text('area');
const warmUp = args.number('warmUp');
const settle = args.number('settle');
const regions = args.number('regions');
const source = AREAS.get(area);
if (source === undefined) throw new Error(`area=${area} is none of ${[...AREAS.keys()].join(', ')}`);

const steps: CountedStep[] = [];
for (const step of source(standingClock)) steps.push(await count(step));
printResult({ steps });

async function count(step: Step): Promise<CountedStep> {
  const { name, unit } = step;
  const repeat: Repeat = step.isAsync === true ? repeatWaiting : repeatPlain;
  const runs = Math.ceil(COUNTED_UNITS / step.count);
  // In pieces as large as the counted ones: the loop itself has to be compiled, too.
  for (let done = 0; done < warmUp; done += runs * step.count) await repeat(step, runs);
  // Once, and not before each region: a collection makes the engine drop and compile anew some of what it has compiled.
  collect();
  for (let done = 0; done < settle; done += runs * step.count) await repeat(step, runs);
  const units = runs * step.count;
  const bytes: number[] = [];
  for (let region = 0; region < regions; region++) {
    const before = allocated();
    mark();
    await repeat(step, runs);
    mark();
    bytes.push((allocated() - before) / units);
  }
  return { name, unit, units, bytes };
}

type Repeat = (step: Step, runs: number) => Promise<void> | undefined;

function repeatPlain({ run }: Step, runs: number): undefined {
  for (let i = 0; i < runs; i++) run();
}

async function repeatWaiting({ run }: Step, runs: number): Promise<void> {
  for (let i = 0; i < runs; i++) await run();
}

function allocated(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** A call of the C library's getpriority, which nothing else here calls: the instruction counter looks out for it. */
function mark(): void {
  getPriority();
}
