import { cpuOf, describeConsume, floorOf, ourConsumer } from '../harness/consuming.js';
import type { Display } from '../harness/display.js';
import { load } from '../harness/load.js';
import { pick, runRounds } from '../harness/rounds.js';
import { pairRatios, summarize } from '../harness/statistics.js';
import { Target } from '../harness/target.js';

const QUEUES = 8;
const MESSAGES = 100_000;
const ROUNDS = 5;

/**
 * The processor time of the whole consumer for a message, in that of the floor program: both drain the same topic of
 * the mock cluster, one after the other, several times. What slows the machine down slows both.
 */
export async function consumerAgainstFloor(display: Display): Promise<number> {
  const target = await Target.mock();
  try {
    const topic = await target.createTopic('Guard', QUEUES);
    const { namesrvAddr } = target;
    display.doing('loading the mock cluster');
    await load({ namesrvAddr, topic: topic.name, messages: MESSAGES, size: 512, queues: topic.queues });
    const drain = { target, topic: topic.name, messages: MESSAGES };
    const floor = floorOf(drain, QUEUES);
    const ours = ourConsumer('consumer', drain);
    const candidates = [floor, ours];
    const results = await runRounds({ candidates, rounds: ROUNDS, display, describe: describeConsume });
    const cpu = pick(results, cpuOf);
    return summarize(pairRatios(cpu[ours.name] ?? [], cpu[floor.name] ?? [])).median;
  } finally {
    await target.stop();
  }
}
