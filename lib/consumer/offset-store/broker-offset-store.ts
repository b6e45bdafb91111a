import pLimit, { type LimitFunction } from 'p-limit';
import type { ClientInstance } from '../../client/client-instance.js';
import { messageQueueKey, type MessageQueue } from '../../protocol/message-queue.js';
import { queryConsumerOffset } from '../../protocol/requests/query-consumer-offset.js';
import { updateConsumerOffset } from '../../protocol/requests/update-consumer-offset.js';
import { persistEach, type OffsetStore } from './offset-store.js';

/** Both requests have this much time in the reference, in milliseconds. */
const OFFSET_TIMEOUT = 5_000;

interface Entry {
  offset: number;
  /** What the broker acknowledged last; `undefined` when nothing yet. */
  persisted: number | undefined;
  /** One write at a time: the broker handles requests of one connection in parallel, a later write could be overtaken. */
  readonly writing: LimitFunction;
}

/** Offsets of a clustering consumer: in memory, and at the master of each queue's broker. */
export class BrokerOffsetStore implements OffsetStore {
  readonly #client: ClientInstance;
  readonly #consumerGroup: string;
  readonly #strict: boolean;
  readonly #entries = new Map<string, Entry>();
  /** By broker and topic. */
  readonly #firstWrites = new Map<string, Promise<void>>();

  /** @param strict a group without an offset is told so, even where the broker would answer 0 for a young queue */
  constructor(client: ClientInstance, consumerGroup: string, strict: boolean) {
    this.#client = client;
    this.#consumerGroup = consumerGroup;
    this.#strict = strict;
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  get(queue: MessageQueue): number | undefined {
    return this.#entries.get(messageQueueKey(queue))?.offset;
  }

  async readStored(queue: MessageQueue): Promise<number | undefined> {
    const { offset } = await this.#client.callMaster(
      queue.brokerName,
      queryConsumerOffset,
      {
        consumerGroup: this.#consumerGroup,
        topic: queue.topic,
        queueId: queue.queueId,
        brokerName: queue.brokerName,
        ...(this.#strict && { setZeroIfNotFound: false }),
      },
      OFFSET_TIMEOUT,
    );
    return offset;
  }

  /**
   * Offset 0 counts as not stored: brokers also answer it for a young queue of which they have nothing. Written, it is
   * there for operators; a 4.9 broker resets a group only when it has an offset of each queue.
   */
  begin(queue: MessageQueue, offset: number, stored: boolean): void {
    const key = messageQueueKey(queue);
    // A write that is under way stays ahead of those to come.
    const writing = this.#entries.get(key)?.writing ?? pLimit(1);
    this.#entries.set(key, { offset, persisted: stored && offset > 0 ? offset : undefined, writing });
  }

  update(queue: MessageQueue, offset: number, increaseOnly: boolean): void {
    const key = messageQueueKey(queue);
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, { offset, persisted: undefined, writing: pLimit(1) });
    } else if (!increaseOnly || offset > entry.offset) {
      entry.offset = offset;
    }
  }

  async persist(queue: MessageQueue): Promise<void> {
    const entry = this.#entries.get(messageQueueKey(queue));
    if (entry === undefined || (entry.persisted === entry.offset && entry.writing.activeCount === 0)) return;
    await entry.writing(async () => {
      const { offset } = entry;
      if (entry.persisted === offset) return;
      await this.#write(queue, offset);
      entry.persisted = offset;
    });
  }

  persistAll(queues: readonly MessageQueue[]): Promise<void> {
    return persistEach(queues, (queue) => this.persist(queue));
  }

  /**
   * Brokers lose one of two offsets of a topic that are the group's first and arrive together: each makes the topic's
   * table. So the first one goes alone.
   */
  async #write(queue: MessageQueue, commitOffset: number): Promise<void> {
    const { topic, brokerName, queueId } = queue;
    const request = { consumerGroup: this.#consumerGroup, topic, queueId, commitOffset, brokerName };
    const send = async (): Promise<void> => {
      await this.#client.callMaster(brokerName, updateConsumerOffset, request, OFFSET_TIMEOUT);
    };
    const table = `${brokerName} ${topic}`;
    const first = this.#firstWrites.get(table);
    if (first !== undefined) {
      await first;
      return send();
    }
    const sending = send();
    const failed = (): void => void this.#firstWrites.delete(table);
    this.#firstWrites.set(table, sending.catch(failed));
    return sending;
  }

  remove(queue: MessageQueue): void {
    this.#entries.delete(messageQueueKey(queue));
  }
}
