import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownFolder, removeFolder } from '../../test/support/owned-process.js';
import { runProgram } from '../harness/program.js';
import { summarize } from '../harness/statistics.js';
import { totalOfDump } from './callgrind-dump.js';

/** What count.ts prints of a step. */
export interface CountedStep {
  readonly name: string;
  readonly unit: 'message' | 'pull';
  /** Messages or pulls in each counted region. */
  readonly units: number;
  /** Bytes allocated for one of them, by region. */
  readonly bytes: readonly number[];
}

/** What a step costs for one message or pull, wherever and whenever it is counted. */
export interface StepCosts {
  readonly name: string;
  readonly unit: 'message' | 'pull';
  readonly bytes: number;
  /** Processor instructions; undefined when only bytes were counted. */
  readonly instructions: number | undefined;
}

/**
 * What makes counts the same each time: everything happens on one thread, in the order the program has it; hashes are
 * not random; what is compiled is not thrown away; and the young generation holds all that is allocated.
 */
const ENGINE_OPTIONS = [
  '--expose-gc',
  '--single-threaded',
  '--hash-seed=1',
  '--random-seed=1',
  '--no-flush-bytecode',
  '--min-semi-space-size=128',
  '--max-semi-space-size=128',
];
/** Long enough for the optimizing compiler to have settled; the median leaves out where it has not. */
const BYTES_PLAN = { warmUp: 60_000, settle: 6_000, regions: 9 };

/**
 * Instructions are those of code that is compiled once and not optimized: what the optimizing compiler takes together can
 * change with a line elsewhere, and on a simulated processor it takes too long to get there.
 */
const UNOPTIMIZED = ['--no-opt', '--always-sparkplug', '--no-lazy-feedback-allocation'];
const INSTRUCTIONS_PLAN = { warmUp: 512, settle: 0, regions: 3 };
const TIMEOUT_MS = 180_000;

/** What the steps of an area cost; `undefined` stands for instructions that are not counted. */
export async function countArea(area: string, withInstructions: boolean): Promise<StepCosts[]> {
  const bytes = await countBytes(area);
  const instructions = withInstructions ? await countInstructions(area) : undefined;
  return bytes.map((step) => ({ ...step, instructions: instructions?.get(step.name) }));
}

async function countBytes(area: string): Promise<Omit<StepCosts, 'instructions'>[]> {
  const steps = await runCounter([process.execPath, ...ENGINE_OPTIONS], { area, ...BYTES_PLAN });
  return steps.map(({ name, unit, bytes }) => ({ name, unit, bytes: summarize(bytes).median }));
}

/**
 * On Valgrind's simulated processor, so that they depend neither on the machine's speed nor on what else it does.
 *
 * @throws Error when Valgrind is not installed
 */
async function countInstructions(area: string): Promise<ReadonlyMap<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'rocketmq-ordered-count-'));
  ownFolder(folder);
  try {
    const dump = join(folder, 'dump');
    const valgrind = ['valgrind', '-q', '--tool=callgrind', `--callgrind-out-file=${dump}`];
    const node = [process.execPath, ...ENGINE_OPTIONS, ...UNOPTIMIZED];
    const steps = await runCounter([...valgrind, MARK_OPTION, ...node], { area, ...INSTRUCTIONS_PLAN });
    let region = 0;
    const medianOf = ({ units, bytes }: CountedStep): number => {
      const totals = bytes.map(() => totalOfDump(readFileSync(`${dump}.${dumpOfRegion(region++)}`, 'utf8')));
      return summarize(totals).median / units;
    };
    return new Map(steps.map((step) => [step.name, medianOf(step)]));
  } finally {
    removeFolder(folder);
  }
}

async function runCounter(
  engine: readonly string[],
  values: Readonly<Record<string, string | number>>,
): Promise<readonly CountedStep[]> {
  const [command = '', ...options] = engine;
  const args = [...options, join(import.meta.dirname, 'count.js')];
  const result = await runProgram({ command: { command, args }, values, timeoutMs: TIMEOUT_MS });
  return (result as { steps: CountedStep[] }).steps;
}

/** What count.ts calls as its mark ends a part of the dump, and begins the next. */
const MARK_OPTION = '--dump-before=getpriority';

/** The parts are numbered from 1. What lies before a region's first mark is the odd one. */
function dumpOfRegion(region: number): number {
  return 2 * region + 2;
}
