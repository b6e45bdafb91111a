/**
 * Where everything under lib/ that waits takes its time from, so that a test can turn 60 seconds into none.
 *
 * Leases and deadlines are measured with the monotonic {@link Clock.now}; only timestamps that leave the process
 * (born time, `CONSUME_FROM_TIMESTAMP`) use {@link Clock.wallTime}.
 */

/** What {@link Clock.setTimeout} gives back. Opaque. */
export type Timer = unknown;

export interface Clock {
  /** Milliseconds that never go backwards; the zero point is arbitrary. */
  now(): number;
  /** Milliseconds since 1970, as people and brokers read it. */
  wallTime(): number;
  setTimeout(callback: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer): void;
}

/** The machine's time. Looks the globals up at each call, so fake timers installed later are honoured. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Resolves after `delayMs`; at once, without an error, when `signal` fires first. Leaves no timer behind. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, delayMs);
    signal?.addEventListener('abort', done, { once: true });
  });
}
