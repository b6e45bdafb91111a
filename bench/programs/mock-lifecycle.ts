import { MockCluster } from '../../mock-broker/index.js';
import { Arguments } from './arguments.js';
import { printResult } from './meter.js';

/** What starting and stopping clusters came to. Times in milliseconds, memory in bytes. */
export interface LifecycleResult {
  /** The first start in the process: its code has never run. */
  readonly firstStartMs: number;
  readonly longestStartMs: number;
  readonly longestStopMs: number;
  /** The heap's growth for each cluster from the second half on. */
  readonly leakedBytes: number;
  /** Timers, sockets and the like that were left. */
  readonly leftResources: number;
}

/**
 * Starts and stops clusters one after the other, each with a topic, a message and a connected client.
 *
 *     node --expose-gc mock-lifecycle.js clusters=200
 */
const count = new Arguments(process.argv.slice(2)).number('clusters', 200);
const collect = globalThis.gc;
if (collect === undefined) throw new Error('this program needs node --expose-gc');

const resourcesAtStart = process.getActiveResourcesInfo().length;
const starts: number[] = [];
const stops: number[] = [];
let heapHalfWay = 0;
for (let i = 0; i < count; i++) {
  const startedAt = performance.now();
  const cluster = await MockCluster.start({ topics: { Orders: { queues: 4 } } });
  starts.push(performance.now() - startedAt);
  cluster.produce('Orders', { body: 'created', shardingKey: 'o-17' });
  const stoppedAt = performance.now();
  await cluster.stop();
  stops.push(performance.now() - stoppedAt);
  // Handles are gone when the event loop has been round once more.
  await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
  if (i === count / 2) {
    collect();
    heapHalfWay = process.memoryUsage().heapUsed;
  }
}
collect();
const result: LifecycleResult = {
  firstStartMs: starts[0] ?? 0,
  longestStartMs: Math.max(...starts),
  longestStopMs: Math.max(...stops),
  leakedBytes: (process.memoryUsage().heapUsed - heapHalfWay) / (count / 2),
  leftResources: process.getActiveResourcesInfo().length - resourcesAtStart,
};
printResult(result);
