import type { PopQueue } from './pop-ledger.js';

/**
 * Queues that are popped in order: the batch that is out blocks its queue until all of it is acknowledged, or until the
 * invisible time of what is not is over; then what is not acknowledged is popped again, and counted.
 */

/** How often a message was popped before, for the answer's header. */
export interface OrderCount {
  /** undefined stands for the whole queue: the least of its counts. */
  readonly offset: number | undefined;
  readonly count: number;
}

interface Batch {
  readonly popTime: number;
  readonly attemptId: string | undefined;
  readonly invisibleTime: number;
  readonly offsets: readonly number[];
  readonly acked: Set<number>;
  /** Of messages whose time was changed. */
  readonly visibleAt: Map<number, number>;
  /** How often it was popped before, of messages that were. */
  readonly counts: ReadonlyMap<number, number>;
}

export class PopOrders {
  readonly #now: () => number;
  readonly #batches = new Map<string, Batch>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether a batch is out that nobody but who has it may have. The same attempt gets it again. */
  isBlocked(queue: PopQueue, attemptId: string | undefined): boolean {
    const batch = this.#batches.get(keyOf(queue));
    if (batch === undefined) return false;
    if (batch.attemptId !== undefined && batch.attemptId === attemptId) return false;
    return this.#blockedUntil(batch) !== undefined;
  }

  /** When somebody may pop next, if nothing is acknowledged; undefined when at once. */
  freeAt(queue: PopQueue): number | undefined {
    const batch = this.#batches.get(keyOf(queue));
    return batch === undefined ? undefined : this.#blockedUntil(batch);
  }

  /** A batch is out. Returns how often its messages were before. */
  update(
    queue: PopQueue,
    batch: {
      readonly attemptId: string | undefined;
      readonly popTime: number;
      readonly invisibleTime: number;
      readonly offsets: readonly number[];
    },
  ): OrderCount[] {
    const previous = this.#batches.get(keyOf(queue));
    const counts = previous === undefined ? new Map<number, number>() : nextCounts(previous, batch);
    this.#batches.set(keyOf(queue), { ...batch, acked: new Set(), visibleAt: new Map(), counts });
    const least = counts.size === batch.offsets.length ? Math.min(...counts.values()) : 0;
    return [
      ...[...counts].map(([offset, count]) => ({ offset, count })),
      // For older clients, which know only the count of a queue.
      { offset: undefined, count: least },
    ];
  }

  /** A message is done. Returns the offset to commit; undefined when it is of no batch that is out. */
  ack(queue: PopQueue, offset: number, popTime: number): number | undefined {
    const batch = this.#batches.get(keyOf(queue));
    if (batch === undefined) return offset + 1;
    if (batch.popTime !== popTime || !batch.offsets.includes(offset)) return undefined;
    batch.acked.add(offset);
    const first = batch.offsets.find((candidate) => !batch.acked.has(candidate));
    return first ?? (batch.offsets.at(-1) as number) + 1;
  }

  /** A message is out for another time than it was. */
  setVisibleAt(queue: PopQueue, offset: number, popTime: number, visibleAt: number): void {
    const batch = this.#batches.get(keyOf(queue));
    if (batch?.popTime === popTime) batch.visibleAt.set(offset, visibleAt);
  }

  clear(queue: PopQueue): void {
    this.#batches.delete(keyOf(queue));
  }

  clearAll(): void {
    this.#batches.clear();
  }

  deleteTopic(topic: string): void {
    for (const key of this.#batches.keys()) if (key.startsWith(`${topic}\0`)) this.#batches.delete(key);
  }

  /** The time of the first message that is neither acknowledged nor visible again. */
  #blockedUntil(batch: Batch): number | undefined {
    const now = this.#now();
    for (const offset of batch.offsets) {
      if (batch.acked.has(offset)) continue;
      const visibleAt = batch.visibleAt.get(offset) ?? batch.popTime + batch.invisibleTime;
      if (now < visibleAt) return visibleAt;
    }
    return undefined;
  }
}

/** A batch that the same attempt pops again does not count. */
function nextCounts(
  previous: Batch,
  next: { readonly attemptId: string | undefined; readonly offsets: readonly number[] },
): ReadonlyMap<number, number> {
  if (previous.attemptId !== undefined && previous.attemptId === next.attemptId) return previous.counts;
  const again = next.offsets.filter((offset) => previous.offsets.includes(offset));
  return new Map(again.map((offset) => [offset, (previous.counts.get(offset) ?? 0) + 1]));
}

function keyOf({ group, topic, queueId }: PopQueue): string {
  return `${topic}\0${group}\0${queueId}`;
}
