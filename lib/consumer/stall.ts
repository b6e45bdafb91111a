import { BrokerError, ConnectionError, RouteError, TimeoutError } from '../errors.js';
import { ResponseCode } from '../protocol/codes.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';

/** Why a queue does not move. */
export type StallCode =
  /** The broker refuses the lock: another member holds it, or one that was killed did less than 60 s ago. */
  | 'LOCK_REFUSED'
  /** Lock requests fail: the broker does not answer them, or with an error. */
  | 'LOCK_UNANSWERED'
  /** The broker can't be connected to, is in no route, or has no master. */
  | 'BROKER_UNREACHABLE'
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
  /** Its messages wait for a place with the listener: as many calls as `consumeConcurrency` allows are running. */
  | 'LISTENERS_BUSY'
  /** The listener fails on the same message, again and again. */
  | 'RETRYING'
  /** The buffer is full of messages the listener has not committed, or the broker lets it pull no more for now. */
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
const LONGEST_WITHOUT_PULL = 60_000;
const FORMER_CALL = 'a call of its listener from before it was lost has not ended';

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
      return handoverStall(queue, now);
    case 'owned':
      if (queue.holdsLease(now, leaseTime)) return ownedStall(queue, now, suspended);
      return leaseStall(queue, now, leaseTime);
  }
}

function lockStall(queue: AssignedQueue, now: number): Stall | undefined {
  const forMs = now - queue.since;
  const { brokerName } = queue.messageQueue;
  const { lockError, refusals } = queue;
  if (lockError !== undefined) {
    if (isUnreachable(lockError)) return { code: 'BROKER_UNREACHABLE', reason: lockError.message, forMs };
    return {
      code: 'LOCK_UNANSWERED',
      reason: `${brokerName} does not say who has its lock${because(lockError)}`,
      forMs,
    };
  }
  if (refusals > 0) {
    const reason = `${brokerName} has refused its lock ${refusals} times: another member holds it`;
    return { code: 'LOCK_REFUSED', reason, forMs };
  }
  if (!queue.locked) return undefined;
  return { code: 'START_OFFSET_UNKNOWN', reason: `${brokerName} has not told where to begin`, forMs };
}

function handoverStall(queue: AssignedQueue, now: number): Stall {
  let reason = 'another member is to have it';
  if (queue.busy) reason += `, and its listener has been running for ${seconds(now - queue.lastConsumeAt)}`;
  else if (queue.hasCallUnderWay) reason += `, and ${FORMER_CALL}`;
  else if (queue.unlockAttempts > 0) reason += `, and giving it back has failed ${queue.unlockAttempts} times`;
  return { code: 'GIVING_BACK', reason, forMs: now - queue.since };
}

/** The lock is held no more, or held again and it is not known yet what others did meanwhile. */
function leaseStall(queue: AssignedQueue, now: number, leaseTime: number): Stall {
  const leftOfLease = queue.lockedAt + leaseTime - now;
  if (queue.locked && leftOfLease >= 0) {
    const reason = `its lock had run out and is held again, but ${queue.messageQueue.brokerName} has not told where to go on`;
    return { code: 'START_OFFSET_UNKNOWN', reason, forMs: now - queue.unverifiedSince };
  }
  return {
    code: 'LEASE_LOST',
    reason: `its lock could not be renewed${because(queue.lockError)}`,
    forMs: -leftOfLease,
  };
}

function ownedStall(queue: AssignedQueue, now: number, suspended: boolean): Stall | undefined {
  if (suspended || queue.suspended) {
    const what = suspended ? 'the consumer is suspended' : 'it is suspended';
    return { code: 'SUSPENDED', reason: what, forMs: now - Math.max(queue.since, queue.lastPullAt) };
  }
  return listenerStall(queue, now) ?? pullStall(queue, now);
}

