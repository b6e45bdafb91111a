import { cpuOf, memoryOf } from '../harness/consuming.js';
import { requireNumbers } from '../harness/program-output.js';
import { ownProgram, runProgram, type PeerCommand } from '../harness/program.js';
import type { Goal } from '../harness/report.js';
import { pick, runRounds, type Candidate } from '../harness/rounds.js';
import { pairRatios, summarize } from '../harness/statistics.js';
import type { Suite } from '../harness/suite.js';
import type { ProduceResult } from '../programs/produce.js';

const MESSAGES = 100_000;
const SIZE = 512;
const KEYS = 64;
const IN_FLIGHT = 100;
const QUEUES = 8;
const OURS = 'rocketmq-ordered';

/** How fast messages with sharding keys are sent, so many at a time. */
export const producer: Suite = {
  name: 'producer',
  async run(context) {
    const messages = context.messages(MESSAGES);
    const { rounds, display } = context;
    const target = await context.target();
    const candidate = (name: string, command: PeerCommand): Candidate<ProduceResult> => ({
      name,
      async run() {
        const topic = await target.createTopic('BenchProduce', QUEUES);
        const work = { messages, size: SIZE, keys: KEYS, inFlight: IN_FLIGHT };
        const values = { namesrv: target.namesrvAddr, topic: topic.name, ...work };
        return requireNumbers(await runProgram({ command, values }), ['messages', 'wallMs', 'cpuMs', 'peakRss']);
      },
    });
    const ours = candidate(OURS, ownProgram('produce'));
    const results = await runRounds({
      candidates: [ours, ...context.peerCommands('produce').map(([name, command]) => candidate(name, command))],
      rounds,
      warmUp: [ours],
      display,
      describe: describeProduce,
    });
    const rates = pick(results, rate);
    const goals: Goal[] = [];
    if (rates['Java'] !== undefined) {
      const measured = summarize(pairRatios(rates[OURS] ?? [], rates['Java'])).median;
      goals.push({ name: 'times the rate of Java', measured, sense: 'at least', bound: 1, unit: '', digits: 2 });
    }
    return {
      suite: 'producer',
      title: 'sending with sharding keys',
      target: target.description,
      rounds,
      settings: { messages, 'bytes each': SIZE, keys: KEYS, 'in flight': IN_FLIGHT, queues: QUEUES },
      measures: [
        { name: 'rate', unit: 'messages/s', digits: 0, values: rates, chart: 'more is better' },
        {
          name: 'processor time',
          unit: 'us/message',
          digits: 2,
          values: pick(results, cpuOf),
          chart: 'less is better',
        },
        { name: 'memory at its most', unit: 'MB', digits: 0, values: pick(results, memoryOf) },
      ],
      goals,
      notes: [
        'The next messages are sent when the last ones are answered. Here a message waits for the one before it with the',
        'same key; the other clients only choose its queue by the key.',
      ],
    };
  },
};

function rate({ messages, wallMs }: ProduceResult): number {
  return (messages / wallMs) * 1000;
}

function describeProduce(result: ProduceResult): string {
  return `${Math.round(rate(result)).toLocaleString('en-US')} messages/s, ${cpuOf(result).toFixed(1)} us each`;
}
