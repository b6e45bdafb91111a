import type { ConsumeOrderlyStatus } from '../../../../lib/index.js';
import type { Handed } from '../history.js';

/**
 * One member's time with one queue, from the offset it began at until the queue was lost, left or reset. A model of the
 * rules, independent of the consumer: it follows what the listener answered, and says what must be handed out next and
 * how far may be committed.
 */
export class Stint {
  /** Offsets that are finished or safe elsewhere, at and above {@link #floor}. */
  #done = new Set<number>();
  /** The lowest offset that is not finished. */
  #floor: number;
  #promised: number;
  /** Answered SUCCESS with autoCommit off, and neither committed nor rolled back since. */
  #held: number[] = [];
  #next: number;
  #attempts = new Map<number, number>();
  /** The batch that was suspended last: its messages may go to the dead letter queue before anything else happens. */
  #suspended: { readonly offsets: readonly number[]; readonly auto: boolean } | undefined;
  /** What was true before an answer of which nobody knows whether it counted. */
  #otherwise: Stint | undefined;
  /** The highest offset committed so far. */
  committed = Number.NEGATIVE_INFINITY;
  /** Where it began. */
  readonly start: number;

  constructor(start: number) {
    this.start = start;
    this.#floor = start;
    this.#promised = start;
    this.#next = start;
  }

  /** Before this all is committed, or will be when the queue is given back: what was left to the listener's COMMIT is not. */
  get promised(): number {
    return this.#promised;
  }

  /** No commit may be beyond this. */
  get committable(): number {
    return this.#floor;
  }

  /** Whether it is known of every answer that it counted. */
  get isCertain(): boolean {
    return this.#otherwise === undefined;
  }

  /** Messages are handed out: what is wrong with that, in words. */
  handOut(batch: readonly Handed[]): string[] {
    const otherwise = this.#otherwise;
    this.#otherwise = undefined;
    // Whether an answer counted that came too late is told by what is handed out next.
    if (otherwise !== undefined && this.#faultsOf(batch).length > 0) this.#become(otherwise);
    return this.#faultsOf(batch);
  }

  #faultsOf(batch: readonly Handed[]): string[] {
    const faults: string[] = [];
    let next = this.#next;
    for (const { offset, reconsumeTimes } of batch) {
      next = this.#expected(next);
      if (offset !== next) faults.push(`offset ${offset} is handed out, ${next} was due`);
      const attempts = this.#attempts.get(offset) ?? 0;
      if (reconsumeTimes !== attempts) faults.push(`offset ${offset} has ${reconsumeTimes} attempts, not ${attempts}`);
      next = offset + 1;
    }
    return faults;
  }

  /**
   * The listener has answered.
   *
   * @param certain false when the lease has run out: then it is for the broker to say whether the answer counts
   */
  answer(offsets: readonly number[], auto: boolean, status: ConsumeOrderlyStatus, certain: boolean): void {
    if (!certain) this.#otherwise = this.#copy();
    const first = offsets[0] as number;
    const behind = (offsets.at(-1) as number) + 1;
    this.#suspended = undefined;
    if (status === 'SUSPEND_CURRENT_QUEUE_A_MOMENT') {
      for (const offset of offsets) this.#attempts.set(offset, (this.#attempts.get(offset) ?? 0) + 1);
      this.#suspended = { offsets, auto };
      this.#next = first;
    } else if (auto || status === 'COMMIT') {
      this.#finish([...this.#held, ...offsets]);
      this.#promised = this.#floor;
      this.#held = [];
      this.#next = behind;
    } else if (status === 'SUCCESS') {
      this.#held.push(...offsets);
      this.#next = behind;
    } else {
      this.#next = Math.min(first, ...this.#held);
      this.#held = [];
    }
  }

  /** A message of the batch that was suspended last used up its attempts and was sent to the dead letter queue. */
  deadLettered(offset: number): void {
    this.#finish([offset]);
    if (this.#suspended?.auto === true) this.#promised = this.#floor;
    if (this.#suspended?.auto !== true || !this.#suspended.offsets.every((one) => this.#isDone(one))) return;
    this.#finish(this.#held);
    this.#promised = this.#floor;
    this.#held = [];
  }

  /** The next offset from `from` on that is not finished. */
  #expected(from: number): number {
    let next = Math.max(from, this.#floor);
    while (this.#done.has(next)) next++;
    return next;
  }

  #isDone(offset: number): boolean {
    return offset < this.#floor || this.#done.has(offset);
  }

  #finish(offsets: readonly number[]): void {
    for (const offset of offsets) if (offset >= this.#floor) this.#done.add(offset);
    while (this.#done.delete(this.#floor)) this.#floor++;
  }

  #copy(): Stint {
    const copy = new Stint(this.#floor);
    copy.#become(this);
    return copy;
  }

  #become(other: Stint): void {
    this.#done = new Set(other.#done);
    this.#floor = other.#floor;
    this.#promised = other.#promised;
    this.#held = [...other.#held];
    this.#next = other.#next;
    this.#attempts = new Map(other.#attempts);
  }
}