function listenerStall(queue: AssignedQueue, now: number): Stall | undefined {
  const runningFor = queue.busy ? now - queue.lastConsumeAt : 0;
  const { offset, since } = queue.blockedAt;
  if (
    offset !== undefined &&
    offset === queue.buffer.lowestUnfinished &&
    isFailing(queue) &&
    runningFor < STALL_AFTER
  ) {
    const forMs = now - since;
    const reason = `the listener has failed on the message at offset ${offset} for ${seconds(forMs)}`;
    return { code: 'RETRYING', reason, forMs };
  }
  if (queue.busy) {
    const reason = `its listener has been running for ${seconds(runningFor)}`;
    return { code: 'LISTENER_RUNNING', reason, forMs: runningFor };
  }
  if (queue.waitsForPlace === undefined) return undefined;
  const reason = queue.waitsForPlace.behindItself
    ? FORMER_CALL
    : 'its messages wait for calls of the listener with other queues: consumeConcurrency allows no more at once';
  return { code: 'LISTENERS_BUSY', reason, forMs: now - queue.waitsForPlace.since };
}

/** A further attempt at what has failed before is no progress. */
function isFailing({ runner, busy, buffer }: AssignedQueue): boolean {
  if (!busy) return runner === 'resting';
  const last = buffer.consuming.at(-1);
  return last !== undefined && last.reconsumeTimes > 0;
}

function pullStall(queue: AssignedQueue, now: number): Stall | undefined {
  if (queue.waitsForRoom && queue.buffer.waiting === 0) {
    const reason = `its buffer is full of ${queue.buffer.consuming.length} messages that are not committed`;
    return { code: 'FLOW_CONTROL', reason, forMs: now - queue.lastPullAt };
  }
  if (queue.pullFailing !== undefined) {
    const { since, error } = queue.pullFailing;
    return { code: pullFailureCode(error), reason: `pulling fails${because(error)}`, forMs: now - since };
  }
  const withoutPull = now - Math.max(queue.since, queue.lastPullAt);
  if (queue.waitsForRoom || withoutPull <= LONGEST_WITHOUT_PULL) return undefined;
  return { code: 'NOT_PULLED', reason: `it has not been pulled for ${seconds(withoutPull)}`, forMs: withoutPull };
}

function pullFailureCode(error: Error): StallCode {
  if (isUnreachable(error)) return 'BROKER_UNREACHABLE';
  return error instanceof BrokerError && error.responseCode === ResponseCode.FLOW_CONTROL ? 'FLOW_CONTROL' : 'PULL_FAILING'; // prettier-ignore
}

/** Nothing was sent at all, or there is nobody to send it to. A connection that broke had been made. */
function isUnreachable(error: Error): boolean {
  if (error instanceof TimeoutError) return error.context['phase'] === 'connect';
  return (
    (error instanceof ConnectionError && error.code !== 'ERR_ROCKETMQ_CONNECTION_LOST') || error instanceof RouteError
  );
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

/** What every queue that moves is in for moments: being there for less than {@link STALL_AFTER} means that it moves. */
const PASSING: ReadonlySet<StallCode> = new Set(['LISTENER_RUNNING', 'LISTENERS_BUSY', 'RETRYING', 'FLOW_CONTROL']);

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
      this.#checkOne(queue, stallOf(queue, now, leaseTime, suspended));
    }
    for (const key of this.#told.keys()) if (!there.has(key)) this.#told.delete(key);
  }

  #checkOne(queue: AssignedQueue, stall: Stall | undefined): void {
    const told = this.#told.get(queue.key);
    if (stall !== undefined && stall.forMs >= STALL_AFTER) {
      if (told === stall.code) return;
      this.#told.set(queue.key, stall.code);
      this.#events.stalled(queue.exposedQueue, stall);
    } else if (told !== undefined && (stall === undefined || PASSING.has(stall.code) || stall.code === told)) {
      // One of the same kind that is younger than what was told of is another one, and the queue moved in between.
      this.#told.delete(queue.key);
      this.#events.moving(queue.exposedQueue);
    }
  }
}
