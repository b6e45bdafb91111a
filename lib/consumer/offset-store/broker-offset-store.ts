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
  /** Fires when the queue is forgotten: a write that still waits for a connection must not go out after that. */
  readonly forgotten: AbortController;
}

/** Offsets of a clustering consumer: in memory, and at the master of each queue's broker. */
export class BrokerOffsetStore implements OffsetStore {
  readonly #client: ClientInstance;
  readonly #consumerGroup: string;
  readonly #strict: boolean;
  readonly #writeEnd: (queue: MessageQueue) => number;
  readonly #entries = new Map<string, Entry>();
  /** The entries once more, by the objects they were asked for with: each message moves its queue's offset. */
  #byQueue = new WeakMap<MessageQueue, Entry>();
  /** By broker and topic. */
  readonly #firstWrites = new Map<string, Promise<void>>();

  /**
   * @param strict a group without an offset is told so, even where the broker would answer 0 for a young queue
   * @param writeEnd until when this consumer may write the offset of a queue, by the client's clock
   */
  constructor(
    client: ClientInstance,
    consumerGroup: string,
    strict: boolean,
    writeEnd: (queue: MessageQueue) => number,
  ) {
    this.#client = client;
    this.#consumerGroup = consumerGroup;
    this.#strict = strict;
    this.#writeEnd = writeEnd;
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  get(queue: MessageQueue): number | undefined {
    return this.#find(queue)?.offset;
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
    const { writing, forgotten } = this.#entries.get(key) ?? { writing: pLimit(1), forgotten: new AbortController() };
    this.#set(key, { offset, persisted: stored && offset > 0 ? offset : undefined, writing, forgotten });
  }

  update(queue: MessageQueue, offset: number, increaseOnly: boolean): void {
    const entry = this.#find(queue);
    if (entry === undefined) {
      const forgotten = new AbortController();
      this.#set(messageQueueKey(queue), { offset, persisted: undefined, writing: pLimit(1), forgotten });
    } else if (!increaseOnly || offset > entry.offset) {
      entry.offset = offset;
    }
  }

  async persist(queue: MessageQueue): Promise<void> {
    const key = messageQueueKey(queue);
    const entry = this.#entries.get(key);
    if (entry === undefined || (entry.persisted === entry.offset && entry.writing.activeCount === 0)) return;
    await entry.writing(async () => {
      const first = this.#firstWrites.get(tableOf(queue));
      if (first !== undefined) await first;
      const { offset } = entry;
      // Forgotten while it waited for its turn: the queue was lost, and its offset is another's to write.
      if (entry.persisted === offset || this.#entries.get(key) !== entry) return;
      const writing = this.#write(queue, offset, entry.forgotten.signal);
      if (first === undefined) this.#goesFirst(queue, writing);
      try {
        await writing;
      } catch (error) {
        if (entry.forgotten.signal.aborted) return;
        throw error;
      }
      entry.persisted = offset;
    });
  }

  persistAll(queues: readonly MessageQueue[]): Promise<void> {
    return persistEach(queues, (queue) => this.persist(queue));
  }

  async #write(queue: MessageQueue, commitOffset: number, signal: AbortSignal): Promise<void> {
    const { topic, brokerName, queueId } = queue;
    const request = { consumerGroup: this.#consumerGroup, topic, queueId, commitOffset, brokerName };
    // It may have to wait for its connection, and be somebody else's to write by then.
    const sendBefore = (): number => this.#writeEnd(queue);
    await this.#client.callMaster(brokerName, updateConsumerOffset, request, OFFSET_TIMEOUT, { signal, sendBefore });
  }

  /**
   * Brokers lose one of two offsets of a topic that are the group's first and arrive together: each makes the topic's
   * table. So the first one goes alone.
   */
  #goesFirst(queue: MessageQueue, writing: Promise<void>): void {
    const table = tableOf(queue);
    const failed = (): void => void this.#firstWrites.delete(table);
    this.#firstWrites.set(table, writing.catch(failed));
  }

  remove(queue: MessageQueue): void {
    const key = messageQueueKey(queue);
    this.#entries.get(key)?.forgotten.abort();
    this.#entries.delete(key);
    this.#byQueue = new WeakMap();
  }

  #set(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#byQueue = new WeakMap();
  }

  #find(queue: MessageQueue): Entry | undefined {
    let entry = this.#byQueue.get(queue);
    if (entry !== undefined) return entry;
    entry = this.#entries.get(messageQueueKey(queue));
    if (entry !== undefined) this.#byQueue.set(queue, entry);
    return entry;
  }
}

/** A broker keeps the offsets of a group in one table per topic. */
function tableOf({ brokerName, topic }: MessageQueue): string {
  return `${brokerName} ${topic}`;
}
