import type { JudgedCall, OrderJudge } from './order-judge.js';

/** Something at a moment: a call, or that a member was killed. Times in microseconds of the machine's monotonic clock. */
type Event = { readonly at: number; readonly call: JudgedCall } | { readonly at: number; readonly killed: string };

/**
 * Brings what several processes tell into the order it happened in, and has it judged: lines of other processes arrive
 * later than what this one saw itself. Holds what is younger than `delayMs`, nothing else.
 */
export class CallWindow {
  readonly #judge: OrderJudge;
  readonly #delay: number;
  #waiting: Event[] = [];

  constructor(judge: OrderJudge, delayMs: number) {
    this.#judge = judge;
    this.#delay = delayMs * 1_000;
  }

  static now(): number {
    return Number(process.hrtime.bigint() / 1_000n);
  }

  called(call: JudgedCall & { readonly begin: number }): void {
    this.#waiting.push({ at: call.begin, call });
  }

  /** What this member was given and has not committed may come again. */
  killed(member: string): void {
    this.#waiting.push({ at: CallWindow.now(), killed: member });
  }

  /** Judges what is old enough; to be called again and again. */
  judge(now: number = CallWindow.now()): void {
    const until = now - this.#delay;
    const due = this.#waiting.filter(({ at }) => at <= until);
    this.#waiting = this.#waiting.filter(({ at }) => at > until);
    for (const event of due.sort((a, b) => a.at - b.at)) {
      if ('call' in event) this.#judge.handedOut(event.call);
      else this.#judge.excuseAll(event.killed);
    }
  }

  /** Judges all the rest. */
  finish(): void {
    this.judge(Number.POSITIVE_INFINITY);
  }
}
