import { cpus, totalmem } from 'node:os';
import { summarize, type Summary } from './statistics.js';

/** One thing that was measured of several candidates: for each the value of every round. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  /** Decimals worth reading. */
  readonly digits: number;
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** Which way is good, for whoever looks at the chart; without it, it is not drawn. */
  readonly chart?: 'more is better' | 'less is better';
}

/** What a figure is wanted to be. */
export interface Goal {
  readonly name: string;
  readonly measured: number;
  readonly sense: 'at least' | 'at most' | 'below';
  readonly bound: number;
  readonly unit: string;
  readonly digits: number;
}

export interface SuiteReport {
  readonly suite: string;
  readonly title: string;
  readonly target: string;
  readonly rounds: number;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly measures: readonly Measure[];
  readonly goals: readonly Goal[];
  /** What one should know to read the figures. */
  readonly notes: readonly string[];
}

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly platform: string;
}

export function describeMachine(): Machine {
  const cores = cpus();
  return {
    date: new Date().toISOString(),
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

export function isReached(goal: Goal): boolean {
  if (goal.sense === 'at least') return goal.measured >= goal.bound;
  return goal.sense === 'at most' ? goal.measured <= goal.bound : goal.measured < goal.bound;
}

/** The report as it is printed. */
export function formatReport(report: SuiteReport, machine: Machine): string {
  const settings = Object.entries(report.settings).map(([name, value]) => `${name} ${formatSetting(value)}`);
  const lines = [
    `${report.suite}: ${report.title}`,
    `  ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, node ${machine.node}, ${machine.date}`,
    `  ${report.target}`,
    `  ${[...settings, `rounds ${report.rounds}`].join(', ')}`,
  ];
  for (const measure of report.measures) lines.push('', ...formatMeasure(measure));
  if (report.goals.length > 0) lines.push('', '  goals', ...report.goals.map(formatGoal));
  if (report.notes.length > 0) lines.push('', ...report.notes.map((note) => `  ${note}`));
  return `${lines.join('\n')}\n`;
}

function formatMeasure(measure: Measure): string[] {
  const rows = Object.entries(measure.values).map(([name, values]) => ({ name, summary: summarize(values) }));
  const title = measure.unit === '' ? measure.name : `${measure.name}, ${measure.unit}`;
  const width = Math.max(title.length, ...rows.map(({ name }) => name.length + 2)) + 2;
  const cells = (summary: Summary): string =>
    [summary.median, summary.min, summary.max]
      .map((value) => formatNumber(value, measure.digits).padStart(14))
      .join('');
  return [
    `  ${title.padEnd(width)}${['median', 'min', 'max'].map((head) => head.padStart(14)).join('')}`,
    ...rows.map(({ name, summary }) => `    ${name.padEnd(width - 2)}${cells(summary)}`),
  ];
}

function formatGoal(goal: Goal): string {
  const unit = goal.unit === '' ? '' : ` ${goal.unit}`;
  const measured = formatNumber(goal.measured, digitsThatTell(goal));
  const verdict = isReached(goal) ? 'reached' : 'MISSED ';
  return `    ${verdict}  ${goal.name}: ${measured}${unit} (${goal.sense} ${formatNumber(goal.bound, goal.digits)}${unit})`;
}

/** As many decimals as the figure needs, so that it does not look reached when it is missed, or the other way round. */
function digitsThatTell(goal: Goal): number {
  const reached = isReached(goal);
  for (let digits = goal.digits; digits < MAX_DIGITS; digits++) {
    if (isReached({ ...goal, measured: Number(goal.measured.toFixed(digits)) }) === reached) return digits;
  }
  return MAX_DIGITS;
}

const MAX_DIGITS = 10;

/** Settled on one form, so that reports of two machines can be compared. */
export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function formatSetting(value: string | number): string {
  return typeof value === 'number' ? formatNumber(value, 0) : value;
}

/** The report as it is stored: every round's value beside what they come to. */
export function reportDocument(machine: Machine, reports: readonly SuiteReport[]): object {
  return {
    machine,
    suites: reports.map((report) => ({
      ...report,
      measures: report.measures.map(({ values, ...measure }) => ({
        ...measure,
        candidates: Object.fromEntries(
          Object.entries(values).map(([name, rounds]) => [name, { ...summarize(rounds), rounds }]),
        ),
      })),
      goals: report.goals.map((goal) => ({ ...goal, reached: isReached(goal) })),
    })),
  };
}
