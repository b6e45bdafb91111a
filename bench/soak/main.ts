/**
 * The soak: a group under steady traffic for an hour, with members that come, leave and are killed and connections that
 * are cut off. Memory, handles, lag and rate are recorded, drawn and judged; it fails when one of them is not as it should.
 *
 *     npm run soak                                  60 minutes, against the bundled mock cluster
 *     npm run soak -- --minutes 5 --out DIR
 *     npm run soak -- --namesrv HOST:PORT           against a running cluster; the topic made there stays
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { Display } from '../harness/display.js';
import { PROJECT_ROOT } from '../harness/project-root.js';
import { describeMachine, formatReport, isReached, reportDocument } from '../harness/report.js';
import { Target } from '../harness/target.js';
import { SoakMock } from './mock-process.js';
import { soakPanels, soakReport } from './report.js';
import { drawSeries } from './series-chart.js';
import { Soak, type SoakPlan } from './soak.js';

interface CliOptions {
  readonly minutes: number;
  readonly namesrv?: string;
  readonly out: string;
  readonly pause: number;
  readonly lease: number;
}

const QUEUES_PER_BROKER = 8;
const SAMPLE_EVERY = 5_000;
/** 400 messages a second over 16 queues. */
const MESSAGE_EVERY = 40;
const MESSAGE_SIZE = 512;

const command = new Command('soak')
  .description('Consume for long, under all that can befall a group, and judge what it takes.')
  .option('--minutes <n>', 'how long', positiveNumber, 60)
  .option('--namesrv <address>', 'name server of a running cluster, host:port (default: the bundled mock cluster)')
  .option('--out <dir>', 'where soak.json and soak.svg go', join(PROJECT_ROOT, 'build', 'soak'))
  .option('--pause <ms>', 'between two steps of a cycle', positiveNumber, 2_000)
  .option('--lease <ms>', "of each member's locks; a killed one is waited for so long", positiveNumber, 5_000)
  .parse();
const options = command.opts<CliOptions>();

const display = new Display();
const group = `soak-${Date.now().toString(36)}${process.pid.toString(36)}`;
const mock = options.namesrv === undefined ? await SoakMock.start({ group }) : undefined;
let failed: string[];
try {
  const target = await Target.running(options.namesrv ?? mock?.namesrvAddr ?? '');
  const plan: SoakPlan = {
    namesrvAddr: target.namesrvAddr,
    topic: await target.createTopic('Soak', QUEUES_PER_BROKER, 'all'),
    group,
    minutes: options.minutes,
    pauseMs: options.pause,
    sampleEveryMs: Math.min(SAMPLE_EVERY, options.minutes * 6_000),
    messageEveryMs: MESSAGE_EVERY,
    messageSize: MESSAGE_SIZE,
    validFor: options.lease,
    mockState: mock === undefined ? undefined : () => mock.state(),
    progress: (cycle, { seconds, consumed, heapUsed }) =>
      display.doing(
        `soak: minute ${(seconds / 60).toFixed(1)} of ${options.minutes}, cycle ${cycle}, ${consumed} messages, ${(heapUsed / 1e6).toFixed(1)} MB`, // prettier-ignore
      ),
  };
  const where = mock === undefined ? target.description : 'the bundled mock cluster, 2 brokers';
  display.doing(`soak: ${where}`);
  const result = await new Soak(plan).run();
  display.done(`soak: ${result.cycles} cycles`);

  const machine = describeMachine();
  const report = soakReport(plan, where, result);
  process.stdout.write(`\n${formatReport(report, machine)}\n`);
  mkdirSync(options.out, { recursive: true });
  const document = { ...reportDocument(machine, [report]), faults: result.faults, samples: result.samples };
  writeFileSync(join(options.out, 'soak.json'), `${JSON.stringify(document)}\n`);
  const title = `A group of 2 to 4 members for ${report.settings['minutes']} minutes`;
  writeFileSync(join(options.out, 'soak.svg'), drawSeries(title, soakPanels(result.samples)));
  failed = [...result.faults, ...(mock?.said.split('\n').filter((line) => line !== '') ?? [])];
  if (report.goals.every(isReached)) failed = [];
  else failed.push('the soak is not passed');
} finally {
  display.stop();
  await mock?.stop();
}
for (const line of failed) process.stderr.write(`${line}\n`);
process.exitCode = failed.length > 0 ? 1 : 0;

function positiveNumber(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return number;
}
