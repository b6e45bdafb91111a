import { describeQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';
import { LONGEST_WITHOUT_PULL } from './stall.js';

/** Whether a consumer does its work, for a readiness probe or an alarm. */
export interface ConsumerHealth {
  /** Nothing keeps this consumer from consuming what is assigned to it. */
  readonly healthy: boolean;
  /** What does, in words. Empty when healthy. */
  readonly reasons: readonly string[];
}

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
    } else if (queue.state === 'owned' && !suspended && isStuck(queue, now)) {
      reasons.push(`${name} has not been pulled for ${Math.round((now - queue.lastPullAt) / 1_000)} s`);
    }
  }
  return { healthy: reasons.length === 0, reasons };
}

/** Not pulled for long, although neither the user nor a full buffer is the reason. */
function isStuck(queue: AssignedQueue, now: number): boolean {
  const asWanted = queue.suspended || queue.waitsForRoom;
  return !asWanted && queue.lastPullAt !== Number.NEGATIVE_INFINITY && now - queue.lastPullAt > LONGEST_WITHOUT_PULL;
}
