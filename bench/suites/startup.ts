import { memoryOf, ourConsumer, peerConsumers } from '../harness/consuming.js';
import { pick, runRounds } from '../harness/rounds.js';
import { summarize } from '../harness/statistics.js';
import type { Suite } from '../harness/suite.js';

const MESSAGES = 1_000;
const SIZE = 512;
const OURS = 'rocketmq-ordered';

/** How long it takes from start() to the first message: of a group that is new, in a topic that has messages. */
export const startup: Suite = {
  name: 'startup',
  async run(context) {
    const messages = context.messages(MESSAGES);
    const { rounds, display } = context;
    const target = await context.target();
    const { name: topic } = await context.loadedTopic(messages, SIZE);
    const drain = { target, topic, messages };
    const ours = ourConsumer(OURS, drain);
    const results = await runRounds({
      candidates: [ours, ...peerConsumers(context, drain)],
      rounds,
      warmUp: [ours],
      display,
      describe: ({ firstMs }) => `first message after ${firstMs.toFixed(0)} ms`,
    });
    const first = pick(results, ({ firstMs }) => firstMs);
    return {
      suite: 'startup',
      title: 'from start() to the first message',
      target: target.description,
      rounds,
      settings: { messages, 'bytes each': SIZE, queues: 8 },
      measures: [
        { name: 'first message', unit: 'ms', digits: 0, values: first, chart: 'less is better' },
        { name: 'memory at its most', unit: 'MB', digits: 0, values: pick(results, memoryOf) },
      ],
      goals: [
        {
          name: 'first message',
          measured: summarize(first[OURS] ?? []).median,
          sense: 'below',
          bound: 150,
          unit: 'ms',
          digits: 0,
        },
      ],
      notes: ['Each run is a process of its own, in a fresh group; loading the program is not in the time.'],
    };
  },
};
