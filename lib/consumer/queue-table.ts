import type { Clock } from '../clock.js';
import { QueueLostError, StateError } from '../errors.js';
import { describeQueue, messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';
import { type QueueState } from './assigned-queue.js';
import type { CallLock } from './call-lock.js';

/**
 * The process-queue table: which queues this consumer has anything to do with, and the only place where one of them
 * changes its state.
 *
 *     absent -> locking            add: the rebalancer wants it
 *     locking -> owned             own: the broker granted the lock and the start offset is known
 *     owned -> draining            drain: it belongs to somebody else now, or the consumer closes
 *     owned -> locking             lose: the broker refused the renewal; everything buffered is void
 *     locking | draining -> absent drop: given back, or lost while draining
 */

/** One change of state, as told to observers. */
export interface QueueTransition {
  readonly queue: AssignedQueue;
  readonly from: QueueState;
  readonly to: QueueState;
  readonly reason: string;
}

export class QueueTable {
  readonly #queues = new Map<string, AssignedQueue>();
  /** Local locks of queues that left while a listener call was running: its successor here waits for it. */
  readonly #heldBehind = new Map<string, CallLock>();
  readonly #clock: Clock;
  readonly #onTransition: (transition: QueueTransition) => void;

  constructor(clock: Clock, onTransition: (transition: QueueTransition) => void) {
    this.#clock = clock;
    this.#onTransition = onTransition;
  }

  get size(): number {
    return this.#queues.size;
  }

  get(queue: MessageQueue): AssignedQueue | undefined {
    return this.#queues.get(messageQueueKey(queue));
  }

  has(key: string): boolean {
    return this.#queues.has(key);
  }

  all(): AssignedQueue[] {
    return [...this.#queues.values()];
  }

  inState(state: QueueState): AssignedQueue[] {
    return this.all().filter((queue) => queue.state === state);
  }

  /** The local lock that is still held for a queue that left the table, if there is one. */
  heldBehind(key: string): CallLock | undefined {
    return this.#heldBehind.get(key);
  }

  /** Resolves when no listener is at work any more for a queue that left the table. */
  async listenersLeft(): Promise<void> {
    await Promise.all([...this.#heldBehind.values()].map((localLock) => localLock.run(() => undefined)));
  }

  add(queue: AssignedQueue): void {
    if (this.#queues.has(queue.key))
      throw new StateError(`${describeQueue(queue.messageQueue)} is in the table already`);
    this.#queues.set(queue.key, queue);
    queue.since = this.#clock.now();
    this.#onTransition({ queue, from: 'absent', to: 'locking', reason: 'assigned' });
  }

  own(queue: AssignedQueue, startOffset: number): void {
    this.#require(queue, 'locking');
    queue.buffer.reset(startOffset);
    queue.nextOffset = startOffset;
    this.#move(queue, 'owned', 'locked');
  }

  drain(queue: AssignedQueue, reason: string): void {
    this.#require(queue, 'owned');
    this.#move(queue, 'draining', reason);
    queue.announceEnd(queueLost(queue, reason));
  }

  /** The lock is gone. What is buffered is forgotten at once, what the listener still answers is ignored. */
  lose(queue: AssignedQueue, reason: string): void {
    this.#require(queue, 'owned');
    this.#void(queue, reason);
    queue.nextOffset = -1;
    this.#move(queue, 'locking', reason);
  }

  drop(queue: AssignedQueue, reason: string): void {
    this.#require(queue, 'locking', 'draining');
    this.#queues.delete(queue.key);
    this.#keepHeld(queue);
    this.#void(queue, reason);
    queue.locked = false;
    this.#move(queue, 'absent', reason);
  }

  /** Keeps the queue, but starts over at `offset` as if it had just been acquired. */
  restart(queue: AssignedQueue, offset: number, reason: string): void {
    this.#require(queue, 'owned');
    this.#void(queue, reason);
    queue.buffer.reset(offset);
    queue.nextOffset = offset;
    queue.changed.notify();
  }

  #keepHeld({ key, localLock, hasCallUnderWay }: AssignedQueue): void {
    if (!hasCallUnderWay) return;
    this.#heldBehind.set(key, localLock);
    void localLock.run(() => {
      if (this.#heldBehind.get(key) === localLock) this.#heldBehind.delete(key);
    });
  }

  #void(queue: AssignedQueue, reason: string): void {
    queue.cancelRest(this.#clock);
    queue.renewGeneration(queueLost(queue, reason));
    queue.buffer.reset(Number.NEGATIVE_INFINITY);
    queue.unverified = false;
    queue.warnedOfFullBuffer = false;
  }

  #move(queue: AssignedQueue, to: QueueState, reason: string): void {
    const from = queue.state;
    queue.state = to;
    queue.since = this.#clock.now();
    queue.changed.notify();
    this.#onTransition({ queue, from, to, reason });
  }

  #require(queue: AssignedQueue, ...allowed: QueueState[]): void {
    if (!allowed.includes(queue.state) || this.#queues.get(queue.key) !== queue) {
      throw new StateError(`${describeQueue(queue.messageQueue)} is ${queue.state}, needed is ${allowed.join(' or ')}`);
    }
  }
}

function queueLost(queue: AssignedQueue, reason: string): QueueLostError {
  const { topic, brokerName, queueId } = queue.exposedQueue;
  return new QueueLostError(`${describeQueue(queue.exposedQueue)} is no longer consumed here: ${reason}`, {
    topic,
    brokerName,
    queueId,
    reason,
  });
}
