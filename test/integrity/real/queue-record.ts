import type { Call, Commit, History, LockGrant, QueueEvent, Stored } from './history.js';

/** All that a history tells of one queue, in the order of time, and questions that rules ask of it. */
export class QueueRecord {
  readonly queue: string;
  readonly broker: string;
  readonly calls: readonly Call[];
  readonly commits: readonly Commit[];
  readonly stored: readonly Stored[];
  /** Where somebody began: took the queue over, or was sent to another offset. */
  readonly owns: readonly QueueEvent[];
  readonly #events: readonly QueueEvent[];
  readonly #locks: readonly LockGrant[];
  readonly #killedAt: ReadonlyMap<string, number>;
  /** By offset, the first finished call, and when all before the offset were finished. */
  readonly #firstDone: (Call | undefined)[] = [];
  readonly #allDoneAt: number[] = [Number.NEGATIVE_INFINITY];

  constructor(queue: string, history: History) {
    const ofQueue = (entry: { readonly queue: string }): boolean => entry.queue === queue;
    this.queue = queue;
    this.broker = queue.slice(0, queue.indexOf('#'));
    this.calls = history.calls.filter(ofQueue).sort((a, b) => a.begin - b.begin);
    this.commits = history.commits.filter(ofQueue).sort((a, b) => a.at - b.at);
    this.stored = history.stored.filter(ofQueue).sort((a, b) => a.at - b.at);
    this.#events = history.events.filter(ofQueue).sort((a, b) => a.at - b.at);
    this.owns = this.#events.filter(({ kind }) => kind === 'own' || kind === 'reset');
    this.#locks = history.locks
      .filter(({ granted }) => granted.includes(queue))
      .sort((a, b) => a.answeredAt - b.answeredAt);
    this.#killedAt = new Map(
      history.faults.filter(({ what }) => what === 'killed').map(({ whom, from }) => [whom, from]),
    );
    this.#findDone();
  }

  /** When all that is before this offset was done; whether that was before `at`. */
  doneBefore(offset: number, at: number): boolean {
    return (this.#allDoneAt[offset] ?? Number.POSITIVE_INFINITY) <= at;
  }

  /** The lowest offset that was not done at that time. */
  firstUndone(at: number): number {
    let offset = 0;
    while (this.doneBefore(offset + 1, at)) offset++;
    return offset;
  }

  /** When the message was first done. */
  doneAt(offset: number): number | undefined {
    return this.#firstDone[offset]?.end;
  }

  /** The call that did this call's message before it began. */
  wasDone(call: Call): Call | undefined {
    const first = this.#firstDone[call.offset];
    return first !== undefined && first !== call && (first.end ?? 0) <= call.begin ? first : undefined;
  }

  /** When a call was over; that of a process that was killed in it, with the process. */
  endOf(call: Call): number {
    return call.end ?? this.#killedAt.get(call.member) ?? Number.POSITIVE_INFINITY;
  }

  /** When the member asked for the lock that it had last been granted at this time. */
  lastGrant(member: string, at: number): number | undefined {
    let askedAt: number | undefined;
    for (const lock of this.#locks) {
      if (lock.member === member && lock.answeredAt <= at) askedAt = Math.max(askedAt ?? 0, lock.askedAt);
    }
    return askedAt;
  }

  /** Whether the member began in this time, and at this offset or before it. */
  beganBetween(member: string, from: number, to: number, offset: number): boolean {
    return this.#begins(member, from, to).some((event) => (event.offset ?? 0) <= offset);
  }

  began(member: string, from: number, to: number): boolean {
    return this.#begins(member, from, to).length > 0;
  }

  lostBetween(member: string, from: number, to: number): boolean {
    return this.#events.some(
      (event) => event.kind === 'lost' && event.member === member && event.at >= from && event.at <= to,
    );
  }

  /** Who was granted the lock after this member had been, for the last time until `at`. */
  supersededBy(member: string, at: number): string | undefined {
    const granted = this.#locks.filter((lock) => lock.answeredAt <= at);
    const own = granted.findLast((lock) => lock.member === member);
    return granted.find((lock) => lock.member !== member && lock.askedAt > (own?.answeredAt ?? 0))?.member;
  }

  /** The highest commit that was answered before this time. */
  acknowledgedBefore(at: number): Commit | undefined {
    let highest: Commit | undefined;
    for (const commit of this.commits) {
      if ((commit.answeredAt ?? Number.POSITIVE_INFINITY) > at) continue;
      if (highest === undefined || commit.offset > highest.offset) highest = commit;
    }
    return highest;
  }

  /** The time of the last that is known. */
  get lastAt(): number {
    return Math.max(0, this.calls.at(-1)?.begin ?? 0, this.stored.at(-1)?.at ?? 0);
  }

  #begins(member: string, from: number, to: number): QueueEvent[] {
    return this.#events.filter(
      (event) =>
        (event.kind === 'own' || event.kind === 'reset') &&
        event.member === member &&
        event.at >= from &&
        event.at <= to,
    );
  }

  #findDone(): void {
    for (const call of this.calls) {
      const { end } = call;
      if (!call.done || end === undefined) continue;
      const first = this.#firstDone[call.offset];
      if (first === undefined || end < (first.end ?? 0)) this.#firstDone[call.offset] = call;
    }
    for (let offset = 0; this.#firstDone[offset] !== undefined; offset++) {
      this.#allDoneAt.push(Math.max(this.#allDoneAt[offset] ?? 0, this.#firstDone[offset]?.end ?? 0));
    }
  }
}

/** One record for each queue the history knows of. */
export function recordsOf(history: History): QueueRecord[] {
  const queues = new Set([
    ...history.sent.keys(),
    ...history.calls.map(({ queue }) => queue),
    ...history.commits.map(({ queue }) => queue),
  ]);
  return [...queues].sort().map((queue) => new QueueRecord(queue, history));
}
