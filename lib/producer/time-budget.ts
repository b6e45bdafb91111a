import type { Clock } from '../clock.js';
import { TimeoutError } from '../errors.js';

/** The time a send may take. Runs only while {@link start}ed, so that waiting for others doesn't use it up. */
export class TimeBudget {
  readonly #clock: Clock;
  readonly totalMs: number;
  #usedMs = 0;
  #startedAt: number | undefined;

  constructor(clock: Clock, totalMs: number) {
    this.#clock = clock;
    this.totalMs = totalMs;
  }

  start(): void {
    this.#startedAt ??= this.#clock.now();
  }

  stop(): void {
    this.#usedMs = this.usedMs;
    this.#startedAt = undefined;
  }

  get usedMs(): number {
    return this.#usedMs + (this.#startedAt === undefined ? 0 : this.#clock.now() - this.#startedAt);
  }

  get remainingMs(): number {
    return this.totalMs - this.usedMs;
  }

  /**
   * What `promise` becomes, if that is within the budget.
   *
   * @param what names it in the error: "the route of Orders was not found"
   * @throws TimeoutError
   */
  bound<T>(promise: Promise<T>, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const expire = (): void =>
        reject(new TimeoutError(`${what} within ${this.totalMs} ms`, { timeoutMs: this.totalMs }));
      const timer = this.#clock.setTimeout(expire, Math.max(0, this.remainingMs));
      promise.then(resolve, reject).finally(() => this.#clock.clearTimeout(timer));
    });
  }
}
