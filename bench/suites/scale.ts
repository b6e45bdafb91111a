import { cpuOf, describeConsume, floorOf, ourConsumer, rateOf } from '../harness/consuming.js';
import { requireNumbers } from '../harness/program-output.js';
import { ownProgram, runProgram } from '../harness/program.js';
import { pick, runRounds } from '../harness/rounds.js';
import { pairRatios, summarize } from '../harness/statistics.js';
import type { BenchContext, Suite } from '../harness/suite.js';
import { Target, type BenchTopic } from '../harness/target.js';

/** Enough for every one of the many queues to be refilled often: it is not their start that is measured. */
const MESSAGES = 2_400_000;
const SIZE = 512;
const FEW = { queues: 8, brokers: 1 };
const MANY = { queues: 16, brokers: 16 };
const MANY_QUEUES = MANY.queues * MANY.brokers;
const IDLE_SECONDS = 30;
const FEW_NAME = '8 queues on 1 broker';
const FLOOR_FEW = `floor, ${FEW_NAME}`;
const MANY_NAME = `${MANY_QUEUES} queues on ${MANY.brokers} brokers`;
const FLOOR_MANY = `floor, ${MANY_NAME}`;

/** Whether many queues cost more than few. On mock clusters, since nobody has 16 real brokers at hand. */
export const scale: Suite = {
  name: 'scale',
  async run(context) {
    const few = await Target.mock(FEW.brokers);
    try {
      const many = await Target.mock(MANY.brokers);
      try {
        return await measure(context, few, many);
      } finally {
        await many.stop();
      }
    } finally {
      await few.stop();
    }
  },
};

async function measure(context: BenchContext, few: Target, many: Target): ReturnType<Suite['run']> {
  const messages = context.messages(MESSAGES);
  const { rounds, display } = context;
  const fill = async (target: Target, queues: number, count: number): Promise<BenchTopic> => {
    const topic = await target.createTopic('BenchScale', queues, 'all');
    await context.fill(target, topic, count, SIZE);
    return topic;
  };
  const fewTopic = await fill(few, FEW.queues, messages);
  const manyTopic = await fill(many, MANY.queues, messages);
  const idleTopic = await fill(many, MANY.queues, MANY_QUEUES);
  const drainFew = { target: few, topic: fewTopic.name, messages };
  const drainMany = { target: many, topic: manyTopic.name, messages };
  const candidates = [
    ourConsumer(FEW_NAME, drainFew),
    ourConsumer(MANY_NAME, drainMany),
    floorOf(drainFew, FEW.queues, { name: FLOOR_FEW }),
    floorOf(drainMany, MANY.queues, { name: FLOOR_MANY, brokers: many.brokerAddresses }),
  ];
  const drained = await runRounds({ candidates, rounds, warmUp: candidates, display, describe: describeConsume });
  const idle = await runRounds({
    candidates: [{ name: MANY_NAME, run: () => runIdle(many, idleTopic.name) }],
    rounds: 1,
    display,
    describe: (percent) => `idle: ${percent.toFixed(2)} % of a core`,
  });
  const cpu = pick(drained, cpuOf);
  const ratio = pairRatios(cpu[MANY_NAME] ?? [], cpu[FEW_NAME] ?? []);
  const floorRatio = pairRatios(cpu[FLOOR_MANY] ?? [], cpu[FLOOR_FEW] ?? []);
  const idlePercent = pick(idle, (percent) => percent);
  return {
    suite: 'scale',
    title: 'many queues and few',
    target: `${few.description}; ${many.description}`,
    rounds,
    settings: { messages, 'bytes each': SIZE, 'seconds idle': IDLE_SECONDS },
    measures: [
      { name: 'processor time', unit: 'us/message', digits: 2, values: cpu, chart: 'less is better' },
      {
        name: `processor time, ${MANY_NAME} to ${FEW_NAME}, pair by pair`,
        unit: '',
        digits: 2,
        values: { ours: ratio, floor: floorRatio },
      },
      { name: 'rate', unit: 'messages/s', digits: 0, values: pick(drained, rateOf) },
      { name: 'idle', unit: '% of a core', digits: 2, values: idlePercent },
    ],
    goals: [
      {
        name: 'many queues: times the processor time of few',
        measured: summarize(ratio).median,
        sense: 'at most',
        bound: 1.1,
        unit: '',
        digits: 2,
      },
      {
        name: `idle with ${MANY_QUEUES} queues`,
        measured: summarize(idlePercent[MANY_NAME] ?? []).median,
        sense: 'below',
        bound: 1,
        unit: '% of a core',
        digits: 2,
      },
    ],
    notes: ['The mock clusters have their part in the rate; what counts here is the processor time of the consumer.'],
  };
}

/** Processor time of a consumer with nothing to do, in percent of one core. */
async function runIdle(target: Target, topic: string): Promise<number> {
  const group = target.unique('bench');
  const values = { namesrv: target.namesrvAddr, topic, group, queues: MANY_QUEUES, seconds: IDLE_SECONDS };
  const result = await runProgram({ command: ownProgram('idle'), values });
  const { queues, seconds, cpuMs } = requireNumbers(result, ['queues', 'seconds', 'cpuMs']);
  if (queues !== MANY_QUEUES) throw new Error(`the idle consumer owned ${queues} of ${MANY_QUEUES} queues at the end`);
  return cpuMs / seconds / 10;
}
