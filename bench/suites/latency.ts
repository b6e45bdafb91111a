import { requireNumbers } from '../harness/program-output.js';
import { ownProgram, runProgram, type PeerCommand } from '../harness/program.js';
import { pick, runRounds, type Candidate } from '../harness/rounds.js';
import { summarize } from '../harness/statistics.js';
import type { Suite } from '../harness/suite.js';
import type { LatencyResult } from '../programs/paced.js';

const MESSAGES = 6_000;
const RATE = 300;
const WARM_UP = 600;
const QUEUES = 8;
const OURS = 'rocketmq-ordered';
const FLOOR = 'floor';

type Values = Readonly<Record<string, string | number>>;

/** How long a message takes from send() to the listener, at a rate nobody is busy with. */
export const latency: Suite = {
  name: 'latency',
  async run(context) {
    const messages = context.messages(MESSAGES);
    const { rounds, display } = context;
    const target = await context.target();
    const candidate = (
      name: string,
      command: PeerCommand,
      where: () => Values = () => ({ namesrv: target.namesrvAddr, group: target.unique('bench') }),
    ): Candidate<LatencyResult> => ({
      name,
      async run() {
        // A topic of its own, so that it begins with the first message that is sent.
        const { name: topic } = await target.createTopic('BenchLatency', QUEUES);
        const values = { ...where(), topic, messages, rate: RATE, warmup: WARM_UP };
        const result = await runProgram({ command, values });
        return requireNumbers(result, ['messages', 'p50Ms', 'p90Ms', 'p99Ms', 'maxMs']);
      },
    });
    const ours = candidate(OURS, ownProgram('latency'));
    const floor = candidate(FLOOR, ownProgram('floor-latency'), () => ({
      broker: target.brokerAddress,
      queues: QUEUES,
    }));
    const results = await runRounds({
      candidates: [floor, ours, ...context.peerCommands('latency').map(([name, command]) => candidate(name, command))],
      rounds,
      warmUp: [ours],
      display,
      describe: ({ p50Ms, p99Ms }) => `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`,
    });
    const p50 = pick(results, ({ p50Ms }) => p50Ms);
    const p99 = pick(results, ({ p99Ms }) => p99Ms);
    const goal = { sense: 'below', unit: 'ms', digits: 2 } as const;
    return {
      suite: 'latency',
      title: `from send() to the listener at ${RATE} messages a second`,
      target: target.description,
      rounds,
      settings: { messages, 'after warming up with': WARM_UP, queues: QUEUES },
      measures: [
        { name: 'p50', unit: 'ms', digits: 2, values: p50, chart: 'less is better' },
        { name: 'p90', unit: 'ms', digits: 2, values: pick(results, ({ p90Ms }) => p90Ms) },
        { name: 'p99', unit: 'ms', digits: 2, values: p99, chart: 'less is better' },
        {
          name: 'over the floor, pair by pair',
          unit: 'ms',
          digits: 2,
          values: { p50: differences(p50), p99: differences(p99) },
        },
        { name: 'longest', unit: 'ms', digits: 2, values: pick(results, ({ maxMs }) => maxMs) },
      ],
      goals: [
        { ...goal, name: 'p50', measured: summarize(p50[OURS] ?? []).median, bound: 0.8 },
        { ...goal, name: 'p99', measured: summarize(p99[OURS] ?? []).median, bound: 3 },
      ],
      notes: [
        'One process sends and consumes, at default options; storing the message at the broker is in the time.',
        'The floor is two bare connections, one that sends and one with a pull of each queue waiting.',
      ],
    };
  },
};

/** What ours takes more than the floor, round by round. */
function differences(values: Readonly<Record<string, readonly number[]>>): number[] {
  return (values[OURS] ?? []).map((ours, round) => ours - (values[FLOOR]?.[round] ?? Number.NaN));
}
