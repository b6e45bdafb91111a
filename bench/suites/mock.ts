import { load } from '../harness/load.js';
import { MockProcess, type MockUsage } from '../harness/mock-process.js';
import { ownProgram, runProgram, type PeerCommand } from '../harness/program.js';
import { requireNumbers } from '../harness/program-output.js';
import { pick, runRounds } from '../harness/rounds.js';
import { summarize } from '../harness/statistics.js';
import type { Suite } from '../harness/suite.js';
import { Target } from '../harness/target.js';
import { ourConsumer } from '../harness/consuming.js';
import type { LifecycleResult } from '../programs/mock-lifecycle.js';

const MESSAGES = 1_000_000;
const SIZE = 512;
const QUEUES = 8;
const CLUSTERS = 200;
const MOCK = 'mock cluster';

/** Microseconds of the mock's processor time a message, and what it holds in the end. */
interface Traffic {
  readonly inUs: number;
  readonly outUs: number;
  readonly heldMiB: number;
}

/** What the bundled mock cluster costs: to start, to stop, for each message in and out, and for each that it holds. */
export const mock: Suite = {
  name: 'mock',
  async run(context) {
    const messages = context.messages(MESSAGES);
    const { rounds, display } = context;
    const lifecycles = await runRounds({
      candidates: [{ name: MOCK, run: runLifecycle }],
      rounds,
      display,
      describe: ({ firstStartMs }) => `the first of ${CLUSTERS} clusters started in ${firstStartMs.toFixed(1)} ms`,
    });
    const traffic = await runRounds({
      candidates: [{ name: MOCK, run: () => runTraffic(messages) }],
      rounds,
      display,
      describe: ({ inUs, outUs }) => `${inUs.toFixed(2)} us in, ${outUs.toFixed(2)} us out`,
    });
    const median = (values: Readonly<Record<string, readonly number[]>>): number =>
      summarize(values[MOCK] ?? []).median;
    const start = pick(lifecycles, ({ longestStartMs }) => longestStartMs);
    const stop = pick(lifecycles, ({ longestStopMs }) => longestStopMs);
    const leaked = pick(lifecycles, ({ leakedBytes }) => leakedBytes);
    const left = pick(lifecycles, ({ leftResources }) => leftResources);
    const perSecond = pick(traffic, ({ inUs, outUs }) => 1e6 / (inUs + outUs));
    const held = pick(traffic, ({ heldMiB }) => heldMiB);
    return {
      suite: 'mock',
      title: 'the mock cluster',
      target: 'mock cluster in a process of its own',
      rounds,
      settings: { messages, 'bytes each': SIZE, queues: QUEUES, clusters: CLUSTERS },
      measures: [
        {
          name: 'the first start in a process',
          unit: 'ms',
          digits: 1,
          values: pick(lifecycles, ({ firstStartMs }) => firstStartMs),
        },
        { name: `the longest of ${CLUSTERS} starts`, unit: 'ms', digits: 1, values: start },
        { name: `the longest of ${CLUSTERS} stops`, unit: 'ms', digits: 1, values: stop },
        { name: 'heap left by each cluster', unit: 'bytes', digits: 0, values: leaked },
        { name: 'timers and sockets left by all', unit: '', digits: 0, values: left },
        { name: 'processor time, in', unit: 'us/message', digits: 2, values: pick(traffic, ({ inUs }) => inUs) },
        { name: 'processor time, out', unit: 'us/message', digits: 2, values: pick(traffic, ({ outUs }) => outUs) },
        { name: 'in and out, of one core', unit: 'messages/s', digits: 0, values: perSecond },
        { name: 'memory with all of them', unit: 'MiB', digits: 0, values: held },
      ],
      goals: [
        { name: 'start', measured: median(start), sense: 'below', bound: 100, unit: 'ms', digits: 1 },
        { name: 'stop', measured: median(stop), sense: 'below', bound: 50, unit: 'ms', digits: 1 },
        // What the engine itself keeps of code that runs again and again.
        {
          name: 'heap left by each cluster',
          measured: median(leaked),
          sense: 'below',
          bound: 2_048,
          unit: 'bytes',
          digits: 0,
        },
        { name: 'timers and sockets left', measured: median(left), sense: 'at most', bound: 0, unit: '', digits: 0 },
        {
          name: 'in and out, of one core',
          measured: median(perSecond),
          sense: 'at least',
          bound: 100_000,
          unit: 'messages/s',
          digits: 0,
        },
        {
          name: 'a million messages held',
          measured: median(held),
          sense: 'below',
          bound: 1_024,
          unit: 'MiB',
          digits: 0,
        },
      ],
      notes: [
        'In: by one producer, in batches of 200. Out: to one consumer of all queues. The time is the processor time of the',
        "mock's process alone; the memory is its resident set, Node itself included.",
      ],
    };
  },
};

async function runLifecycle(): Promise<LifecycleResult> {
  const { command, args } = ownProgram('mock-lifecycle');
  const program: PeerCommand = { command, args: ['--expose-gc', ...args] };
  const result = await runProgram({ command: program, values: { clusters: CLUSTERS } });
  return requireNumbers(result, ['firstStartMs', 'longestStartMs', 'longestStopMs', 'leakedBytes', 'leftResources']);
}

async function runTraffic(messages: number): Promise<Traffic> {
  const cluster = await MockProcess.start(1);
  try {
    const { namesrvAddr } = cluster;
    const target = await Target.running(namesrvAddr);
    const { name: topic, queues } = await target.createTopic('BenchMock', QUEUES);
    const before = await cluster.usage();
    await load({ namesrvAddr, topic, messages, size: SIZE, queues });
    const loaded = await cluster.usage();
    await ourConsumer('out', { target, topic, messages }).run(() => undefined);
    const drained = await cluster.usage();
    const perMessage = (from: MockUsage, to: MockUsage): number => ((to.cpuMs - from.cpuMs) * 1_000) / messages;
    return {
      inUs: perMessage(before, loaded),
      outUs: perMessage(loaded, drained),
      heldMiB: Math.max(loaded.rss, drained.rss) / 2 ** 20,
    };
  } finally {
    await cluster.stop();
  }
}
