import type { Call, Commit, Fault, History } from './history.js';
import type { QueueRecord } from './queue-record.js';
import { recordsOf } from './queue-record.js';

/** Something that must not be, with the place in the history to look at. */
export interface Violation {
  readonly rule: string;
  readonly queue: string;
  readonly at: number;
  readonly text: string;
}

type Rule = (history: History) => Violation[];

/** All that must hold of every history, whatever was done to the group. */
export const RULES: Readonly<Record<string, Rule>> = {
  'in order': inOrder,
  'one at a time': oneAtATime,
  'within the lease': withinLease,
  'commits what is done': commitsWhatIsDone,
  'the stored offset': storedOffsetIsRight,
  'starts where it was left': startsWhereItWasLeft,
  'nothing lost': nothingLost,
  'nothing repeated without need': nothingRepeatedWithoutNeed,
};

export function judge(history: History): Violation[] {
  return Object.values(RULES).flatMap((rule) => rule(history));
}

/** Calls for messages that had been finished before. */
export function countRedeliveries(history: History): number {
  let count = 0;
  for (const record of recordsOf(history)) for (const call of record.calls) if (record.wasDone(call)) count++;
  return count;
}

function checkEach(history: History, rule: string, check: (record: QueueRecord, say: Say) => void): Violation[] {
  const violations: Violation[] = [];
  for (const record of recordsOf(history)) {
    check(record, (at, text) => violations.push({ rule, queue: record.queue, at, text }));
  }
  return violations;
}

type Say = (at: number, text: string) => void;

/**
 * A message is handed out only when all before it are done. A member goes on with the next message, or with the same one
 * that it was asked for again or whose call outlived its lease, and back only to where an ownership begins.
 */
function inOrder(history: History): Violation[] {
  return checkEach(history, 'in order', (record, say) => {
    const before = new Map<string, Call>();
    for (const call of record.calls) {
      if (!record.doneBefore(call.offset, call.begin)) {
        say(call.begin, `${call.member} was given ${call.offset} before ${record.firstUndone(call.begin)} was done`);
      }
      const last = before.get(call.member);
      before.set(call.member, call);
      if (last === undefined || call.offset === last.offset + 1) continue;
      if (call.offset === last.offset && (!last.done || outlivedLease(history, record, last))) continue;
      if (call.offset > last.offset || history.foreign.has(call.member)) continue;
      if (!record.beganBetween(call.member, last.begin, call.begin, call.offset)) {
        say(call.begin, `${call.member} was given ${call.offset} after ${last.offset}, without having begun anew`);
      }
    }
  });
}

/** Its answer counts only if the broker can confirm the lock just then. */
function outlivedLease(history: History, record: QueueRecord, call: Call): boolean {
  const end = record.endOf(call);
  const leaseBegan = record.lastGrant(call.member, end);
  return leaseBegan !== undefined && isOver(history, leaseBegan, end);
}

function isOver({ leaseMs }: History, leaseBegan: number, at: number): boolean {
  return at > leaseBegan + leaseMs * 1_000;
}

/**
 * Two calls of a queue never run at once, whoever's they are. Excused is only a process that was stopped in its call, and
 * was so until its lease was over.
 */
function oneAtATime(history: History): Violation[] {
  return checkEach(history, 'one at a time', (record, say) => {
    let running: Call | undefined;
    for (const call of record.calls) {
      if (running !== undefined && call.begin < record.endOf(running) && !isExcused(history, record, running, call)) {
        say(call.begin, `${call.member} was given ${call.offset} while ${running.member} was at ${running.offset}`);
      }
      if (running === undefined || record.endOf(call) > record.endOf(running)) running = call;
    }
  });
}

function isExcused(history: History, record: QueueRecord, running: Call, other: Call): boolean {
  if (running.member === other.member) return false;
  const paused = history.faults.some(
    ({ what, whom, from }) =>
      what === 'paused' && whom === running.member && from >= running.begin && from < record.endOf(running),
  );
  const leaseBegan = record.lastGrant(running.member, running.begin);
  return paused && leaseBegan !== undefined && isOver(history, leaseBegan, other.begin);
}

/** No call begins unless its member asked for the lock less than a lease ago, and got it. */
function withinLease(history: History): Violation[] {
  return checkEach(history, 'within the lease', (record, say) => {
    for (const { member, offset, begin } of record.calls) {
      if (history.foreign.has(member)) continue;
      const leaseBegan = record.lastGrant(member, begin);
      if (leaseBegan === undefined) say(begin, `${member} was given ${offset} without ever having had the lock`);
      else if (isOver(history, leaseBegan, begin)) {
        say(begin, `${member} was given ${offset} ${(begin - leaseBegan) / 1_000} ms after it had asked for the lock`);
      }
    }
  });
}

