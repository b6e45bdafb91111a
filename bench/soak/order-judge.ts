/** One call of a listener, by whichever member. Times by one clock for all members, whatever its unit. */
export interface JudgedCall {
  readonly member: string;
  /** `topic@broker-a#3`, or whatever names one queue. */
  readonly queue: string;
  readonly offset: number;
  readonly begin?: number;
  readonly end?: number;
}

interface Progress {
  member: string;
  /** When the last call was over. */
  end: number;
  /** The offset that has to come next. */
  next: number;
  /** All below was handed out at least once. */
  reached: number;
  /** How far back the next call may go, because of what happened to the last owner. */
  floor: number | undefined;
}

/** So many faults are kept in words; the rest is only counted. */
const MOST_TOLD = 20;

/**
 * Judges a group's calls as they come, with a few numbers for each queue however long it goes on. In each queue every
 * offset follows the one before it. A step back needs an excuse: the last owner was killed, or could not commit. A step
 * over something, or a call while another member's is not over, has none.
 */
export class OrderJudge {
  /** In words, the first of them. */
  readonly faults: string[] = [];
  #faultCount = 0;
  #calls = 0;
  #repeated = 0;
  readonly #queues = new Map<string, Progress>();
  readonly #first: number;

  /** @param first the offset every queue begins at */
  constructor(first = 0) {
    this.#first = first;
  }

  get faultCount(): number {
    return this.#faultCount;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Calls for what had been handed out before, all of them excused. */
  get repeated(): number {
    return this.#repeated;
  }

  /** In the order of their beginnings. */
  handedOut({ member, queue, offset, begin = 0, end = 0 }: JudgedCall): void {
    this.#calls++;
    const before = this.#progress(queue, member);
    if (before.member !== member && begin < before.end) {
      this.#fault(`${queue}: ${member} has ${offset} from ${begin}, ${before.member} its own until ${before.end}`);
    }
    if (offset > before.next) {
      this.#fault(`${queue}: ${member} has ${offset}, and ${before.next} was next`);
    } else if (offset < before.next) {
      if (before.floor === undefined || offset < before.floor) {
        const limit = before.floor === undefined ? '' : `, and may not go back before ${before.floor}`;
        this.#fault(`${queue}: ${member} has ${offset} again, ${before.next} was next after ${before.member}${limit}`);
      }
      before.floor = undefined;
    }
    if (offset < before.reached) this.#repeated++;
    before.member = member;
    before.end = Math.max(before.end, end);
    before.next = offset + 1;
    before.reached = Math.max(before.reached, before.next);
  }

  /** The queue may go back once, to `floor` or behind it. */
  excuse(queue: string, floor = this.#first): void {
    const progress = this.#queues.get(queue);
    if (progress !== undefined) progress.floor = Math.min(progress.floor ?? floor, floor);
  }

  /** So may every queue whose last call was this member's. */
  excuseAll(member: string): void {
    for (const [queue, progress] of this.#queues) if (progress.member === member) this.excuse(queue);
  }

  /** All below was handed out. */
  reached(queue: string): number {
    return this.#queues.get(queue)?.reached ?? this.#first;
  }

  /** What was never handed out, in words. @param ends by queue, the offset behind its last message */
  missing(ends: Iterable<readonly [queue: string, end: number]>): string[] {
    const missing: string[] = [];
    for (const [queue, end] of ends) {
      const reached = this.reached(queue);
      if (reached < end) missing.push(`${queue}: ${reached} to ${end - 1}`);
    }
    return missing;
  }

  #progress(queue: string, member: string): Progress {
    let progress = this.#queues.get(queue);
    if (progress === undefined) {
      const first = this.#first;
      progress = { member, end: Number.NEGATIVE_INFINITY, next: first, reached: first, floor: undefined };
      this.#queues.set(queue, progress);
    }
    return progress;
  }

  #fault(what: string): void {
    this.#faultCount++;
    if (this.faults.length < MOST_TOLD) this.faults.push(what);
  }
}
