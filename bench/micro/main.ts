/**
 * Micro-benchmarks of the steps of a message's way: nanoseconds and allocated bytes.
 *
 *     npm run bench:micro [-- AREA...]
 *
 * Times are taken by mitata: it runs quick functions in batches, while tinybench looks at the clock before and after
 * each run, which costs as much as many of these steps. Bytes are counted in processes of their own (counting.ts): the
 * heap figures of mitata are means over the collections that happen to run in between, and tinybench has none.
 */
import { do_not_optimize, measure } from 'mitata';
import { systemClock } from '../../lib/clock.js';
import { describeMachine, formatNumber } from '../harness/report.js';
import { countArea } from './counting.js';
import type { Step } from './step.js';
import { AREAS } from './steps.js';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((area) => !AREAS.has(area));
if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: the areas are ${[...AREAS.keys()].join(', ')}`);

const { cpu, cores, node, date } = describeMachine();
print(`${cpu}, ${cores} cores, node ${node}, ${date}`);
for (const [area, source] of AREAS) {
  if (wanted.length > 0 && !wanted.includes(area)) continue;
  const counted = await countArea(area, false);
  print(`\n${area.padEnd(52)}${row('ns median', 'ns 99 %', 'bytes')}`);
  for (const step of source(systemClock)) {
    const { p50, p99 } = await time(step);
    const bytes = counted.find(({ name }) => name === step.name)?.bytes ?? Number.NaN;
    const cells = row(formatNumber(p50 / step.count, 1), formatNumber(p99 / step.count, 1), formatNumber(bytes, 0));
    print(`  ${`${step.name}, a ${step.unit}`.padEnd(50)}${cells}`);
  }
}

function time({ run, isAsync }: Step): Promise<{ p50: number; p99: number }> {
  return isAsync === true ? measure(run) : measure(() => do_not_optimize(run()));
}

function row(...cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(12)).join('');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
