import type { MockTimer } from '../clock.js';
import type { Timers } from '../server/timers.js';

/** Messages that become visible later. What was due while the broker was down is delivered when it is back. */

interface Deferred {
  readonly dueAt: number;
  readonly deliver: () => void;
  timer: MockTimer | undefined;
}

export class DeferredMessages {
  readonly #now: () => number;
  readonly #timers: Timers;
  readonly #waiting = new Set<Deferred>();

  constructor(now: () => number, timers: Timers) {
    this.#now = now;
    this.#timers = timers;
  }

  add(dueAt: number, deliver: () => void): void {
    const deferred: Deferred = { dueAt, deliver, timer: undefined };
    this.#waiting.add(deferred);
    this.#arm(deferred);
  }

  /** Goes on after the broker's timers were cleared. */
  resume(): void {
    const inOrder = [...this.#waiting].sort((a, b) => a.dueAt - b.dueAt);
    for (const deferred of inOrder) this.#arm(deferred);
  }

  #arm(deferred: Deferred): void {
    this.#timers.cancel(deferred.timer);
    deferred.timer = this.#timers.later(
      () => {
        this.#waiting.delete(deferred);
        deferred.deliver();
      },
      Math.max(0, deferred.dueAt - this.#now()),
    );
  }
}
