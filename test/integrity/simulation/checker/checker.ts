import { Stint } from './stint.js';
import {
  describeEvent,
  inOrder,
  type Answer,
  type Call,
  type HistoryEvent,
  type Owned,
  type Sent,
} from '../history.js';
import { MemberRecord, type Running } from './ownership-record.js';
import { QueueRecord } from './queue-record.js';

/** The promises, by the names they have in docs/integrity.md. */
export type Invariant =
  'order' | 'one-owner' | 'lease' | 'commit' | 'nothing-lost' | 'hand-over' | 'closed' | 'recovery' | 'bounds';

/** A promise that was broken. */
export interface Breach {
  readonly invariant: Invariant;
  readonly at: number;
  readonly queue: string | undefined;
  readonly what: string;
}

export interface CheckerOptions {
  /** How long a member that closes waits for its listeners, in milliseconds. */
  readonly closeWait: number;
  /** Where a group without offsets begins: at 0, or where its first owner says. */
  readonly from: 'first' | 'last';
}

/** As times are sums of fractions. */
const ROUNDING = 0.001;

/**
 * Reads a history once, in the order of time, and tells which promises of ordered consumption it breaks. Leases are judged
 * by what a member can know: when its last granted request was sent. Where a lock was taken by force, or a lease ran out
 * during a call, two listeners may meet; nothing else excuses that.
 */
export class Checker {
  readonly breaches: Breach[] = [];
  readonly #options: CheckerOptions;
  readonly #members = new Map<string, MemberRecord>();
  readonly #queues = new Map<string, QueueRecord>();
  /** Their queue was sent elsewhere meanwhile: what they leave it at is not for the next one to go on from. */
  readonly #disturbed = new WeakSet<Stint>();
  /** Their lock was given back, as is done when all is written. */
  readonly #givenBack = new WeakSet<Stint>();

  constructor(options: CheckerOptions) {
    this.#options = options;
  }

  read(event: HistoryEvent): void {
    switch (event.type) {
      case 'stored':
        this.queue(event.queue).end = event.end;
        return;
      case 'joined':
        this.#members.set(event.member, new MemberRecord(event.member, event.lease));
        return;
      case 'closing':
        this.#member(event.member).closingAt = event.at;
        return;
      case 'closed':
      case 'killed':
        return this.#over(this.#member(event.member));
      case 'owned':
      case 'restarted':
        return this.#owned(event);
      case 'left':
        return this.#left(event.member, event.queue, event.lost);
      case 'call':
        return this.#called(event);
      case 'answer':
        return this.#answered(event);
      case 'deadLettered':
        this.#member(event.member).stints.get(event.queue)?.deadLettered(event.offset);
        this.queue(event.queue).finish([event.offset]);
        return;
      case 'granted':
        this.#member(event.member).grants.set(event.queue, { sentAt: event.sentAt, connection: event.connection });
        return;
      case 'refused':
        this.#member(event.member).grants.delete(event.queue);
        return;
      case 'unlock':
      case 'pull':
      case 'commit':
        return this.#sent(event);
      case 'committed':
        return this.#stored(event.queue, event.offset, event.at);
      case 'forced':
        this.queue(event.queue).forcedAt = event.at;
        return;
      case 'reset':
      case 'elsewhere':
        return this.#moved(event.queue, event.offset, event.type === 'reset');
      case 'failed':
        // An offset that could not be written: the next one begins before it.
        if (event.code === 'ERR_ROCKETMQ_PERSIST') {
          for (const stint of this.#member(event.member).stints.values()) this.#disturbed.add(stint);
        }
        return;
      case 'note':
    }
  }

  /** What all have made of a queue so far. */
  queue(name: string): QueueRecord {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      this.#queues.set(name, (queue = new QueueRecord()));
      if (this.#options.from === 'first') queue.begin(0);
    }
    return queue;
  }

  // Who owns what

  #owned({ at, type, member: name, queue: key, offset }: Owned): void {
    const member = this.#member(name);
    const queue = this.queue(key);
    queue.begin(offset);
    const what = `${name} ${type === 'owned' ? 'begins' : 'starts over'} at ${offset}`;
    const floor = queue.floor ?? offset;
    if (offset > floor) this.#breach('nothing-lost', at, key, `${what}, but ${floor} was never finished`);
    const grant = member.grants.get(key);
    if (grant === undefined) this.#breach('one-owner', at, key, `${what} without a lock`);
    else if (type === 'owned' && !this.#mayBegin(queue, offset, grant.sentAt)) {
      this.#breach('commit', at, key, `${what}, the broker has ${queue.committed.at(-1)?.offset}`);
    }
    if (type === 'owned') {
      const { handedOver, targets } = queue;
      // Whom a reset found standing still may have left before it heard of it: then it is for the next one.
      if (handedOver !== undefined && offset < handedOver && !targets.has(offset) && !this.#forced(member, key)) {
        this.#breach('hand-over', at, key, `${what}, though it was handed over at ${handedOver}`);
      }
      queue.handedOver = undefined;
    }
    member.stints.set(key, new Stint(offset));
  }

