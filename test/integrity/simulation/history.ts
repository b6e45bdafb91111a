import type { ConsumeOrderlyStatus } from '../../../lib/index.js';

/**
 * What happened to a group of consumers, from its first message to its last, as it could be seen from outside: at the
 * members' listeners and events, on the wire, and at the brokers. Checkers judge it; they know nothing of the code.
 */

/** Names a queue: `broker-a#3`. */
export type QueueName = string;

/** Milliseconds on the one time line everybody shares. */
interface At {
  readonly at: number;
}

interface OfMember extends At {
  readonly member: string;
}

interface OfQueue extends OfMember {
  readonly queue: QueueName;
}

/** The broker has so many messages of the queue. */
export interface Stored extends At {
  readonly type: 'stored';
  readonly queue: QueueName;
  readonly end: number;
}

export interface Joined extends OfMember {
  readonly type: 'joined';
  readonly clientId: string;
  /** How long it trusts a lock, in milliseconds. */
  readonly lease: number;
}

/** `close()` was called, it has resolved, or the process was killed. */
export interface Ended extends OfMember {
  readonly type: 'closing' | 'closed' | 'killed';
}

/** The consumer says that it owns the queue, from this offset on. */
export interface Owned extends OfQueue {
  readonly type: 'owned' | 'restarted';
  readonly offset: number;
}

/** The consumer says that the queue is no longer consumed here. `lost`: because the broker said so. */
export interface Left extends OfQueue {
  readonly type: 'left';
  readonly lost: boolean;
  readonly reason: string;
}

export interface Handed {
  readonly offset: number;
  readonly reconsumeTimes: number;
}

/** A listener is called. */
export interface Call extends OfQueue {
  readonly type: 'call';
  readonly call: number;
  readonly messages: readonly Handed[];
}

/** It has answered. */
export interface Answer extends OfQueue {
  readonly type: 'answer';
  readonly call: number;
  readonly auto: boolean;
  readonly status: ConsumeOrderlyStatus;
  /** Whether the member held a valid lease just then, by its own account. */
  readonly isOwner: boolean;
}

export interface DeadLettered extends OfQueue {
  readonly type: 'deadLettered';
  readonly offset: number;
}

/** The answer to a lock request has reached the member; the request was sent at `sentAt`. */
export interface LockAnswer extends OfQueue {
  readonly type: 'granted' | 'refused';
  readonly sentAt: number;
  /** Which of the member's connections it came on. */
  readonly connection?: number;
}

/** A request leaves the member. */
export interface Sent extends OfQueue {
  readonly type: 'unlock' | 'pull' | 'commit';
  /** What is pulled or committed; of no meaning for an unlock. */
  readonly offset: number;
  /** Which of the member's connections it leaves on. */
  readonly connection?: number;
}

/** The broker's committed offset is another one now; `undefined`: it has none. */
export interface Committed extends At {
  readonly type: 'committed';
  readonly queue: QueueName;
  readonly offset: number | undefined;
}

/** The broker takes a lock from whoever has it, or forgets it. */
export interface Forced extends At {
  readonly type: 'forced';
  readonly queue: QueueName;
}

/** Somebody from outside has sent the queue to another offset, or has consumed up to it himself. */
export interface Moved extends At {
  readonly type: 'reset' | 'elsewhere';
  readonly queue: QueueName;
  readonly offset: number;
}

/** The consumer says that something failed. */
export interface Failed extends OfMember {
  readonly type: 'failed';
  readonly code: string;
  readonly text: string;
}

/** What befalls whom, for readers. */
export interface Note extends At {
  readonly type: 'note';
  readonly text: string;
}

export type HistoryEvent =
  | Stored
  | Joined
  | Ended
  | Owned
  | Left
  | Call
  | Answer
  | DeadLettered
  | LockAnswer
  | Sent
  | Committed
  | Forced
  | Moved
  | Failed
  | Note;

/** In the order of time: what a member does while its code blocks is told before what others do meanwhile. */
export function inOrder(events: readonly HistoryEvent[]): HistoryEvent[] {
  return events.map((event, index) => ({ event, index })).sort((a, b) => a.event.at - b.event.at || a.index - b.index).map(({ event }) => event); // prettier-ignore
}

/** One line for a reader. */
export function describeEvent(event: HistoryEvent): string {
  const { at, type, ...rest } = event;
  const words = Object.entries(rest).map(([name, value]) => {
    if (name === 'messages') {
      const messages = value as readonly Handed[];
      return messages.map(({ offset, reconsumeTimes }) => (reconsumeTimes > 0 ? `${offset}x${reconsumeTimes}` : String(offset))).join(','); // prettier-ignore
    }
    if (name === 'member' || name === 'queue' || name === 'text' || name === 'status') return String(value);
    if (name === 'call') return `call ${String(value)}`;
    if (name === 'auto' || name === 'lost' || name === 'isOwner') return value === true ? name : `not ${name}`;
    return `${name} ${typeof value === 'number' ? round(value) : String(value)}`;
  });
  return `${round(at).toFixed(1).padStart(10)}  ${type.padEnd(12)} ${words.join('  ')}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