/** A committed offset has only finished messages before it, comes from the owner, and does not go back in its time. */
function commitsWhatIsDone(history: History): Violation[] {
  return checkEach(history, 'commits what is done', (record, say) => {
    const highest = new Map<string, Commit>();
    for (const commit of record.commits) {
      const { member, offset, at } = commit;
      if (!record.doneBefore(offset, at)) {
        say(at, `${member} committed ${offset} before ${record.firstUndone(at)} was done`);
      }
      const successor = record.supersededBy(member, at);
      if (successor !== undefined) say(at, `${member} committed ${offset}, but ${successor} had the lock by then`);
      const before = highest.get(member);
      if (before !== undefined && offset < before.offset && !record.began(member, before.at, at)) {
        say(at, `${member} committed ${offset} after ${before.offset}`);
      }
      highest.set(member, commit);
    }
  });
}

/** What the broker has is what somebody committed; it has only finished messages before it, and does not go back. */
function storedOffsetIsRight(history: History): Violation[] {
  return checkEach(history, 'the stored offset', (record, say) => {
    let before: { readonly offset: number; readonly askedAt: number } | undefined;
    for (const { offset, askedAt, at } of record.stored) {
      if (offset === undefined) {
        if (before !== undefined && !brokerWasKilled(history, record, before.askedAt, at)) {
          say(at, `the broker has no offset any more, after ${before.offset}`);
        }
        continue;
      }
      if (!record.doneBefore(offset, at)) {
        say(at, `the broker has ${offset}, but ${record.firstUndone(at)} was not done`);
      }
      const known = offset === 0 || record.commits.some((commit) => commit.offset === offset && commit.at <= at);
      if (!known && history.foreign.size === 0) say(at, `the broker has ${offset}, which nobody has committed`);
      if (before !== undefined && offset < before.offset && !brokerWasKilled(history, record, before.askedAt, at)) {
        say(at, `the broker has ${offset} after ${before.offset}`);
      }
      before = { offset, askedAt };
    }
  });
}

/** Whoever takes a queue over begins where the last acknowledged commit was, or later, and skips nothing. */
function startsWhereItWasLeft(history: History): Violation[] {
  return checkEach(history, 'starts where it was left', (record, say) => {
    for (const { member, offset = 0, at } of record.owns) {
      if (!record.doneBefore(offset, at)) {
        say(at, `${member} began at ${offset}, but ${record.firstUndone(at)} was not done`);
      }
      const acknowledged = record.acknowledgedBefore(at);
      if (acknowledged === undefined || offset >= acknowledged.offset) continue;
      if (!brokerWasKilled(history, record, 0, at)) {
        say(at, `${member} began at ${offset}, but ${acknowledged.offset} had been acknowledged`);
      }
    }
  });
}

/** Every message that is in the queue was done, and is the one the producer was told is there. */
function nothingLost(history: History): Violation[] {
  const violations = checkEach(history, 'nothing lost', (record, say) => {
    const count = history.sent.get(record.queue) ?? 0;
    for (let offset = 0; offset < count; offset++) {
      if (record.doneAt(offset) === undefined) say(record.lastAt, `${offset} was never done`);
    }
    for (const { member, offset, body, begin } of record.calls) {
      const expected = history.acknowledged.get(`${record.queue}@${offset}`);
      if (expected !== undefined && expected !== body) {
        say(begin, `${member} was given ${body} at ${offset}, where ${expected} was stored`);
      }
    }
  });
  for (const [place] of history.acknowledged) {
    const [queue = '', offset] = place.split('@');
    // Unknown, when it did not come to its end.
    if (Number(offset) < (history.sent.get(queue) ?? Number.POSITIVE_INFINITY)) continue;
    violations.push({ rule: 'nothing lost', queue, at: 0, text: `${offset} was acknowledged, but is not there` });
  }
  return violations;
}

/** What was done is done again only when the one who did it was killed, stopped or cut off, or has lost its lock. */
function nothingRepeatedWithoutNeed(history: History): Violation[] {
  return checkEach(history, 'nothing repeated without need', (record, say) => {
    for (const call of record.calls) {
      const done = record.wasDone(call);
      if (done === undefined || history.foreign.has(done.member)) continue;
      const excused =
        record.lostBetween(done.member, done.begin, call.begin) ||
        brokerWasKilled(history, record, done.begin, call.begin) ||
        history.faults.some((fault) => isAgainst(fault, done.member) && during(fault, done.begin, call.begin));
      if (!excused) say(call.begin, `${call.member} was given ${call.offset}, which ${done.member} had done`);
    }
  });
}

function isAgainst({ what, whom }: Fault, member: string): boolean {
  return whom === member && (what === 'killed' || what === 'paused' || what === 'cut');
}

function during({ from, to = Number.POSITIVE_INFINITY }: Fault, begin: number, end: number): boolean {
  return from <= end && to >= begin;
}

/** A broker that is killed may lose what it has not written yet: offsets of the last 5 s. */
function brokerWasKilled(history: History, { broker }: QueueRecord, begin: number, end: number): boolean {
  return history.faults.some(
    (fault) => fault.what === 'broker killed' && fault.whom === broker && during(fault, begin, end),
  );
}