  /** An owner begins at what the broker has committed, or, when that is nothing, where it likes. */
  #mayBegin(queue: QueueRecord, offset: number, since: number): boolean {
    return queue.wasCommitted(offset, since) || queue.committed.length === 1;
  }

  #left(name: string, key: string, lost: boolean): void {
    const member = this.#member(name);
    const stint = member.stints.get(key);
    member.stints.delete(key);
    // What is still under way may end in one way or the other.
    const busy = [...this.queue(key).calls.values()].some((call) => call.member === member);
    if (stint === undefined || lost || busy || !stint.isCertain) return;
    if (!this.#givenBack.has(stint) || this.#disturbed.has(stint)) return;
    const queue = this.queue(key);
    if (!queue.wasOverwritten(stint.promised)) queue.handedOver = stint.promised;
  }

  #over(member: MemberRecord): void {
    member.over = true;
    for (const [key, queue] of this.#queues) {
      for (const [id, call] of queue.calls) if (call.member === member) queue.calls.delete(id);
      member.grants.delete(key);
      member.stints.delete(key);
    }
  }

  #moved(key: string, offset: number, isReset: boolean): void {
    const queue = this.queue(key);
    if (isReset) queue.targets.add(offset);
    queue.passOver(offset);
    this.#disturb(key);
  }

  /** What a queue is left at is not for the next one to go on from. */
  #disturb(key: string): void {
    this.queue(key).handedOver = undefined;
    for (const { stints } of this.#members.values()) {
      const stint = stints.get(key);
      if (stint !== undefined) this.#disturbed.add(stint);
    }
  }

  // What listeners are handed

  #called(event: Call): void {
    const { at, queue: key, messages } = event;
    const member = this.#member(event.member);
    const queue = this.queue(key);
    const offsets = messages.map(({ offset }) => offset);
    const what = `${event.member} is handed ${offsets.join(',')}`;
    if (member.over || member.closingAt !== undefined) {
      this.#breach('closed', at, key, `${what} after it was closed`);
    }
    this.#checkLease(member, key, at, what);
    for (const other of queue.calls.values()) {
      if (other.member === member || !this.#mayMeet(member, other, key, at)) {
        this.#breach('one-owner', at, key, `${what} while ${other.member.name} has ${other.offsets.join(',')}`);
      }
    }
    const stint = member.stints.get(key);
    if (stint === undefined) this.#breach('one-owner', at, key, `${what} without owning the queue`);
    for (const fault of stint?.handOut(messages) ?? []) this.#breach('order', at, key, `${what}: ${fault}`);
    const floor = queue.floor ?? 0;
    const first = offsets[0] ?? 0;
    if (first > floor) this.#breach('nothing-lost', at, key, `${what}, but ${floor} was never finished`);
    queue.calls.set(event.call, { call: event.call, member, offsets, at, stint, abandoned: false });
  }

  #checkLease(member: MemberRecord, key: string, at: number, what: string): void {
    const left = member.leaseLeft(key, at);
    if (left === undefined) this.#breach('lease', at, key, `${what} without a lock`);
    else if (left < -ROUNDING) this.#breach('lease', at, key, `${what} ${-left} ms after its lease`);
  }

  /** Two members may be at work on a queue only where one of them can't know that it owns it no more. */
  #mayMeet(member: MemberRecord, other: Running, key: string, at: number): boolean {
    if (other.abandoned) return true;
    const left = other.member.leaseLeft(key, at);
    return left === undefined || left < 0 || this.#forced(member, key) || this.#forced(other.member, key);
  }

  /** A lock was taken by force since the member was granted its own: it may be the one. */
  #forced(member: MemberRecord, key: string): boolean {
    const grant = member.grants.get(key);
    return grant === undefined || this.queue(key).forcedAt >= grant.sentAt;
  }

  #answered({ queue: key, call: id, auto, status, isOwner }: Answer): void {
    const queue = this.queue(key);
    const call = queue.calls.get(id);
    if (call === undefined) return;
    queue.calls.delete(id);
    call.stint?.answer(call.offsets, auto, status, isOwner);
    const finished = auto ? status !== 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : status === 'SUCCESS' || status === 'COMMIT';
    if (finished) queue.finish(call.offsets);
  }

  // What members ask of brokers

  #sent(event: Sent): void {
    const { at, type, queue: key, offset } = event;
    const member = this.#member(event.member);
    const what = `${event.member} ${type === 'pull' ? 'pulls at' : type === 'commit' ? 'commits' : 'unlocks; it had begun at'} ${offset}`;
    if (type === 'unlock') return this.#unlocked(member, key, at);
    this.#checkLease(member, key, at, what);
    if (type !== 'commit') return;
    // A broker that was restarted has forgotten the lock.
    if (member.grants.get(key)?.connection !== event.connection) {
      this.#breach('lease', at, key, `${what} on another connection than its lock was granted on`);
    }
    this.#commits(member, key, offset, at, what);
  }

  #unlocked(member: MemberRecord, key: string, at: number): void {
    const stint = member.stints.get(key);
    // After its lease a member may write nothing, and what it has done comes again.
    if (stint !== undefined && (member.leaseLeft(key, at) ?? -1) >= 0) this.#givenBack.add(stint);
    this.#checkListeners(member, key, at);
    // From here on it may be anybody's.
    member.grants.delete(key);
  }

  #checkListeners(member: MemberRecord, key: string, at: number): void {
    for (const call of this.queue(key).calls.values()) {
      if (call.member !== member || this.#forced(member, key) || (member.leaseLeft(key, at) ?? -1) < 0) continue;
      // A member that closes waits for its listeners, but not for ever.
      if (member.closingAt !== undefined && at - member.closingAt >= this.#options.closeWait - 1) {
        call.abandoned = true;
        continue;
      }
      this.#breach('one-owner', at, key, `${member.name} unlocks while its listener has ${call.offsets.join(',')}`);
    }
  }

  #commits(member: MemberRecord, key: string, offset: number, at: number, what: string): void {
    const queue = this.queue(key);
    const stint = member.stints.get(key);
    // Robbed of its lock without knowing it, it may undo what its successor has written.
    if (this.#forced(member, key)) this.#disturb(key);
    const reached = Math.max(stint?.committed ?? 0, stint?.start ?? 0);
    if (stint === undefined) {
      // Where a group begins is written before anything is pulled; a former owner's write may have arrived late.
      const known = queue.committed.at(-1)?.offset ?? offset;
      if (known !== offset && !queue.targets.has(offset) && !this.#forced(member, key)) {
        this.#breach('commit', at, key, `${what} without owning the queue`);
      }
    } else if (queue.targets.has(offset) && (offset > stint.committable || offset < reached)) {
      // A reset has reached it before it says so.
      const restarted = new Stint(offset);
      restarted.committed = offset;
      member.stints.set(key, restarted);
    } else if (offset > stint.committable) {
      this.#breach('commit', at, key, `${what}, but ${stint.committable} is not finished`);
    } else if (offset < reached) {
      this.#breach('commit', at, key, `${what} after ${reached}`);
    } else {
      stint.committed = offset;
    }
  }

  /** The broker's committed offset has changed. */
  #stored(key: string, offset: number | undefined, at: number): void {
    const queue = this.queue(key);
    queue.committed.push({ at, offset });
    if (queue.handedOver !== undefined && queue.wasOverwritten(queue.handedOver)) queue.handedOver = undefined;
    if (offset !== undefined) queue.begin(offset);
    const floor = queue.floor ?? 0;
    if (offset === undefined) this.#breach('commit', at, key, 'the broker has no offset any more');
    else if (offset > floor) this.#breach('commit', at, key, `the broker has ${offset}, but ${floor} is not finished`);
  }

  #member(name: string): MemberRecord {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`the history tells of ${name} before it has joined`);
    return member;
  }

  #breach(invariant: Invariant, at: number, queue: string, what: string): void {
    this.breaches.push({ invariant, at, queue, what });
  }
}

/** What is wrong with a history, by invariant; nothing when all promises were kept. */
export function check(events: readonly HistoryEvent[], options: CheckerOptions): readonly Breach[] {
  const checker = new Checker(options);
  for (const event of inOrder(events)) checker.read(event);
  return checker.breaches;
}

/** What led to a breach: what concerns its queue, and what befell everybody, up to it. */
export function evidence(events: readonly HistoryEvent[], { at, queue }: Breach, lines = 60): string {
  return inOrder(events)
    .filter((event) => event.at <= at && (!('queue' in event) || queue === undefined || event.queue === queue))
    .slice(-lines)
    .map(describeEvent)
    .join('\n');
}
