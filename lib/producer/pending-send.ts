import type { Clock } from '../clock.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import type { Outgoing } from './outgoing.js';
import type { Target } from './queue-choice.js';
import { sendAborted, type SendFacts } from './send-failure.js';
import { TimeBudget } from './time-budget.js';

/** What bounds a send. */
export interface SendLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * A send that was accepted, until its caller has an answer. The caller may get one, by the signal or by `close`, while a
 * request is still under way: what happens to that does not reach the caller any more.
 */
export class PendingSend<T = unknown> {
  readonly outgoing: Outgoing;
  readonly target: Target;
  readonly budget: TimeBudget;
  readonly promise: Promise<T>;
  /** Where it goes; of a plain send, where its last attempt went. */
  queue: MessageQueue | undefined;
  /** Requests sent so far. */
  attempts = 0;
  /** A request may have been stored although no answer said so. */
  maybeStored = false;

  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #onSettled: (send: PendingSend<T>) => void;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #settled = false;
  #error: unknown;
  #endPause: (() => void) | undefined;

  constructor(
    clock: Clock,
    outgoing: Outgoing,
    target: Target,
    limits: SendLimits,
    onSettled: (send: PendingSend<T>) => void,
  ) {
    this.#clock = clock;
    this.outgoing = outgoing;
    this.target = target;
    this.budget = new TimeBudget(clock, limits.timeoutMs);
    this.#onSettled = onSettled;
    this.#signal = limits.signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** The caller has an answer. */
  get settled(): boolean {
    return this.#settled;
  }

  /** What the caller was answered with, when that was an error. */
  get error(): unknown {
    return this.#error;
  }

  get facts(): SendFacts {
    const { outgoing, attempts, queue, maybeStored } = this;
    return { outgoing, attempts, queue, maybeStored, elapsedMs: this.budget.usedMs };
  }

  succeed(value: T): void {
    if (this.#settle()) this.#resolve(value);
  }

  fail(error: unknown): void {
    if (!this.#settle()) return;
    this.#error = error;
    this.#reject(error);
  }

  /** Resolves after some time, or when the caller has an answer. Leaves no timer behind. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#clock.clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
      const timer = this.#clock.setTimeout(end, ms);
      this.#endPause = end;
    });
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#endPause?.();
    this.#onSettled(this);
    return true;
  }

  readonly #abort = (): void => this.fail(sendAborted(this.facts, this.#signal?.reason));
}
