import type { OffsetStore } from '../../lib/consumer/offset-store/offset-store.js';
import { messageQueueKey, type MessageQueue } from '../../lib/protocol/message-queue.js';

/** An offset store without a broker or a file: what was updated is what is there, what was persisted is remembered. */
export class MemoryOffsetStore implements OffsetStore {
  readonly offsets = new Map<string, number>();
  readonly stored = new Map<string, number>();

  load(): Promise<void> {
    return Promise.resolve();
  }

  get(queue: MessageQueue): number | undefined {
    return this.offsets.get(messageQueueKey(queue));
  }

  readStored(queue: MessageQueue): Promise<number | undefined> {
    return Promise.resolve(this.stored.get(messageQueueKey(queue)));
  }

  begin(queue: MessageQueue, offset: number): void {
    this.offsets.set(messageQueueKey(queue), offset);
  }

  update(queue: MessageQueue, offset: number, increaseOnly: boolean): void {
    const before = this.get(queue);
    if (!increaseOnly || before === undefined || offset > before) this.begin(queue, offset);
  }

  persist(queue: MessageQueue): Promise<void> {
    const offset = this.get(queue);
    if (offset !== undefined) this.stored.set(messageQueueKey(queue), offset);
    return Promise.resolve();
  }

  async persistAll(queues: readonly MessageQueue[]): Promise<void> {
    for (const queue of queues) await this.persist(queue);
  }

  remove(queue: MessageQueue): void {
    this.offsets.delete(messageQueueKey(queue));
  }
}
