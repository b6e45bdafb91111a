import type { Clock } from '../clock.js';

/**
 * Shares one thread among the queues of a consumer and everything else that runs in the process. Slices with a
 * synchronous listener never give way by themselves; here they take turns: after `budgetMs` the event loop goes round
 * once, so that heartbeats, lock renewals and the user's own work keep their time, and then the slice that has waited
 * longest goes on.
 */
export class TurnTaker {
  readonly #clock: Clock;
  readonly #budgetMs: number;
  #turnStart: number;
  #waiting: (() => void)[] = [];
  #scheduled = false;

  constructor(clock: Clock, budgetMs: number) {
    this.#clock = clock;
    this.#budgetMs = budgetMs;
    this.#turnStart = clock.now();
  }

  /** Whether the current turn of the event loop is used up at `now`. */
  isOver(now: number): boolean {
    return now - this.#turnStart >= this.#budgetMs;
  }

  /** Resolves when it is the caller's turn, with a fresh budget. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turnStart = this.#clock.now();
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}
