import type { Clock, Timer } from '../clock.js';
import type { Call } from './call.js';

/** Node runs a longer timer at once; the table is then swept early, which is harmless. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Node's timers count whole milliseconds and may run up to one early. */
const TIMER_GRAIN_MS = 1;

/** Slots of a table that is empty. */
const FEWEST_SLOTS = 16;

/**
 * Calls under way by their opaque, and their deadlines. One timer serves them all: it is set to the earliest deadline
 * when a call with an earlier one arrives, and never moved when a call is answered, so that the usual case costs a
 * slot only.
 *
 * A hash table with open addressing. A Map in which entries come and go makes itself anew every few entries, and each
 * former self keeps its successor alive until the engine's next full collection, with every call they held.
 */
export class CallTable {
  readonly #clock: Clock;
  readonly #expire: (call: Call) => void;
  readonly #removed: (() => void) | undefined;
  #slots: (Call | undefined)[] = emptySlots(FEWEST_SLOTS);
  #size = 0;
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
    return this.#size;
  }

  /** Takes a call in under its opaque. */
  add(call: Call): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    const index = this.#find(call.opaque);
    if (this.#slots[index] === undefined) this.#size++;
    this.#slots[index] = call;
    call.table = this;
    if (call.deadline < this.#timerAt) this.#arm(call.deadline);
  }

  get(opaque: number): Call | undefined {
    return this.#slots[this.#find(opaque)];
  }

  remove(call: Call): void {
    if (this.#take(call)) this.#removed?.();
  }

  /** Takes all calls out, for their next table or their end, in the order of their opaques, and stops the timer. */
  drain(): Call[] {
    const calls = this.#all();
    for (const call of calls) call.table = undefined;
    this.#slots = emptySlots(FEWEST_SLOTS);
    this.#size = 0;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    return calls;
  }

  /** The slot of that opaque, or the empty one it would take. */
  #find(opaque: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let index = opaque & mask;
    for (;;) {
      const call = slots[index];
      if (call === undefined || call.opaque === opaque) return index;
      index = (index + 1) & mask;
    }
  }

  #take(call: Call): boolean {
    if (call.table !== this) return false;
    call.table = undefined;
    const index = this.#find(call.opaque);
    if (this.#slots[index] !== call) return false;
    this.#size--;
    this.#empty(index);
    return true;
  }

  /** Those behind an emptied slot move up, or they would not be found any more. */
  #empty(index: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = index;
    for (let at = (index + 1) & mask; ; at = (at + 1) & mask) {
      const call = slots[at];
      if (call === undefined) break;
      const home = call.opaque & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = call;
      hole = at;
    }
    slots[hole] = undefined;
  }

  #grow(): void {
    const calls = this.#all();
    this.#slots = emptySlots(this.#slots.length * 2);
    for (const call of calls) this.#slots[this.#find(call.opaque)] = call;
  }

  /** In the order of their opaques, which start over behind 2^31 - 1. */
  #all(): Call[] {
    const calls = this.#slots.filter((call) => call !== undefined);
    return calls.sort((a, b) => (a.opaque - b.opaque) | 0);
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
    for (const call of this.#all()) {
      if (call.deadline < due) expired.push(call);
      else if (call.deadline < next) next = call.deadline;
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next);
    // One expiry may close the connection and with it end the calls after it.
    for (const call of expired) if (this.#take(call)) this.#expire(call);
    if (expired.length > 0) this.#removed?.();
  };
}

function emptySlots(count: number): (Call | undefined)[] {
  return new Array<Call | undefined>(count).fill(undefined);
}
