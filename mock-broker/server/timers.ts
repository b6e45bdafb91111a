import type { MockClock, MockTimer } from '../clock.js';

/** The timers of one owner, so that all of them can be cleared when it stops. */
export class Timers {
  readonly #clock: MockClock;
  readonly #pending = new Set<MockTimer>();

  constructor(clock: MockClock) {
    this.#clock = clock;
  }

  later(callback: () => void, delayMs: number): MockTimer {
    const timer = this.#clock.setTimeout(() => {
      this.#pending.delete(timer);
      callback();
    }, delayMs);
    this.#pending.add(timer);
    return timer;
  }

  cancel(timer: MockTimer | undefined): void {
    if (timer === undefined) return;
    this.#pending.delete(timer);
    this.#clock.clearTimeout(timer);
  }

  clear(): void {
    for (const timer of this.#pending) this.#clock.clearTimeout(timer);
    this.#pending.clear();
  }
}
