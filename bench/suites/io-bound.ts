import { requireNumbers } from '../harness/program-output.js';
import { ownProgram, runProgram } from '../harness/program.js';
import { pick, runRounds } from '../harness/rounds.js';
import { summarize } from '../harness/statistics.js';
import type { Suite } from '../harness/suite.js';

const MESSAGES = 8_000;
const SIZE = 512;
const QUEUES = 8;
const DELAY_MS = 5;
/** The first so many in a hundred of them warm up, and as many are left when it ends. */
const MARGIN = 0.05;
const NAME = 'listener that awaits';

/** Whether queues are served side by side: with a listener that waits, the rate is given by how long it waits. */
export const ioBound: Suite = {
  name: 'io',
  async run(context) {
    const messages = context.messages(MESSAGES);
    const { rounds, display } = context;
    const target = await context.target();
    const topic = await target.createTopic('BenchIo', QUEUES);
    const margin = Math.ceil(messages * MARGIN);
    await context.fill(target, topic, messages + 2 * margin, SIZE);
    const program = { namesrv: target.namesrvAddr, topic: topic.name, messages, warmup: margin, delay: DELAY_MS };
    const results = await runRounds({
      candidates: [
        {
          name: NAME,
          async run() {
            const values = { ...program, group: target.unique('bench') };
            const result = await runProgram({ command: ownProgram('io-bound'), values });
            const { wallMs, callMs, messages: count } = requireNumbers(result, ['messages', 'wallMs', 'callMs']);
            return { callMs, rate: (count / wallMs) * 1000, possible: (QUEUES / callMs) * 1000 };
          },
        },
      ],
      rounds,
      display,
      describe: ({ rate, possible }) => `${rate.toFixed(0)} messages/s of ${possible.toFixed(0)}`,
    });
    const part = pick(results, ({ rate, possible }) => rate / possible);
    const percent = pick(results, ({ rate, possible }) => Math.abs(1 - rate / possible) * 100);
    return {
      suite: 'io',
      title: `a listener that awaits a timer of ${DELAY_MS} ms`,
      target: target.description,
      rounds,
      settings: { messages, 'bytes each': SIZE, queues: QUEUES },
      measures: [
        { name: 'rate', unit: 'messages/s', digits: 0, values: pick(results, ({ rate }) => rate) },
        { name: 'possible rate', unit: 'messages/s', digits: 0, values: pick(results, ({ possible }) => possible) },
        { name: 'a call of the listener', unit: 'ms', digits: 2, values: pick(results, ({ callMs }) => callMs) },
        { name: 'part of the possible rate', unit: '', digits: 3, values: part },
      ],
      goals: [
        {
          name: 'rate, off what is possible',
          measured: summarize(percent[NAME] ?? []).median,
          sense: 'at most',
          bound: 3,
          unit: '%',
          digits: 1,
        },
      ],
      notes: ['What is possible: each queue has one call under way at any time, so queues / duration of a call.'],
    };
  },
};
