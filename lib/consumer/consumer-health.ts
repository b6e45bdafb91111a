import { describeQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';
import { STALL_AFTER, stallOf, type StallCode } from './stall.js';

/** Whether a consumer does its work, for a readiness probe or an alarm. */
export interface ConsumerHealth {
  /** Nothing keeps this consumer from consuming what is assigned to it. */
  readonly healthy: boolean;
  /** What does, in words. Empty when healthy. */
  readonly reasons: readonly string[];
}

/** What a queue that is owned may be in without anything being wrong with this consumer or its brokers. */
const AS_WANTED: ReadonlySet<StallCode> = new Set([
  'SUSPENDED',
  'LISTENER_RUNNING',
  'LISTENERS_BUSY',
  'RETRYING',
  'FLOW_CONTROL',
]);

/** @param suspended the user has suspended the whole consumer */
export function describeHealth(
  queues: readonly AssignedQueue[],
  now: number,
  leaseTime: number,
  suspended: boolean,
): ConsumerHealth {
  const reasons: string[] = [];
  for (const queue of queues) {
    const name = describeQueue(queue.exposedQueue);
    if (queue.state === 'locking') {
      reasons.push(`${name} waits for its lock${queue.refusals > 0 ? `, refused ${queue.refusals} times` : ''}`);
    } else if (queue.state === 'owned' && !queue.holdsLease(now, leaseTime)) {
      reasons.push(`${name} could not renew its lock`);
    } else if (queue.state === 'owned') {
      // A pull or two that fail are nothing: it is tried again in a second.
      const stall = stallOf(queue, now, leaseTime, suspended);
      if (stall !== undefined && stall.forMs >= STALL_AFTER && !AS_WANTED.has(stall.code)) {
        reasons.push(`${name}: ${stall.reason}`);
      }
    }
  }
  return { healthy: reasons.length === 0, reasons };
}
