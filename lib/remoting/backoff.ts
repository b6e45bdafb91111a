import type { Clock } from '../clock.js';

/** After the first failure; doubled by each further one. */
const FIRST_DELAY_MS = 100;
/** A peer that came back is found within this time. */
const MAX_DELAY_MS = 5_000;

/**
 * When a peer may be connected to again. The first attempt is always immediate; after failures in a row the pause
 * grows from 0.1 to 5 s, of which the second half is random so that many clients don't return in step.
 */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Milliseconds until the next attempt is due; 0 when it may be made now. */
  get remainingMs(): number {
    return Math.max(0, this.#notBefore - this.#clock.now());
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** An attempt failed: the next one is due after a pause. */
  failed(): void {
    const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures++;
    this.#notBefore = this.#clock.now() + full / 2 + (full / 2) * this.#random();
  }

  /** An attempt led to something useful: the next one is immediate. */
  succeeded(): void {
    this.#failures = 0;
    this.#notBefore = Number.NEGATIVE_INFINITY;
  }
}
