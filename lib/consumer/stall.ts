import type { MessageQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';

/** Why a queue does not move. */
export type StallCode =
  /** The broker refuses the lock: another member holds it, or one that was killed did less than 60 s ago. */
  | 'LOCK_REFUSED'
  /** Lock requests fail: the broker can't be reached, has no master, or does not answer. */
  | 'LOCK_UNANSWERED'
  /** The lock is held, and where to begin is not known yet: the broker does not answer that. */
  | 'START_OFFSET_UNKNOWN'
  /** The lock could not be renewed for as long as a lease lasts. Nothing is handed out until it is. */
  | 'LEASE_LOST'
  /** The queue belongs to another member now, and is given to it when the listener is done. */
  | 'GIVING_BACK'
  /** The user suspended the queue, or the whole consumer. */
  | 'SUSPENDED'
  /** The listener has not answered yet. */
  | 'LISTENER_RUNNING'
  /** The listener fails on the same message, again and again. */
  | 'RETRYING'
  /** The buffer is full of messages the listener has not committed. */
  | 'FLOW_CONTROL'
  /** Pulls fail. */
  | 'PULL_FAILING'
  /** Nothing was pulled for a minute, for no reason that is known. */
  | 'NOT_PULLED';

/** That a queue does not move, and why. */
export interface Stall {
  readonly code: StallCode;
  /** The same in words. */
  readonly reason: string;
  /** For how long, in milliseconds. */
  readonly forMs: number;
}

/** A stall is told after this time, in milliseconds: a hand-over, a restarted broker or a slow listener take less. */
export const STALL_AFTER = 30_000;
/** An owned queue is pulled at least this often, as a broker holds a pull for 20 s at most, in milliseconds. */
export const LONGEST_WITHOUT_PULL = 60_000;

/**
 * What keeps a queue from moving at this moment, if anything does. A queue that waits for new messages moves.
 *
 * @param suspended the user has suspended the whole consumer
 */
export function stallOf(queue: AssignedQueue, now: number, leaseTime: number, suspended: boolean): Stall | undefined {
  switch (queue.state) {
    case 'absent':
      return undefined;
    case 'locking':
      return lockStall(queue, now);
    case 'draining':
      return {
        code: 'GIVING_BACK',
        reason: queue.busy
          ? `another member is to have it, and its listener has been running for ${seconds(now - queue.lastConsumeAt)}`
          : 'another member is to have it',
        forMs: now - queue.since,
      };
    case 'owned':
      if (queue.holdsLease(now, leaseTime)) return ownedStall(queue, now, suspended);
      return {
        code: 'LEASE_LOST',
        reason: `its lock could not be renewed${because(queue.lockError)}`,
        forMs: now - (queue.lockedAt + leaseTime),
      };
  }
}

function lockStall(queue: AssignedQueue, now: number): Stall | undefined {
  const forMs = now - queue.since;
  const { brokerName } = queue.messageQueue;
  if (queue.lockError !== undefined) {
    return { code: 'LOCK_UNANSWERED', reason: `${brokerName} can not be asked for its lock${because(queue.lockError)}`, forMs }; // prettier-ignore
  }
  if (queue.refusals > 0) {
    return { code: 'LOCK_REFUSED', reason: `${brokerName} has refused its lock ${queue.refusals} times: another member holds it`, forMs }; // prettier-ignore
  }
  if (!queue.locked) return undefined;
  return { code: 'START_OFFSET_UNKNOWN', reason: `${brokerName} has not told where to begin`, forMs };
}

function ownedStall(queue: AssignedQueue, now: number, suspended: boolean): Stall | undefined {
  if (suspended || queue.suspended) {
    const what = suspended ? 'the consumer is suspended' : 'it is suspended';
    return { code: 'SUSPENDED', reason: what, forMs: now - Math.max(queue.since, queue.lastPullAt) };
  }
  if (queue.busy) {
    const forMs = now - queue.lastConsumeAt;
    return { code: 'LISTENER_RUNNING', reason: `its listener has been running for ${seconds(forMs)}`, forMs };
  }
  if (queue.runner === 'resting' && queue.blockedAt.offset === queue.buffer.lowestUnfinished) {
    const forMs = now - queue.blockedAt.since;
    const reason = `the listener has failed on the message at offset ${queue.blockedAt.offset} for ${seconds(forMs)}`;
    return { code: 'RETRYING', reason, forMs };
  }
  if (queue.waitsForRoom && queue.buffer.waiting === 0) {
    const reason = `its buffer is full of ${queue.buffer.consuming.length} messages that are not committed`;
    return { code: 'FLOW_CONTROL', reason, forMs: now - queue.lastPullAt };
  }
  if (queue.pullFailing !== undefined) {
    const { since, error } = queue.pullFailing;
    return { code: 'PULL_FAILING', reason: `pulling fails${because(error)}`, forMs: now - since };
  }
  const withoutPull = now - Math.max(queue.since, queue.lastPullAt);
  if (queue.waitsForRoom || withoutPull <= LONGEST_WITHOUT_PULL) return undefined;
  return { code: 'NOT_PULLED', reason: `it has not been pulled for ${seconds(withoutPull)}`, forMs: withoutPull };
}

function because(error: Error | undefined): string {
  return error === undefined ? '' : `: ${error.message}`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}

export interface StallEvents {
  readonly stalled: (messageQueue: MessageQueue, stall: Stall) => void;
  readonly moving: (messageQueue: MessageQueue) => void;
}

/** Tells of each stall once, and of its end. To be asked every few seconds. */
export class StallWatch {
  readonly #told = new Map<string, StallCode>();
  readonly #events: StallEvents;

  constructor(events: StallEvents) {
    this.#events = events;
  }

  check(queues: readonly AssignedQueue[], now: number, leaseTime: number, suspended: boolean): void {
    const there = new Set<string>();
    for (const queue of queues) {
      there.add(queue.key);
      const stall = stallOf(queue, now, leaseTime, suspended);
      const told = this.#told.get(queue.key);
      if (stall !== undefined && stall.forMs >= STALL_AFTER) {
        if (told === stall.code) continue;
        this.#told.set(queue.key, stall.code);
        this.#events.stalled(queue.exposedQueue, stall);
      } else if (told !== undefined) {
        this.#told.delete(queue.key);
        this.#events.moving(queue.exposedQueue);
      }
    }
    for (const key of this.#told.keys()) if (!there.has(key)) this.#told.delete(key);
  }
}
