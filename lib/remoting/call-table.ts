import type { Clock, Timer } from '../clock.js';
import type { Call } from './call.js';

/** Node runs a longer timer at once; the table is then swept early, which is harmless. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Node's timers count whole milliseconds and may run up to one early. */
const TIMER_GRAIN_MS = 1;

/**
 * Calls under way by their opaque, and their deadlines. One timer serves them all: it is set to the earliest deadline
 * when a call with an earlier one arrives, and never moved when a call is answered, so that the usual case costs a
 * map entry only.
 */
export class CallTable {
  readonly #clock: Clock;
  readonly #expire: (call: Call) => void;
  readonly #removed: (() => void) | undefined;
  readonly #calls = new Map<number, Call>();
  #timer: Timer;
  #timerAt = Number.POSITIVE_INFINITY;

  /**
   * @param expire called with each call whose deadline passed; it has been taken out
   * @param removed called after a call was taken out for any other reason than {@link drain}
   */
  constructor(clock: Clock, expire: (call: Call) => void, removed?: () => void) {
    this.#clock = clock;
    this.#expire = expire;
    this.#removed = removed;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Takes a call in under its opaque. */
  add(call: Call): void {
    this.#calls.set(call.opaque, call);
    call.table = this;
    if (call.deadline < this.#timerAt) this.#arm(call.deadline);
  }

  get(opaque: number): Call | undefined {
    return this.#calls.get(opaque);
  }

  remove(call: Call): void {
    if (this.#take(call)) this.#removed?.();
  }

  /** Takes all calls out, for their next table or their end, and stops the timer. */
  drain(): Call[] {
    const calls = [...this.#calls.values()];
    for (const call of calls) call.table = undefined;
    this.#calls.clear();
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    return calls;
  }

  #take(call: Call): boolean {
    if (call.table !== this) return false;
    call.table = undefined;
    return this.#calls.delete(call.opaque);
  }

  #arm(deadline: number): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timerAt = deadline;
    const delay = Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil(deadline - this.#clock.now())));
    this.#timer = this.#clock.setTimeout(this.#sweep, delay);
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const due = this.#clock.now() + TIMER_GRAIN_MS;
    let next = Number.POSITIVE_INFINITY;
    const expired: Call[] = [];
    for (const call of this.#calls.values()) {
      if (call.deadline < due) expired.push(call);
      else if (call.deadline < next) next = call.deadline;
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next);
    // One expiry may close the connection and with it end the calls after it.
    for (const call of expired) if (this.#take(call)) this.#expire(call);
    if (expired.length > 0) this.#removed?.();
  };
}
