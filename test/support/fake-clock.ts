import type { Clock, Timer } from '../../lib/clock.js';

/** Kept from before any test fakes the globals: real I/O and promises need real turns of the event loop. */
const realSetImmediate = globalThis.setImmediate;

/** Turns granted after each timer, enough for a chain of promises and of loopback reads and writes to move on. */
const TURNS = 5;

interface FakeTimer {
  readonly dueAt: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/** Lets promises and ready sockets go on for some turns of the real event loop. */
export async function turns(count: number = TURNS): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => realSetImmediate(resolve));
}

/**
 * A clock that stands still until it is told to move. Timers run in the order of their due times, those due at the
 * same time in the order they were set; between two timers promise continuations and ready sockets get their turns,
 * so a timer set in a continuation within the advanced span still runs in it.
 */
export class FakeClock implements Clock {
  #now: number;
  readonly #wallOffset: number;
  #sequence = 0;
  readonly #timers = new Set<FakeTimer>();

  /** `startAt` is the first {@link now}; the wall shows `wallStart` at that moment. */
  constructor(startAt = 1_000, wallStart = 1_700_000_000_000) {
    this.#now = startAt;
    this.#wallOffset = wallStart - startAt;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now + this.#wallOffset;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer: FakeTimer = {
      dueAt: this.#now + Math.max(0, Number.isNaN(delayMs) ? 0 : delayMs),
      sequence: this.#sequence++,
      callback,
    };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: Timer): void {
    this.#timers.delete(timer as FakeTimer);
  }

  /** How many timers are set. 0 is what a clean close leaves. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer, undefined when none is set. */
  get nextTimerIn(): number | undefined {
    const next = this.#earliest();
    return next === undefined ? undefined : next.dueAt - this.#now;
  }

  /** Moves the time on by `ms` and runs every timer that falls due, also those set on the way. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await turns();
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.dueAt > target) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.callback();
      await turns();
    }
    this.#now = Math.max(this.#now, target);
    await turns();
  }

  /** Moves the time on without running anything: what a blocked event loop looks like. */
  jump(ms: number): void {
    this.#now += ms;
  }

  /** Runs what is due after a {@link jump}, in order and without a turn of the event loop in between. */
  runDue(): void {
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.dueAt > this.#now) return;
      this.#timers.delete(next);
      next.callback();
    }
  }

  #earliest(): FakeTimer | undefined {
    let first: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (
        first === undefined ||
        timer.dueAt < first.dueAt ||
        (timer.dueAt === first.dueAt && timer.sequence < first.sequence)
      ) {
        first = timer;
      }
    }
    return first;
  }
}
