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

/** Who a send answers to. */
export interface SendOwner {
  reject(error: unknown): void;
  settled(send: PendingSend): void;
}

/**
 * A send that was accepted, until its caller has an answer. The caller may get one, by the signal or by `close`, while a
 * request is still under way: what becomes of that does not reach the caller any more.
 */
export class PendingSend {
  readonly outgoing: Outgoing;
  readonly target: Target;
  readonly budget: TimeBudget;
  /** Where it goes; of a plain send, where its last attempt went. */
  queue: MessageQueue | undefined;
  /** Requests sent so far. */
  attempts = 0;
  /** A request may have been stored although no answer said so. */
  maybeStored = false;
  /** Called when the caller is about to get an error, before it does. */
  onFailed: ((error: unknown) => void) | undefined;

  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #owner: SendOwner;
  #settled = false;
  #endPause: (() => void) | undefined;

  constructor(clock: Clock, outgoing: Outgoing, target: Target, limits: SendLimits, owner: SendOwner) {
    this.#clock = clock;
    this.outgoing = outgoing;
    this.target = target;
    this.budget = new TimeBudget(clock, limits.timeoutMs);
    this.#owner = owner;
    this.#signal = limits.signal;
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** The caller has an answer. */
  get settled(): boolean {
    return this.#settled;
  }

  get facts(): SendFacts {
    const { outgoing, attempts, queue, maybeStored } = this;
    return { outgoing, attempts, queue, maybeStored, elapsedMs: this.budget.usedMs };
  }

  /** Whether the caller may be answered now. True once. */
  settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#endPause?.();
    this.#owner.settled(this);
    return true;
  }

  fail(error: unknown): void {
    if (!this.settle()) return;
    this.onFailed?.(error);
    this.#owner.reject(error);
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

  readonly #abort = (): void => this.fail(sendAborted(this.facts, this.#signal?.reason));
}
