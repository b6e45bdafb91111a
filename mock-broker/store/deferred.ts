import type { MockTimer } from '../clock.js';
import type { Timers } from '../server/timers.js';

/** Messages that become visible later. What was due while the broker was down is delivered when it is back. */

/** What waits, for those who look. */
export interface DeferredMessage {
  readonly dueAt: number;
  readonly topic: string;
  readonly queueId: number;
  readonly properties: Readonly<Record<string, string>>;
}

interface Deferred {
  readonly dueAt: number;
  readonly message: Omit<DeferredMessage, 'dueAt'> | undefined;
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

  /** @param message what is to be seen then */
  add(dueAt: number, deliver: () => void, message?: Omit<DeferredMessage, 'dueAt'>): void {
    const deferred: Deferred = { dueAt, message, deliver, timer: undefined };
    this.#waiting.add(deferred);
    this.#arm(deferred);
  }

  /** Forgets what waits and matches. */
  cancel(matches: (message: Omit<DeferredMessage, 'dueAt'>) => boolean): void {
    for (const deferred of this.#waiting) {
      if (deferred.message === undefined || !matches(deferred.message)) continue;
      this.#timers.cancel(deferred.timer);
      this.#waiting.delete(deferred);
    }
  }

  /** Forgets all of it. */
  clear(): void {
    for (const deferred of this.#waiting) this.#timers.cancel(deferred.timer);
    this.#waiting.clear();
  }

  /** What waits, the next one first. */
  list(): DeferredMessage[] {
    return [...this.#waiting]
      .flatMap(({ dueAt, message }) => (message === undefined ? [] : [{ ...message, dueAt }]))
      .sort((a, b) => a.dueAt - b.dueAt);
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
