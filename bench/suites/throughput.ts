import { cpuOf, describeConsume, floorOf, memoryOf, ourConsumer, peerConsumers, rateOf } from '../harness/consuming.js';
import type { Goal, Measure } from '../harness/report.js';
import { pick, runRounds } from '../harness/rounds.js';
import { pairDifferences, pairRatios, summarize } from '../harness/statistics.js';
import type { Suite } from '../harness/suite.js';

const MESSAGES = 1_600_000;
const SIZE = 512;
const QUEUES = 8;

/** The least part of the floor's rate. */
const OF_FLOOR: Readonly<Record<string, number>> = {
  'sync, batch 1': 0.9,
  'async, batch 1': 0.75,
  'sync, batch 32': 0.93,
  'reads everything': 0.6,
};
/** How many times a peer's rate. */
const OF_PEER: Readonly<Record<string, number>> = { Java: 3, Go: 4.5 };
const SYNC = 'sync, batch 1';

/** How fast a topic that is full is drained, beside a loop that does the least any client must do. */
export const throughput: Suite = {
  name: 'throughput',
  async run(context) {
    const messages = context.messages(MESSAGES);
    const target = await context.target();
    const { name: topic } = await context.loadedTopic(messages, SIZE);
    const drain = { target, topic, messages };
    const floor = floorOf(drain, QUEUES);
    const sync = ourConsumer(SYNC, drain, { listener: 'sync' });
    const { display, rounds } = context;
    const candidates = [
      floor,
      sync,
      ourConsumer('async, batch 1', drain, { listener: 'async' }),
      ourConsumer('sync, batch 32', drain, { listener: 'sync', batch: 32 }),
      ourConsumer('reads everything', drain, { listener: 'read' }),
      ...peerConsumers(context, drain),
    ];
    const results = await runRounds({ candidates, rounds, warmUp: [floor, sync], display, describe: describeConsume });

    const rates = pick(results, rateOf);
    const cpu = pick(results, cpuOf);
    const floorRates = rates[floor.name] ?? [];
    const ofFloor = mapValues(rates, (values) => pairRatios(values, floorRates));
    const overFloor = mapValues(cpu, (values) => pairDifferences(values, cpu[floor.name] ?? []));
    delete ofFloor[floor.name];
    delete overFloor[floor.name];
    const delays = pick(results, ({ loopDelayP99Ms }) => loopDelayP99Ms);
    const measures: Measure[] = [
      { name: 'rate', unit: 'messages/s', digits: 0, values: rates, chart: 'more is better' },
      { name: "part of the floor's rate, pair by pair", unit: '', digits: 3, values: ofFloor },
      { name: 'processor time', unit: 'us/message', digits: 2, values: cpu, chart: 'less is better' },
      { name: "processor time over the floor's, pair by pair", unit: 'us/message', digits: 2, values: overFloor },
      { name: 'event loop delay, p99', unit: 'ms', digits: 1, values: delays },
      { name: 'memory at its most', unit: 'MB', digits: 0, values: pick(results, memoryOf) },
    ];
    const goals: Goal[] = Object.entries(OF_FLOOR).map(([name, bound]) => ({
      name: `${name}: part of the floor's rate`,
      measured: summarize(ofFloor[name] ?? []).median,
      sense: 'at least',
      bound,
      unit: '',
      digits: 3,
    }));
    goals.push(
      {
        name: `${SYNC}: processor time over the floor's`,
        measured: summarize(overFloor[SYNC] ?? []).median,
        sense: 'at most',
        bound: 0.25,
        unit: 'us/message',
        digits: 2,
      },
      {
        name: `${SYNC}: event loop delay, p99`,
        measured: summarize(delays[SYNC] ?? []).median,
        sense: 'below',
        bound: 20,
        unit: 'ms',
        digits: 1,
      },
    );
    for (const [peer, bound] of Object.entries(OF_PEER)) {
      const peerRates = rates[peer];
      if (peerRates === undefined) continue;
      const measured = summarize(pairRatios(rates[SYNC] ?? [], peerRates)).median;
      goals.push({
        name: `${SYNC}: times the rate of ${peer}`,
        measured,
        sense: 'at least',
        bound,
        unit: '',
        digits: 2,
      });
    }
    return {
      suite: 'throughput',
      title: 'draining a topic that is full',
      target: target.description,
      rounds,
      settings: { messages, 'bytes each': SIZE, queues: QUEUES },
      measures,
      goals,
      notes: [
        'Each run is a process of its own, in a fresh group, at default options. The time is from the first message to the',
        'last, so that starting up is not in it. The floor pulls and counts; it neither decodes, locks nor commits.',
      ],
    };
  },
};

function mapValues(
  record: Readonly<Record<string, readonly number[]>>,
  map: (values: readonly number[]) => number[],
): Record<string, number[]> {
  return Object.fromEntries(Object.entries(record).map(([name, values]) => [name, map(values)]));
}
