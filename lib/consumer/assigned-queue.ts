import type { Clock, Timer } from '../clock.js';
import { messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import { CallLock } from './call-lock.js';
import { Notifier } from './notifier.js';
import { ProcessQueue } from './process-queue.js';

/**
 * One queue on its way through this consumer: its place in the life cycle, its lease at the broker, its buffer, and how
 * far it was pulled. The life cycle's transitions are in queue-table.ts and nowhere else.
 */

/** absent -> locking -> owned -> draining -> absent, and owned -> locking when the lock was lost. */
export type QueueState = 'absent' | 'locking' | 'owned' | 'draining';

/** What the consume loop has under way for the queue: at most one slice, or a timer that will start one. */
export type RunnerState = 'idle' | 'scheduled' | 'resting';

export class AssignedQueue {
  readonly messageQueue: MessageQueue;
  readonly key: string;
  /** The queue as listeners see it: topic without namespace. */
  readonly exposedQueue: MessageQueue;
  /** Whoever hands messages to the listener holds this: one at a time. */
  readonly localLock: CallLock;
  /** Fires when room, lock, state or suspension changed; the pull loop sleeps on it. */
  readonly changed = new Notifier();
  readonly buffer = new ProcessQueue();

  state: QueueState = 'locking';
  /** When it came into that state, by the monotonic clock. */
  since = Number.NEGATIVE_INFINITY;
  /** Goes up whenever what was pulled or handed out before must not count any more. */
  generation = 0;

  /** The broker's last answer: this client holds the lock. */
  locked = false;
  /** When the request of the last granted lock was sent, by the monotonic clock. */
  lockedAt = Number.NEGATIVE_INFINITY;
  /**
   * When a new connection to its broker was made, or another master was named: a broker that was restarted has forgotten
   * its locks.
   */
  doubtedAt = Number.NEGATIVE_INFINITY;
  /** When the lock was last asked for, answered or not: from then on the broker may keep it for this client. */
  askedAt = Number.NEGATIVE_INFINITY;
  /**
   * The lease had run out or was in doubt, and was granted anew, but the broker's offset has not been compared yet:
   * another client may have committed.
   */
  unverified = false;
  /** Since when that is so, by the monotonic clock. */
  unverifiedSince = Number.NEGATIVE_INFINITY;
  /** Counts the grants after a loss: a hint for fencing writes to other systems. */
  lockEpoch = 0;
  /** No broker-side lock is needed, as in broadcasting. */
  readonly lockless: boolean;

  /** Where the next pull starts; -1 before the start offset is known. */
  nextOffset = -1;
  /** The broker id the last pull reply suggested; 0 is the master. */
  preferredBrokerId = 0;
  /** The user stopped pulling this queue. */
  suspended = false;
  /** The user stopped handing out messages of this queue, too. */
  dispatchStopped = false;

  runner: RunnerState = 'idle';
  restTimer: Timer = undefined;
  /** Messages are with the listener, or its answer is being carried out. */
  busy = false;
  /** Since when messages wait for a place, and whether it is an earlier call of this queue's own listener they wait for. */
  waitsForPlace: { readonly since: number; readonly behindItself: boolean } | undefined;
  /** The pull loop sleeps until the buffer has room. */
  waitsForRoom = false;
  warnedOfFullBuffer = false;

  /** The start offset is being looked up. */
  starting = false;
  /** The start offset that was chosen here and is not known to be persisted: another attempt must not move past it. */
  chosenStart: number | undefined;
  /** That offset is on its way to the broker. */
  writingStart = false;
  /** The lock is being given back: no request of this consumer may ask for it any more. */
  releasing = false;
  /** How often in a row the broker refused the lock. */
  refusals = 0;
  /** Why the last lock request failed; `undefined` when it was answered. */
  lockError: Error | undefined;
  /** Since when pulls fail, and the last one's reason. */
  pullFailing: { readonly since: number; readonly error: Error } | undefined;
  /** The offset the listener failed on last, and since when. */
  blockedAt: { readonly offset: number | undefined; readonly since: number } = { offset: undefined, since: 0 };
  /** How often giving the queue back failed. */
  unlockAttempts = 0;
  lastPullAt = Number.NEGATIVE_INFINITY;
  lastConsumeAt = Number.NEGATIVE_INFINITY;

  /** Why the last generation ended. */
  endReason: Error | undefined;

  #abort = new AbortController();

  /** @param localLock that of the queue's former life here, as long as a listener call of it is still running */
  constructor(
    messageQueue: MessageQueue,
    exposedQueue: MessageQueue,
    lockless: boolean,
    localLock: CallLock = new CallLock(),
  ) {
    this.localLock = localLock;
    this.messageQueue = messageQueue;
    this.key = messageQueueKey(messageQueue);
    this.exposedQueue = exposedQueue;
    this.lockless = lockless;
  }

  /** A call of the listener has to be waited for: of this life of the queue here, or of its former one. */
  get hasCallUnderWay(): boolean {
    return this.localLock.isHeld;
  }

  /** Fires when what was handed out under the current generation no longer counts, or the queue is to be given up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The lock is held, its lease not run out, and it is not on its way back to the broker. */
  holdsLease(now: number, leaseTime: number): boolean {
    return now <= this.leaseEnd(leaseTime);
  }

  /** Until when the lock counts without another grant, by the monotonic clock. */
  leaseEnd(leaseTime: number): number {
    if (this.lockless) return Number.POSITIVE_INFINITY;
    const counts = this.locked && !this.unverified && !this.releasing;
    return counts ? this.lockedAt + leaseTime : Number.NEGATIVE_INFINITY;
  }

  /** The lock was asked for, and granted, since it was in doubt last. */
  get confirmed(): boolean {
    return this.lockedAt >= this.doubtedAt;
  }

  /**
   * As {@link leaseEnd}, for writing offsets. What is handed out by mistake comes twice; an offset written by mistake takes
   * back what another member has written. So nothing is written under a lock that is in doubt.
   */
  writeEnd(leaseTime: number): number {
    return this.confirmed ? this.leaseEnd(leaseTime) : Number.NEGATIVE_INFINITY;
  }

  /** As {@link holdsLease}, for writing offsets. */
  mayWrite(now: number, leaseTime: number): boolean {
    return now <= this.writeEnd(leaseTime);
  }

  /** Starts a new generation: what is under way of the old one is told by its signal, and its results are ignored. */
  renewGeneration(reason: Error): void {
    this.generation++;
    this.endReason = reason;
    const old = this.#abort;
    this.#abort = new AbortController();
    old.abort(reason);
  }

  /** Tells the listener that the queue is to be given up; what it answers still counts. */
  announceEnd(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** Forgets a planned slice. */
  cancelRest(clock: Clock): void {
    if (this.restTimer !== undefined) clock.clearTimeout(this.restTimer);
    this.restTimer = undefined;
    if (this.runner === 'resting') this.runner = 'idle';
  }
}
