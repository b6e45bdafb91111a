import type { MessageQueue } from '../../protocol/message-queue.js';

/**
 * Where a consumer keeps how far each queue is consumed: in memory first, and from there at the broker (clustering) or
 * in a local file (broadcasting). An offset is that of the next message to consume.
 */
export interface OffsetStore {
  /** Reads what was kept before; throws when it can't be read. Once, before anything else. */
  load(): Promise<void>;
  /** The offset in memory, not necessarily persisted yet. */
  get(queue: MessageQueue): number | undefined;
  /** The offset that is kept, or `undefined` when there is none. An error is never "none". */
  readStored(queue: MessageQueue): Promise<number | undefined>;
  /** Sets the offset a queue starts from; `stored` when it is what {@link readStored} returned. */
  begin(queue: MessageQueue, offset: number, stored: boolean): void;
  /** Sets the offset in memory. With `increaseOnly` a lower one is ignored. */
  update(queue: MessageQueue, offset: number, increaseOnly: boolean): void;
  /** Writes one queue's offset, if it has changed. Resolves when the write was acknowledged. */
  persist(queue: MessageQueue): Promise<void>;
  /** Writes those of the queues whose offset has changed. Rejects with the first failure, after trying all. */
  persistAll(queues: readonly MessageQueue[]): Promise<void>;
  /** Forgets the queue's offset in memory. */
  remove(queue: MessageQueue): void;
}

/** Runs `persist` for each queue and throws the first failure when all are through. */
export async function persistEach(
  queues: readonly MessageQueue[],
  persist: (queue: MessageQueue) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(queues.map(persist));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
