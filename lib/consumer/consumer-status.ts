import type { MessageQueue } from '../protocol/message-queue.js';
import type { AssignedQueue, QueueState } from './assigned-queue.js';
import { stallOf, type Stall } from './stall.js';

/** One queue, as it is at this moment. */
export interface QueueStatus {
  readonly messageQueue: MessageQueue;
  readonly state: QueueState;
  /** It is consumed here: the lock is held and its lease not run out. */
  readonly owned: boolean;
  /** What is left of the lease, in milliseconds; negative when it has run out, `undefined` without a lock. */
  readonly leaseMs: number | undefined;
  /** How often in a row the broker has refused the lock. */
  readonly lockRefusals: number;
  /** Up to where all is finished, in memory; it is sent to the broker every few seconds. */
  readonly committedOffset: number | undefined;
  /** Where the next pull begins; -1 while that is not known. */
  readonly nextOffset: number;
  /** Messages held, those with the listener included, and their bodies' bytes as they are stored. */
  readonly buffered: number;
  readonly bufferedBytes: number;
  /** For how long the listener has been running, in milliseconds; `undefined` when it isn't. */
  readonly listenerMs: number | undefined;
  /** What keeps the queue from moving, if anything does. */
  readonly stall: Stall | undefined;
}

/** A consumer at a glance. Plain data, ready to be written as JSON. */
export interface ConsumerStatus {
  readonly phase: 'created' | 'starting' | 'running' | 'closing' | 'closed';
  readonly consumerGroup: string;
  readonly clientId: string;
  /** See {@link OrderedConsumer.health}. */
  readonly healthy: boolean;
  readonly reasons: readonly string[];
  readonly suspended: boolean;
  readonly ownedQueues: number;
  readonly buffered: number;
  readonly bufferedBytes: number;
  readonly queues: readonly QueueStatus[];
}

/** @param committed up to where all of a queue is finished */
export function describeQueues(
  queues: readonly AssignedQueue[],
  committed: (queue: MessageQueue) => number | undefined,
  now: number,
  leaseTime: number,
  suspended: boolean,
): Pick<ConsumerStatus, 'ownedQueues' | 'buffered' | 'bufferedBytes' | 'queues'> {
  let ownedQueues = 0;
  let buffered = 0;
  let bufferedBytes = 0;
  const list = queues.map((queue): QueueStatus => {
    const owned = queue.state === 'owned' && queue.holdsLease(now, leaseTime);
    if (owned) ownedQueues++;
    buffered += queue.buffer.count;
    bufferedBytes += queue.buffer.bytes;
    return {
      messageQueue: queue.exposedQueue,
      state: queue.state,
      owned,
      leaseMs: queue.locked ? queue.lockedAt + leaseTime - now : undefined,
      lockRefusals: queue.refusals,
      committedOffset: committed(queue.messageQueue),
      nextOffset: queue.nextOffset,
      buffered: queue.buffer.count,
      bufferedBytes: queue.buffer.bytes,
      listenerMs: queue.busy ? now - queue.lastConsumeAt : undefined,
      stall: stallOf(queue, now, leaseTime, suspended),
    };
  });
  return { ownedQueues, buffered, bufferedBytes, queues: list };
}
