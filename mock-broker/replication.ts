import type { MockTimer } from './clock.js';
import type { Timers } from './server/timers.js';
import type { QueueEntry } from './store/consume-queue.js';
import type { MessageStore } from './store/message-store.js';

/**
 * How a replica gets what its master stores: every change in order, at once or late. What has not come yet, pulls at the
 * replica don't see.
 */

type Change = (copy: MessageStore) => void;

interface Waiting {
  readonly dueAt: number;
  readonly change: Change;
}

export class Replication {
  readonly #copy: MessageStore;
  readonly #now: () => number;
  readonly #timers: Timers;
  #waiting: Waiting[] = [];
  #lagMs = 0;
  #paused = false;
  #timer: MockTimer | undefined;

  /** @param timers of the cluster rather than of the replica: those go on while it is down */
  constructor(copy: MessageStore, now: () => number, timers: Timers) {
    this.#copy = copy;
    this.#now = now;
    this.#timers = timers;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get lagMs(): number {
    return this.#lagMs;
  }

  /** How many changes are still to come. */
  get behind(): number {
    return this.#waiting.length;
  }

  stored(entry: QueueEntry): void {
    this.#add((copy) => copy.copy(entry));
  }

  expired(topic: string, queueId: number, offset: number): void {
    this.#add((copy) => copy.expireBefore(topic, queueId, offset));
  }

  topicDeleted(topic: string): void {
    this.#add((copy) => copy.deleteTopic(topic));
  }

  cleared(): void {
    this.#add((copy) => copy.clear());
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#apply();
  }

  /** Has every change from now on come so much later, in milliseconds of the mock's clock. */
  setLag(lagMs: number): void {
    this.#lagMs = lagMs;
  }

  #add(change: Change): void {
    if (!this.#paused && this.#lagMs === 0 && this.#waiting.length === 0) return change(this.#copy);
    this.#waiting.push({ dueAt: this.#now() + this.#lagMs, change });
    this.#arm();
  }

  #apply(): void {
    this.#timers.cancel(this.#timer);
    this.#timer = undefined;
    if (this.#paused) return;
    const now = this.#now();
    for (let next = this.#waiting[0]; next !== undefined && next.dueAt <= now; next = this.#waiting[0]) {
      this.#waiting.shift();
      next.change(this.#copy);
    }
    this.#arm();
  }

  #arm(): void {
    const next = this.#waiting[0];
    if (next === undefined || this.#paused || this.#timer !== undefined) return;
    this.#timer = this.#timers.later(() => {
      this.#timer = undefined;
      this.#apply();
    }, Math.max(0, next.dueAt - this.#now())); // prettier-ignore
  }
}
