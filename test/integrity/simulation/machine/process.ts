import type { Clock, Timer } from '../../../../lib/clock.js';
import type { Happening, Host, Timeline } from './timeline.js';

/** What the wall shows when a simulation begins. */
const WALL_START = 1_700_000_000_000;

/**
 * A process of the simulation, with a clock of its own: it can be killed, stopped for a while, and kept busy by its own
 * code, as when a listener blocks the event loop. Its wall clock can be set; its monotonic one goes on.
 */
export class SimProcess implements Clock, Host {
  readonly name: string;
  readonly #timeline: Timeline;
  readonly #timers = new Set<Happening>();
  #alive = true;
  #asleepUntil = 0;
  /** How far the code that runs now has got ahead of the timeline by blocking. */
  #ahead = 0;
  #wallOffset = WALL_START;

  constructor(name: string, timeline: Timeline) {
    this.name = name;
    this.#timeline = timeline;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get asleepUntil(): number {
    return this.#asleepUntil;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#timeline.now + this.#ahead;
  }

  wallTime(): number {
    return Math.floor(this.now()) + this.#wallOffset;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    if (!this.#alive) return undefined;
    const timer = this.#timeline.plan(this.now() + (Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs)), this, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: Timer): void {
    if (timer === undefined || timer === null) return;
    (timer as Happening).cancelled = true;
    this.#timers.delete(timer as Happening);
  }

  /** Something of this process is to happen, `delayMs` from its now. It is no timer. */
  later(delayMs: number, run: () => void): void {
    if (this.#alive) this.#timeline.plan(this.now() + delayMs, this, run);
  }

  /** The code that runs now takes so long, and keeps the process from everything else meanwhile. */
  block(ms: number): void {
    this.#ahead += ms;
    this.#asleepUntil = Math.max(this.#asleepUntil, this.now());
  }

  /** The whole process stands still, as after SIGSTOP. */
  stop(ms: number): void {
    this.#asleepUntil = Math.max(this.#asleepUntil, this.#timeline.now + ms);
  }

  /** What its wall clock shows changes by so much, from one moment to the next. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  kill(): void {
    this.#alive = false;
    for (const timer of this.#timers) timer.cancelled = true;
    this.#timers.clear();
  }

  ended(): void {
    this.#ahead = 0;
  }
}
