import type { MockTimer } from '../clock.js';
import type { Timers } from '../server/timers.js';
import type { QueueEntry } from './consume-queue.js';
import type { MessageFilter } from './filters.js';

/** Pops that found nothing and wait: each message that arrives wakes one of a group, and the end of its time each. */

export interface HeldPop {
  readonly group: string;
  readonly topic: string;
  /** Negative: any queue. */
  readonly queueId: number;
  readonly filter: MessageFilter | undefined;
  /** In ms of the mock's clock. */
  readonly expiresAt: number;
  /** The connection it came on. */
  readonly channel: unknown;
  /** Executes the pop again, which may be held once more. */
  resume(): void;
}

/** The reference's limit of pops that wait for the same: `popPollingSize`. */
const MAX_HELD = 1024;
/** A pop's time is over this much before the client thinks it is. */
const EARLY_MS = 50;

interface Waiting {
  readonly pop: HeldPop;
  readonly timer: MockTimer;
}

export class PopPolls {
  readonly #now: () => number;
  readonly #timers: Timers;
  /** Whether the one that has time left longest is woken, or the one that has least. */
  readonly #wakesLast: boolean;
  readonly #waiting = new Map<string, Waiting[]>();
  #arrived: QueueEntry[] = [];

  constructor(options: { readonly now: () => number; readonly timers: Timers; readonly wakesLast: boolean }) {
    this.#now = options.now;
    this.#timers = options.timers;
    this.#wakesLast = options.wakesLast;
  }

  /** How many wait for a queue of a group. */
  count(topic: string, group: string, queueId: number): number {
    return this.#waiting.get(keyOf(topic, group, queueId))?.length ?? 0;
  }

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const waiting of this.#waiting.values()) size += waiting.length;
    return size;
  }

  hold(pop: HeldPop): 'HELD' | 'FULL' | 'TIMEOUT' {
    const left = pop.expiresAt - EARLY_MS - this.#now();
    if (left < 0) return 'TIMEOUT';
    const key = keyOf(pop.topic, pop.group, pop.queueId);
    const waiting = this.#waiting.get(key) ?? [];
    if (waiting.length > MAX_HELD) return 'FULL';
    const timer = this.#timers.later(() => {
      this.#remove(key, held);
      pop.resume();
    }, left + 1);
    const held: Waiting = { pop, timer };
    const later = waiting.findIndex((other) => other.pop.expiresAt > pop.expiresAt);
    waiting.splice(later === -1 ? waiting.length : later, 0, held);
    this.#waiting.set(key, waiting);
    return 'HELD';
  }

  /** A message was stored: once the request that stored it is dealt with, one of each group is woken. */
  arrived(entry: QueueEntry): void {
    if (this.#waiting.size === 0) return;
    this.#arrived.push(entry);
    if (this.#arrived.length === 1) queueMicrotask(() => this.#wakeForArrived());
  }

  /** Wakes one that waits for the queue, if it wants the message. Returns whether there was one. */
  notify(topic: string, group: string, queueId: number, entry?: QueueEntry): boolean {
    const key = keyOf(topic, group, queueId);
    const waiting = this.#waiting.get(key);
    const held = this.#wakesLast ? waiting?.at(-1) : waiting?.[0];
    if (held === undefined) return false;
    if (entry !== undefined && held.pop.filter !== undefined && !held.pop.filter(entry)) return false;
    this.#remove(key, held);
    held.pop.resume();
    return true;
  }

  /** Forgets the pops of a closed connection. */
  discard(channel: unknown): void {
    for (const [key, waiting] of [...this.#waiting]) {
      for (const held of waiting.filter((candidate) => candidate.pop.channel === channel)) this.#remove(key, held);
    }
  }

  clear(): void {
    for (const waiting of this.#waiting.values()) for (const { timer } of waiting) this.#timers.cancel(timer);
    this.#waiting.clear();
    this.#arrived = [];
  }

  #wakeForArrived(): void {
    for (const entry of this.#arrived.splice(0)) {
      const groups = new Set<string>();
      for (const waiting of this.#waiting.values()) {
        const pop = waiting[0]?.pop;
        if (pop?.topic === entry.topic) groups.add(pop.group);
      }
      for (const group of groups) {
        this.notify(entry.topic, group, -1, entry);
        this.notify(entry.topic, group, entry.queueId, entry);
      }
    }
  }

  #remove(key: string, held: Waiting): void {
    this.#timers.cancel(held.timer);
    const left = this.#waiting.get(key)?.filter((candidate) => candidate !== held) ?? [];
    if (left.length === 0) this.#waiting.delete(key);
    else this.#waiting.set(key, left);
  }
}

function keyOf(topic: string, group: string, queueId: number): string {
  return `${topic}\0${group}\0${queueId}`;
}
