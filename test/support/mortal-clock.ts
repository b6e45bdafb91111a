import type { Clock, Timer } from '../../lib/clock.js';

/**
 * One member's view of a clock that many share: it can be stopped for good, as it is when the member's process dies, and
 * knows how many timers the member has set.
 */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #dead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): number {
    return this.#clock.wallTime();
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    if (this.#dead) return undefined;
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: Timer): void {
    this.#timers.delete(timer);
    this.#clock.clearTimeout(timer);
  }

  /** No timer fires any more, and none can be set. */
  kill(): void {
    this.#dead = true;
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    this.#timers.clear();
  }
}
