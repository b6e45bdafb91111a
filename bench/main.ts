/**
 * The benchmarks: each suite measures one thing, prints its figures with their spread and what they were wanted to be,
 * and stores every round's value.
 *
 *     npm run bench                                        all suites, against a real broker started for it
 *     npm run bench:throughput -- --namesrv HOST:PORT      one suite, against a running cluster
 *     npm run bench:throughput -- --mock                   against the bundled mock cluster
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { drawChart } from './harness/chart.js';
import { Display } from './harness/display.js';
import { PROJECT_ROOT } from './harness/project-root.js';
import { describeMachine, formatReport, reportDocument, type SuiteReport } from './harness/report.js';
import { BenchContext, type Peers } from './harness/suite.js';
import { Target } from './harness/target.js';
import { SUITES } from './suites/index.js';

interface CliOptions {
  readonly namesrv?: string;
  readonly mock?: true;
  readonly peers?: true;
  readonly rounds: number;
  readonly messages?: number;
  readonly json?: string;
  readonly chart?: string;
}

const command = new Command('bench')
  .description('Measure the client.')
  .addArgument(new Argument('[suite]', 'what to measure').choices([...SUITES.keys(), 'all']).default('all'))
  .option('--namesrv <address>', 'name server of a running cluster, host:port; topics made there stay')
  .addOption(
    new Option('--mock', 'the bundled mock cluster (default: a real broker, started for it)').conflicts('namesrv'),
  )
  .option('--peers', 'the Java and the Go client as well; needs a JDK, Maven and Go')
  .option('--rounds <n>', 'how often everything is measured', positiveInteger, 5)
  .option('--messages <n>', 'how many messages (default: what each suite is made for)', positiveInteger)
  .option('--json <file>', 'where every figure goes (default: build/bench-results/<suite>.json)')
  .option('--chart <file>', 'a drawing of the figures (SVG)')
  .parse();

const [wanted = 'all'] = command.processedArgs as string[];
const options = command.opts<CliOptions>();
const jsonFile = options.json ?? join(PROJECT_ROOT, 'build', 'bench-results', `${wanted}.json`);

const display = new Display();
const context = new BenchContext({
  startTarget,
  rounds: options.rounds,
  messages: options.messages,
  peers: options.peers === true ? await loadPeers() : {},
  display,
});
const machine = describeMachine();
const reports: SuiteReport[] = [];
try {
  for (const [name, suite] of SUITES) {
    if (wanted !== 'all' && wanted !== name) continue;
    const report = await suite.run(context);
    reports.push(report);
    process.stdout.write(`\n${formatReport(report, machine)}\n`);
    // After each suite: a run that is broken off has the figures it got to.
    write(jsonFile, `${JSON.stringify(reportDocument(machine, reports), undefined, 2)}\n`);
    if (options.chart !== undefined) write(options.chart, chartOf(reports));
  }
} finally {
  await context.stop();
}

function startTarget(): Promise<Target> {
  if (options.namesrv !== undefined) return Target.running(options.namesrv);
  return options.mock === true ? Target.mock() : Target.real();
}

async function loadPeers(): Promise<Peers> {
  display.doing('preparing the other clients');
  const { preparePeers } = await import('./harness/peers.js');
  const { java, go } = await preparePeers();
  display.done('the other clients are ready');
  return { Java: java, Go: go };
}

function chartOf(all: readonly SuiteReport[]): string {
  const title = `rocketmq-ordered: ${all.map(({ suite }) => suite).join(', ')}`;
  return drawChart(
    title,
    all.flatMap(({ suite, measures }) =>
      measures.map((measure) => (all.length === 1 ? measure : { ...measure, name: `${suite}: ${measure.name}` })),
    ),
  );
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function positiveInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return number;
}
