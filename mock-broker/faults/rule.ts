import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';

/**
 * What can go wrong, on purpose. A rule is looked up for each request the mock receives, and for each one it sends to
 * a client; the first that matches and still has times left decides what happens.
 *
 * All of it but functions and buffers is plain JSON: `schema.ts` reads that form.
 */

/** Something instead of an answer, or with it. */
export type AnswerAction =
  /** This answer, and no effect. */
  | {
      readonly type: 'answer';
      readonly code: number;
      readonly remark?: string;
      readonly ext?: Readonly<Record<string, string>>;
      readonly body?: Buffer;
    }
  /** The effect at once and the answer `ms` later; with `when: 'before'` the effect is late too. On the mock's clock. */
  | { readonly type: 'delay'; readonly ms: number; readonly when?: 'before' | 'after' }
  /** Neither effect nor answer. */
  | { readonly type: 'drop' }
  /** The effect, but no answer. */
  | { readonly type: 'dropReply' }
  /** The answer twice. */
  | { readonly type: 'duplicate' }
  /** These bytes instead of an answer, and no effect. */
  | { readonly type: 'raw'; readonly bytes: Buffer }
  /** The answer as `reply` changes it. */
  | { readonly type: 'rewrite'; readonly reply: (answer: ResponseCommand) => ResponseCommand };

/** Something about the connection. */
export type ConnectionAction =
  /**
   * The connection is closed. `before`: without effect or answer. `before-reply`: with the effect, instead of the
   * answer. `mid-frame`: with the effect, after half of the answer's bytes. `after`: with the effect, after the answer.
   */
  | { readonly type: 'close'; readonly when: 'before' | 'before-reply' | 'mid-frame' | 'after' }
  /**
   * The connection stays open and is silent from this request on: nothing is read from it, nothing is written to it. It
   * goes on where it stopped `ms` later, or when the rule is taken back.
   */
  | { readonly type: 'halfOpen'; readonly ms?: number }
  /** New connections are closed at once. Such a rule is about connections: of what it matches by, only `broker` counts. */
  | { readonly type: 'refuse' }
  /** The answer in pieces of `size` bytes, each its own write. */
  | { readonly type: 'chunk'; readonly size: number }
  /** The answer is kept until `frames` of them can be sent in one write. */
  | { readonly type: 'coalesce'; readonly frames: number }
  /** The answer trickles in, on the mock's clock. */
  | { readonly type: 'throttle'; readonly bytesPerSecond: number };

/** What of an answer is damaged. */
export type CorruptPart = 'length' | 'header' | 'magic' | 'crc' | 'compression' | 'truncate';

/**
 * The answer with damaged bytes. `length`, `header`: of the frame. The others are about the first stored record of a
 * pull's answer, and change nothing of an answer without one: its magic code; the checksum of its body; its body, which
 * claims to be compressed and can't be unpacked; its end, which is cut off.
 */
export interface CorruptAction {
  readonly type: 'corrupt';
  readonly what: CorruptPart;
}

/** Only of requests to lock queues (LOCK_BATCH_MQ). */
export interface LockAction {
  readonly type: 'lock';
  /**
   * `refuse`: answered as not held, without effect. `grant`: answered as held, whoever holds it, without effect.
   * `steal`: first the lock is given to the client `by`, then the request is carried out. `expire`: first all locks of
   * the group become so old that anybody may take them. `forget`: first all locks of the group are forgotten.
   */
  readonly do: 'refuse' | 'grant' | 'steal' | 'expire' | 'forget';
  /** Who steals. @default 'thief' */
  readonly by?: string;
}

/** Only of requests that commit or ask for offsets; pulls that commit count, and with `moveMin` every pull. */
export interface OffsetAction {
  readonly type: 'offset';
  /**
   * `rollBack`: what is committed becomes `by` less, never less than 0. `refuse`: a commit is answered with
   * SYSTEM_ERROR, and not stored. `lose`: answered as stored, and not stored. `none`: who asks is told that nothing is
   * stored. `moveMin`: first the messages before `to` are forgotten, as if their retention were over.
   */
  readonly do: 'rollBack' | 'refuse' | 'lose' | 'none' | 'moveMin';
  /** How far back. @default 1 */
  readonly by?: number;
  /** The queue's new first offset. @default its end */
  readonly to?: number;
}

/** Only of the list of a group's members: without these, and with those. */
export interface MembersAction {
  readonly type: 'members';
  readonly remove?: readonly string[];
  readonly add?: readonly string[];
}

/** Only of pulls. */
export interface PullAction {
  readonly type: 'pull';
  /**
   * `illegalOffset`: the offset is not to be had, go on at `offset`. `wrongNextOffset`: the answer tells to go on
   * `delta` further than is right. `flowControl`: too busy, without effect. `empty`: nothing new, at once.
   * `disorder`: the answer's messages in reverse.
   */
  readonly do: 'illegalOffset' | 'wrongNextOffset' | 'flowControl' | 'empty' | 'disorder';
  /** @default the queue's first offset */
  readonly offset?: number;
  /** @default 1 */
  readonly delta?: number;
}

export type FaultAction =
  AnswerAction | ConnectionAction | CorruptAction | LockAction | OffsetAction | MembersAction | PullAction;

/** A request code or its name in the protocol, such as `'LOCK_BATCH_MQ'`. */
export type FaultCode = number | string;

/** Which requests a rule is about, how often it fires, and what it does. What is left out matches anything. */
export interface FaultRule {
  /** Request code, by number or name, or several. */
  readonly code?: FaultCode | readonly FaultCode[];
  /** Broker name, or `namesrv`. */
  readonly broker?: string;
  readonly clientId?: string;
  readonly group?: string;
  readonly topic?: string;
  readonly queueId?: number;
  /** Number of the connection, as the journal has it. */
  readonly connection?: number;
  /** Anything else. */
  readonly where?: (request: RemotingCommand) => boolean;
  /** How often it fires. No limit by default. */
  readonly times?: number;
  /** How many matching requests it lets pass first. Default 0. */
  readonly after?: number;
  /** Chance between 0 and 1 that it fires for a matching request. Default 1. */
  readonly probability?: number;
  /** Start of the random numbers for `probability`, so that a run can be repeated. Default 1. */
  readonly seed?: number;
  readonly action: FaultAction;
}

/** A rule at work. */
export interface Fault {
  /** `f1`, `f2` and so on: unique in its cluster. */
  readonly id: string;
  readonly rule: FaultRule;
  /** How often it has fired. */
  readonly hits: number;
  /** How many requests it was about, whether it fired or not. What an earlier rule took does not count. */
  readonly matched: number;
  /** Takes the rule back. What it has begun, such as a delay, goes on. */
  remove(): void;
  /** Resolves when it has fired `count` times. `timeoutMs` is in real time; 5000 by default. */
  waitForHits(count?: number, options?: { timeoutMs?: number }): Promise<void>;
}

/** A fault in words: `fault f2: lock refuse`. For journals. */
export function faultName(fault: Fault): string {
  const { action } = fault.rule;
  const detail = 'do' in action ? ` ${action.do}` : 'what' in action ? ` ${action.what}` : 'when' in action ? ` ${action.when ?? ''}` : ''; // prettier-ignore
  return `fault ${fault.id}: ${action.type}${detail}`;
}
