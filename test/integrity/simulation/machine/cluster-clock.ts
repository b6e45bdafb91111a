import { MockClock, type MockTimer } from '../../../../mock-broker/clock.js';
import type { SimProcess } from './process.js';
import type { Happening } from './timeline.js';

/** The brokers' time: that of the process they are in, as its wall shows it. */
export class ClusterClock extends MockClock {
  readonly #process: SimProcess;
  readonly #timers = new Map<MockTimer, Happening>();

  constructor(process: SimProcess) {
    super(0);
    this.#process = process;
  }

  override now(): number {
    return this.#process.wallTime();
  }

  override get pendingTimers(): number {
    return this.#timers.size;
  }

  override setTimeout(callback: () => void, delayMs: number): MockTimer {
    const timer: MockTimer = { dueAt: this.now() + delayMs };
    const happening = this.#process.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs);
    this.#timers.set(timer, happening as Happening);
    return timer;
  }

  override clearTimeout(timer: MockTimer | undefined): void {
    if (timer === undefined) return;
    this.#process.clearTimeout(this.#timers.get(timer));
    this.#timers.delete(timer);
  }
}
