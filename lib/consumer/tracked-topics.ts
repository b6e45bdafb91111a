import type { RouteTable } from '../routing/route-table.js';

/**
 * The topics whose routes are looked after for one consumer: those it subscribes to, and those it still has queues of.
 * A route must outlive the subscription, as it tells where the last offset goes and where the lock is given back.
 */
export class TrackedTopics {
  readonly #routes: Pick<RouteTable, 'track' | 'untrack'>;
  readonly #isNeeded: (topic: string) => boolean;
  readonly #tracked = new Set<string>();

  constructor(routes: Pick<RouteTable, 'track' | 'untrack'>, isNeeded: (topic: string) => boolean) {
    this.#routes = routes;
    this.#isNeeded = isNeeded;
  }

  /** Tracks these too; once each, however often it is asked for. */
  add(topics: Iterable<string>): void {
    for (const topic of topics) {
      if (this.#tracked.has(topic)) continue;
      this.#tracked.add(topic);
      this.#routes.track(topic);
    }
  }

  /** Lets go of what is needed no more. */
  trim(): void {
    for (const topic of this.#tracked) if (!this.#isNeeded(topic)) this.#untrack(topic);
  }

  /** Lets go of everything. */
  clear(): void {
    for (const topic of this.#tracked) this.#untrack(topic);
  }

  #untrack(topic: string): void {
    this.#tracked.delete(topic);
    this.#routes.untrack(topic);
  }
}
