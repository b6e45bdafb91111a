import type { Clock } from '../clock.js';

/** Lets a loop sleep until something it depends on has changed, instead of polling for it. */
export class Notifier {
  #waiters: (() => void)[] = [];

  /** Whether somebody waits: lets a hot path skip the call. */
  get hasWaiters(): boolean {
    return this.#waiters.length > 0;
  }

  /** Wakes all that wait now. */
  notify(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** Resolves at the next {@link notify}, at the latest after `timeoutMs` when one is given. */
  wait(clock: Clock, timeoutMs?: number): Promise<void> {
    return new Promise((resolve) => {
      if (timeoutMs === undefined) {
        this.#waiters.push(resolve);
        return;
      }
      const wake = (): void => {
        clock.clearTimeout(timer);
        resolve();
      };
      const timer = clock.setTimeout(() => {
        const index = this.#waiters.indexOf(wake);
        if (index !== -1) this.#waiters.splice(index, 1);
        resolve();
      }, timeoutMs);
      this.#waiters.push(wake);
    });
  }
}
