import type { MockTimer } from '../clock.js';
import type { Timers } from '../server/timers.js';
import type { QueueEntry } from './consume-queue.js';
import type { MessageFilter } from './filters.js';

/**
 * Pulls that found nothing and wait: until a message they want arrives, or until their time is up, which is looked at
 * by a scan only. So an answer comes up to a scan's period late, as from the reference.
 */

export interface HeldPull {
  readonly topic: string;
  readonly queueId: number;
  /** Where the pull begins. */
  readonly offset: number;
  readonly filter: MessageFilter;
  readonly expiresAt: number;
  /** The connection it came on. */
  readonly channel: unknown;
  /** Executes the pull again; this time it is not held. */
  resume(): void;
}

export class PullHolds {
  readonly #now: () => number;
  readonly #timers: Timers;
  readonly #scanMs: number;
  readonly #maxOffset: (topic: string, queueId: number) => number;
  readonly #held = new Map<string, HeldPull[]>();
  #scanTimer: MockTimer | undefined;
  #arrived: QueueEntry[] = [];

  constructor(options: {
    now: () => number;
    timers: Timers;
    scanMs: number;
    maxOffset: (topic: string, queueId: number) => number;
  }) {
    this.#now = options.now;
    this.#timers = options.timers;
    this.#scanMs = options.scanMs;
    this.#maxOffset = options.maxOffset;
  }

  /** How many pulls wait. */
  get size(): number {
    let size = 0;
    for (const pulls of this.#held.values()) size += pulls.length;
    return size;
  }

  /** The pulls that wait, queue by queue. */
  list(): HeldPull[] {
    return [...this.#held.values()].flat();
  }

  hold(pull: HeldPull): void {
    const key = holdKey(pull.topic, pull.queueId);
    const pulls = this.#held.get(key);
    if (pulls === undefined) this.#held.set(key, [pull]);
    else pulls.push(pull);
    this.#scanTimer ??= this.#timers.later(() => this.#scan(), this.#scanMs);
  }

  /**
   * A message was stored. Those who wait for it are answered once the request that stored it is dealt with, so that
   * messages stored together are found together.
   */
  arrived(entry: QueueEntry): void {
    if (this.#held.size === 0) return;
    this.#arrived.push(entry);
    if (this.#arrived.length === 1) queueMicrotask(() => this.#wakeForArrived());
  }

  /** Forgets the pulls of a closed connection. */
  discard(channel: unknown): void {
    for (const [key, pulls] of this.#held) this.#keep(key, pulls.filter((pull) => pull.channel !== channel)); // prettier-ignore
  }

  /** Forgets all pulls. */
  clear(): void {
    this.#held.clear();
    this.#arrived = [];
    this.#timers.cancel(this.#scanTimer);
    this.#scanTimer = undefined;
  }

  #wakeForArrived(): void {
    const byQueue = new Map<string, QueueEntry[]>();
    for (const entry of this.#arrived) {
      const key = holdKey(entry.topic, entry.queueId);
      const entries = byQueue.get(key);
      if (entries === undefined) byQueue.set(key, [entry]);
      else entries.push(entry);
    }
    this.#arrived = [];
    for (const [key, entries] of byQueue) this.#check(key, (pull) => entries.some(pull.filter));
  }

  /** At a scan the messages that arrived are no longer at hand: any will do to execute a pull again. */
  #scan(): void {
    this.#scanTimer = undefined;
    for (const key of [...this.#held.keys()]) this.#check(key, () => true);
    if (this.#held.size > 0) this.#scanTimer = this.#timers.later(() => this.#scan(), this.#scanMs);
  }

  #check(key: string, wanted: (pull: HeldPull) => boolean): void {
    const pulls = this.#held.get(key);
    if (pulls === undefined) return;
    const ready: HeldPull[] = [];
    const waiting: HeldPull[] = [];
    const now = this.#now();
    for (const pull of pulls) {
      const hasNew = this.#maxOffset(pull.topic, pull.queueId) > pull.offset;
      if ((hasNew && wanted(pull)) || now >= pull.expiresAt) ready.push(pull);
      else waiting.push(pull);
    }
    this.#keep(key, waiting);
    for (const pull of ready) pull.resume();
  }

  #keep(key: string, pulls: HeldPull[]): void {
    if (pulls.length === 0) this.#held.delete(key);
    else this.#held.set(key, pulls);
  }
}

function holdKey(topic: string, queueId: number): string {
  return `${topic}\0${queueId}`;
}
