import { describeConsume, floorOf, memoryOf, ourConsumer, peerConsumers } from '../harness/consuming.js';
import { pick, runRounds } from '../harness/rounds.js';
import { pairRatios, summarize } from '../harness/statistics.js';
import type { Suite } from '../harness/suite.js';

const MESSAGES = 400_000;
const TIMES = 10;
const SIZE = 512;
const QUEUES = 8;

/** How much memory draining a topic takes, and whether it takes more when there is more to drain. */
export const memory: Suite = {
  name: 'memory',
  async run(context) {
    const messages = context.messages(MESSAGES);
    const { rounds, display } = context;
    const target = await context.target();
    const { name: topic } = await context.loadedTopic(messages * TIMES, SIZE);
    const drain = { target, topic, messages };
    const few = `${messages.toLocaleString('en-US')} messages`;
    const many = `${(messages * TIMES).toLocaleString('en-US')} messages`;
    const drainMany = { ...drain, messages: messages * TIMES };
    const floorMany = `floor, ${many}`;
    const results = await runRounds({
      candidates: [
        ourConsumer(few, drain),
        ourConsumer(many, drainMany),
        floorOf(drain, QUEUES, { name: `floor, ${few}` }),
        floorOf(drainMany, QUEUES, { name: floorMany }),
        ...peerConsumers(context, drain),
      ],
      rounds,
      display,
      describe: describeConsume,
    });
    const peak = pick(results, memoryOf);
    const ratio = pairRatios(peak[many] ?? [], peak[few] ?? []);
    return {
      suite: 'memory',
      title: 'memory while draining a topic that is full',
      target: target.description,
      rounds,
      settings: { messages, 'times as many': TIMES, 'bytes each': SIZE, queues: QUEUES },
      measures: [
        { name: 'memory at its most', unit: 'MB', digits: 0, values: peak, chart: 'less is better' },
        { name: `${many} to ${few}, pair by pair`, unit: '', digits: 2, values: { memory: ratio } },
        {
          name: `ours to the floor, ${many}, pair by pair`,
          unit: '',
          digits: 2,
          values: { memory: pairRatios(peak[many] ?? [], peak[floorMany] ?? []) },
        },
      ],
      goals: [
        {
          name: few,
          measured: summarize(peak[few] ?? []).median,
          sense: 'below',
          bound: 90,
          unit: 'MB',
          digits: 0,
        },
        {
          name: `flat: ${TIMES} times the messages, times the memory`,
          measured: summarize(ratio).median,
          sense: 'at most',
          bound: 1.1,
          unit: '',
          digits: 2,
        },
      ],
      notes: ['The resident set of the whole process at its most, Node itself included; MB are millions of bytes.'],
    };
  },
};
