import type { CaseFailure, Tally } from './campaign.js';

/** Longer inputs are shown by their beginning; the command makes them anew. */
const SHOWN_HEX = 2_000;

/** One line for each target: how deep its cases got, and what was slowest and took most memory. */
export function summary(tallies: ReadonlyMap<string, Tally>): string {
  const lines = ['target | cases | accepted | rejected by | longest | most memory', '---|---|---|---|---|---'];
  for (const [name, tally] of tallies) if (tally.cases > 0) lines.push(line(name, tally));
  return lines.join('\n');
}

function line(name: string, { cases, accepted, rejected, slowest, greediest }: Tally): string {
  const percent = (count: number): string => `${((100 * count) / cases).toFixed(1)} %`;
  const codes = Object.entries(rejected)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `${code.replace('ERR_ROCKETMQ_', '')} ${percent(count)}`);
  const longest = `${slowest.ms.toFixed(1)} ms (${slowest.bytes} bytes, case ${slowest.number})`;
  const most = `${(greediest.allocated / 1024).toFixed(0)} KiB (${greediest.bytes} bytes, case ${greediest.number})`;
  return [name, cases, percent(accepted), codes.join(', ') || '-', longest, most].join(' | ');
}

/** What somebody needs to look at a failure: how to see it again, the smallest input, the error. */
export function describeFailure(failure: CaseFailure): string {
  const { kind, target, seed, number, input, detail } = failure;
  const hex = input.length > SHOWN_HEX ? `${input.slice(0, SHOWN_HEX)}... (${input.length / 2} bytes)` : input;
  return [
    `${kind} in ${target}`,
    `  again: npm run test:fuzz -- --target ${target} --seed ${seed} --case ${number}`,
    `  input: ${hex}`,
    `  ${detail.split('\n').join('\n  ')}`,
  ].join('\n');
}
