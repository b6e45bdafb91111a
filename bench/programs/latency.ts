import { randomBytes } from 'node:crypto';
import { Producer } from '../../lib/index.js';
import { Arguments } from './arguments.js';
import { consumerOf } from './consumer.js';
import { Deferred } from './deferred.js';
import { printResult } from './meter.js';
import { latencyResult, paced } from './paced.js';

/**
 * From the call of send() to the call of the listener. Sends at a fixed rate and consumes in the same process, so that
 * one clock gives both times. The first messages only
 * warm up: until every queue is locked and pulled from, it is the start that would be measured.
 *
 *     latency.js namesrv=host:port topic=.. group=.. messages=.. [rate=300] [warmup=300]
 */
const args = new Arguments(process.argv.slice(2));
const topic = args.text('topic');
const wanted = args.number('messages');
const warmUp = args.number('warmup', 300);
const intervalMs = 1000 / args.number('rate', 300);

/** The body: which run, which message, and when it was sent. */
const RUN_BYTES = 8;
const BODY_BYTES = 20;
const run = randomBytes(RUN_BYTES);
const latencies: number[] = [];
const warm = new Deferred();
const done = new Deferred();
let warmed = 0;

const consumer = consumerOf(args);
await consumer.start((messages) => {
  const now = performance.now();
  for (const { body } of messages) {
    // What an earlier run left in the topic is not ours to measure.
    if (body.length !== BODY_BYTES || !run.equals(body.subarray(0, RUN_BYTES))) continue;
    if (body.readUInt32BE(RUN_BYTES) < warmUp) {
      if (++warmed === warmUp) warm.resolve();
      continue;
    }
    latencies.push(now - body.readDoubleBE(RUN_BYTES + 4));
    if (latencies.length === wanted) done.resolve();
  }
  return 'SUCCESS';
});
const producer = new Producer({ namesrvAddr: args.text('namesrv') });
await producer.start();

async function sendPaced(from: number, count: number): Promise<void> {
  const answers: Promise<unknown>[] = [];
  await paced(count, intervalMs, (index) => {
    const body = Buffer.allocUnsafe(BODY_BYTES);
    run.copy(body);
    body.writeUInt32BE(from + index, RUN_BYTES);
    body.writeDoubleBE(performance.now(), RUN_BYTES + 4);
    answers.push(producer.send({ topic, body }));
  });
  await Promise.all(answers);
}

await sendPaced(0, warmUp);
if (warmUp > 0) await warm.promise;
await sendPaced(warmUp, wanted);
await done.promise;
await Promise.all([consumer.close(), producer.close()]);

printResult(latencyResult(latencies));
