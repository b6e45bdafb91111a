/**
 * The mock's time: what its locks, holds, delayed messages and timestamps go by.
 *
 * Real time by default. {@link MockClock.manual} gives one that stands still until {@link MockClock.advance} moves it,
 * so that a lock of 60 seconds expires in no time. `advance` works on a real clock too: it jumps ahead.
 */

/** What {@link MockClock.setTimeout} gives back. Opaque. */
export interface MockTimer {
  readonly dueAt: number;
}

interface PendingTimer extends MockTimer {
  readonly sequence: number;
  readonly callback: () => void;
}

/** Kept from before a test fakes the globals: sockets need real turns of the event loop. */
const realSetImmediate = globalThis.setImmediate;
/** Turns granted after each timer: enough for a request and its answer to travel between a client and the mock. */
const TURNS = 10;

/** Longest delay a host timer takes; longer waits are cut into pieces. */
const MAX_HOST_DELAY = 2_147_483_647;

export class MockClock {
  readonly #manual: boolean;
  /** Manual: the time itself. Real: how far this clock is ahead of the machine. */
  #base: number;
  /** Sorted by due time, then by order of creation. */
  readonly #pending: PendingTimer[] = [];
  #sequence = 0;
  #hostTimer: NodeJS.Timeout | undefined;

  /** A clock that goes with the machine's. */
  constructor(manualStart?: number) {
    this.#manual = manualStart !== undefined;
    this.#base = manualStart ?? 0;
  }

  /**
   * A clock that stands still until {@link advance} is called.
   *
   * @param start milliseconds since 1970; the machine's time by default
   */
  static manual(start: number = Date.now()): MockClock {
    return new MockClock(start);
  }

  /** Whether time only moves by {@link advance}. */
  get isManual(): boolean {
    return this.#manual;
  }

  /** How many timers are waiting. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#manual ? this.#base : Date.now() + this.#base;
  }

  /** The same as {@link now}; with it this clock can be the `clock` of consumers and producers, too. */
  wallTime(): number {
    return this.now();
  }

  /** Calls back once, `delayMs` from now. Timers due at the same time fire in the order they were set. */
  setTimeout(callback: () => void, delayMs: number): MockTimer {
    const timer: PendingTimer = {
      dueAt: this.now() + Math.max(0, delayMs),
      sequence: this.#sequence++,
      callback,
    };
    let at = this.#pending.length;
    while (at > 0 && (this.#pending[at - 1] as PendingTimer).dueAt > timer.dueAt) at--;
    this.#pending.splice(at, 0, timer);
    if (at === 0) this.#armHost();
    return timer;
  }

  /** Forgets a timer; without effect when it fired or was cleared before. */
  clearTimeout(timer: MockTimer | undefined): void {
    if (timer === undefined) return;
    const at = this.#pending.indexOf(timer as PendingTimer);
    if (at === -1) return;
    this.#pending.splice(at, 1);
    if (at === 0) this.#armHost();
  }

  /**
   * Moves the time ahead by `ms` and fires, in order and before it returns, every timer that becomes due on the way,
   * also those set by timers fired on the way.
   */
  advance(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`a clock can't be advanced by ${ms} ms`);
    const target = this.now() + ms;
    for (let next = this.#pending[0]; next !== undefined && next.dueAt <= target; next = this.#pending[0]) {
      const now = this.now();
      if (next.dueAt > now) this.#base += next.dueAt - now;
      this.#pending.shift();
      next.callback();
    }
    const now = this.now();
    if (target > now) this.#base += target - now;
    this.#armHost();
  }

  /**
   * Moves the time ahead by `ms` like {@link advance}, from timer to timer, and between them lets promises and sockets of
   * this process go on: for a client that lives by this clock as well.
   */
  async run(ms: number): Promise<void> {
    const target = this.now() + ms;
    await turns();
    for (let next = this.#pending[0]; next !== undefined && next.dueAt <= target; next = this.#pending[0]) {
      this.advance(Math.max(0, next.dueAt - this.now()));
      await turns();
    }
    this.advance(Math.max(0, target - this.now()));
    await turns();
  }

  #armHost(): void {
    if (this.#manual) return;
    clearTimeout(this.#hostTimer);
    this.#hostTimer = undefined;
    const next = this.#pending[0];
    if (next === undefined) return;
    const delay = Math.min(Math.max(0, next.dueAt - this.now()), MAX_HOST_DELAY);
    this.#hostTimer = setTimeout(() => {
      this.#hostTimer = undefined;
      this.#fireDue();
    }, delay);
  }

  #fireDue(): void {
    const now = this.now();
    for (let next = this.#pending[0]; next !== undefined && next.dueAt <= now; next = this.#pending[0]) {
      this.#pending.shift();
      next.callback();
    }
    this.#armHost();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => realSetImmediate(resolve));
}
