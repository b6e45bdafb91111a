import { messageQueueKey, type MessageQueue } from '../../protocol/message-queue.js';
import type { LocalOffsetFile } from './local-offset-file.js';
import type { OffsetStore } from './offset-store.js';

/** Offsets of a broadcasting consumer: each process consumes every queue for itself and keeps its own file. */
export class LocalFileOffsetStore implements OffsetStore {
  readonly #file: LocalOffsetFile;
  readonly #entries = new Map<string, { queue: MessageQueue; offset: number; persisted: number | undefined }>();

  constructor(file: LocalOffsetFile) {
    this.#file = file;
  }

  async load(): Promise<void> {
    for (const { queue, offset } of await this.#file.load()) {
      this.#entries.set(messageQueueKey(queue), { queue, offset, persisted: offset });
    }
  }

  get(queue: MessageQueue): number | undefined {
    return this.#entries.get(messageQueueKey(queue))?.offset;
  }

  readStored(queue: MessageQueue): Promise<number | undefined> {
    return Promise.resolve(this.#entries.get(messageQueueKey(queue))?.persisted);
  }

  begin(queue: MessageQueue, offset: number, stored: boolean): void {
    this.#entries.set(messageQueueKey(queue), { queue, offset, persisted: stored ? offset : undefined });
  }

  update(queue: MessageQueue, offset: number, increaseOnly: boolean): void {
    const key = messageQueueKey(queue);
    const entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, { queue, offset, persisted: undefined });
    else if (!increaseOnly || offset > entry.offset) entry.offset = offset;
  }

  persist(queue: MessageQueue): Promise<void> {
    return this.persistAll([queue]);
  }

  async persistAll(queues: readonly MessageQueue[]): Promise<void> {
    const changed = queues
      .map((queue) => this.#entries.get(messageQueueKey(queue)))
      .filter((entry) => entry !== undefined)
      .filter((entry) => entry.offset !== entry.persisted)
      .map((entry) => ({ entry, queue: entry.queue, offset: entry.offset }));
    // Also with nothing to add: who persists before the end must not leave a write behind.
    if (changed.length === 0) return this.#file.settled();
    await this.#file.save(changed);
    for (const { entry, offset } of changed) entry.persisted = offset;
  }

  /** A broadcasting consumer forgets nothing: a topic it unsubscribes and subscribes again goes on where it was. */
  remove(_queue: MessageQueue): void {
    // kept on purpose
  }
}
