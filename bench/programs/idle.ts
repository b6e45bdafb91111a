import { Arguments } from './arguments.js';
import { consumerOf } from './consumer.js';
import { Deferred } from './deferred.js';
import { printResult } from './meter.js';

/** What a consumer costs that has nothing to do. */
export interface IdleResult {
  readonly queues: number;
  readonly seconds: number;
  /** Processor time of the whole process in that time, in milliseconds. */
  readonly cpuMs: number;
}

/**
 * Owns queues that hold one message each, and once it had them all measures what waiting for more costs.
 *
 *     idle.js namesrv=host:port topic=.. group=.. queues=.. [settle=5] [seconds=30]
 */
const args = new Arguments(process.argv.slice(2));
const topic = args.text('topic');
const queues = args.number('queues');
const seconds = args.number('seconds', 30);

const seen = new Set<string>();
const all = new Deferred();

const consumer = consumerOf(args);
await consumer.start((_messages, { messageQueue: { brokerName, queueId } }) => {
  seen.add(`${brokerName} ${queueId}`);
  if (seen.size === queues) all.resolve();
});
await all.promise;

function pause(length: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1000));
}

// What starting up left to do, such as the first commits, is not idleness.
await pause(args.number('settle', 5));
const cpuAtStart = process.cpuUsage();
const startedAt = performance.now();
await pause(seconds);
const { user, system } = process.cpuUsage(cpuAtStart);
const result: IdleResult = {
  // Those of the group's retry topic come on top.
  queues: consumer.assignment.filter((queue) => queue.owned && queue.messageQueue.topic === topic).length,
  seconds: (performance.now() - startedAt) / 1000,
  cpuMs: (user + system) / 1000,
};
await consumer.close();
printResult(result);
