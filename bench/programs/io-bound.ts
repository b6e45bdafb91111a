import { Arguments } from './arguments.js';
import { consumerOf } from './consumer.js';
import { Deferred } from './deferred.js';
import { printResult } from './meter.js';

/** What a consumer reports whose listener waits for something else. Times in milliseconds. */
export interface IoBoundResult {
  readonly messages: number;
  /** The span in which they were handled. */
  readonly wallMs: number;
  /** How long a listener's call took, on average. */
  readonly callMs: number;
}

/**
 * Consumes with a listener that awaits a timer. What is measured begins after the warm-up and ends before the topic
 * does, while every queue has messages: else it is the queues' ends that would be measured.
 *
 *     io-bound.js namesrv=host:port topic=.. group=.. messages=.. warmup=.. [delay=5]
 */
const args = new Arguments(process.argv.slice(2));
const wanted = args.number('messages');
const warmUp = args.number('warmup');
const delay = args.number('delay', 5);

const done = new Deferred<IoBoundResult>();
let count = 0;
let beganAt = 0;
let spent = 0;

const consumer = consumerOf(args);
await consumer.start(async () => {
  const calledAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, delay));
  const now = performance.now();
  count++;
  if (count > warmUp) spent += now - calledAt;
  if (count === warmUp) beganAt = now;
  if (count === warmUp + wanted) {
    done.resolve({ messages: wanted, wallMs: now - beganAt, callMs: spent / wanted });
  }
});
const result = await done.promise;
await consumer.close();
printResult(result);
