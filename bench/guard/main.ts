/**
 * Says whether a step of a message's way got dearer: compares counts with those that are checked in.
 *
 *     npm run bench:guard                              fails with a table when something got dearer
 *     npm run bench:guard -- --update                  takes what is counted now as the new baseline
 *     npm run bench:guard -- --without-instructions    where there is no Valgrind
 *
 * No figure here is a time. Bytes and instructions are counted (bench/micro/counting.ts) and come out the same, whatever
 * else the machine does; the whole consumer is measured in units of the floor program.
 */
import { join } from 'node:path';
import { Command } from 'commander';
import pLimit from 'p-limit';
import { Display } from '../harness/display.js';
import { PROJECT_ROOT } from '../harness/project-root.js';
import { countArea } from '../micro/counting.js';
import { AREAS } from '../micro/steps.js';
import { readBaseline, writeBaseline } from './baseline-file.js';
import { compare, complaints, formatComparisons, missing, type Figure } from './comparison.js';
import { figuresOf, INSTRUCTIONS, WHOLE, wholeFigure } from './figures.js';
import { consumerAgainstFloor } from './whole.js';

const BASELINE = join(PROJECT_ROOT, 'bench', 'guard', 'baseline.json');
const NODE_MAJOR = Number(process.versions.node.split('.')[0]);
/** Counting is work for one processor each. */
const AT_ONCE = 2;

const command = new Command('guard')
  .description('Compare what a message costs with the baseline.')
  .option('--update', 'write the baseline anew')
  .option('--without-instructions', 'count bytes only')
  .option('--without-whole', 'leave the whole consumer out')
  .parse();
const options = command.opts<{ update?: true; withoutInstructions?: true; withoutWhole?: true }>();

if (options.update === true) {
  if (options.withoutInstructions === true || options.withoutWhole === true) command.error('a baseline has everything');
  const figures = await measure(true);
  writeBaseline(BASELINE, NODE_MAJOR, process.arch, figures);
  process.stdout.write(`the baseline of Node ${NODE_MAJOR} on ${process.arch} has ${figures.length} figures\n`);
} else {
  await guard();
}

async function guard(): Promise<void> {
  const baseline = readBaseline(BASELINE);
  if (baseline.nodeMajor !== NODE_MAJOR) {
    command.error(`the baseline is of Node ${baseline.nodeMajor}, this is ${process.version}: counts differ`);
  }
  const sameArch = baseline.arch === process.arch;
  const withInstructions = options.withoutInstructions !== true && sameArch;
  const figures = await measure(withInstructions);
  const expected = Object.entries(baseline.figures).filter(
    ([name]) => (withInstructions || !name.endsWith(INSTRUCTIONS)) && (options.withoutWhole !== true || name !== WHOLE),
  );
  const wanted = Object.fromEntries(expected);
  const comparisons = compare(figures, wanted);
  process.stdout.write(`${formatComparisons(comparisons)}\n`);
  if (!sameArch) process.stdout.write(`\ninstructions: not compared, the baseline is of ${baseline.arch}\n`);
  const wrong = complaints(comparisons, missing(figures, wanted));
  if (wrong.length > 0) {
    process.stdout.write(`\n${wrong.join('\n')}\nIf that is wanted: npm run bench:guard -- --update\n`);
    process.exitCode = 1;
  }
}

async function measure(withInstructions: boolean): Promise<Figure[]> {
  const display = new Display();
  try {
    const limit = pLimit(AT_ONCE);
    display.doing('counting');
    const counted = await Promise.all([...AREAS.keys()].map((area) => limit(() => countArea(area, withInstructions))));
    display.done('counted');
    const figures = counted.flat().flatMap(figuresOf);
    if (options.withoutWhole !== true) figures.push(wholeFigure(await consumerAgainstFloor(display)));
    return figures;
  } finally {
    display.stop();
  }
}
