import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import { sleep } from '../clock.js';
import { RocketMQError } from '../errors.js';
import { describeQueue } from '../protocol/message-queue.js';
import type { ResetConsumerClientOffsetRequest } from '../protocol/requests/reset-consumer-client-offset.js';
import type { AssignedQueue } from './assigned-queue.js';
import type { OffsetStore } from './offset-store/offset-store.js';
import type { QueueTable } from './queue-table.js';

const log = debug('rocketmq:reset');

/** A broker that refuses one offset after the other is asked once in this time, in milliseconds. */
const SHORTEST_INTERVAL = 1_000;

export interface OffsetResetDeps {
  readonly client: ClientInstance;
  readonly table: QueueTable;
  readonly offsets: OffsetStore;
  readonly begin: (queue: AssignedQueue) => void;
  readonly wasReset: (queue: AssignedQueue, offset: number, reason: string) => void;
  readonly report: (error: RocketMQError) => void;
}

/**
 * Lets a queue start over at another offset: on an operator's request, or because the broker doesn't have the offset
 * that was asked for. Only that queue is touched, its lock is kept. The listener's signal fires at once and what it
 * still answers is ignored; the next message follows when it has answered.
 */
export class OffsetReset {
  readonly #deps: OffsetResetDeps;
  /** When the broker last refused an offset of a queue, by the monotonic clock. */
  readonly #refusedAt = new WeakMap<AssignedQueue, number>();

  constructor(deps: OffsetResetDeps) {
    this.#deps = deps;
  }

  /** An operator's request: queues that are not owned here are somebody else's to reset. */
  onRequest(request: ResetConsumerClientOffsetRequest): void {
    for (const { queue: messageQueue, offset } of request.offsets) {
      const queue = this.#deps.table.get(messageQueue);
      if (queue?.state === 'owned') void this.#startOver(queue, offset, 'an operator reset it');
      else log('%s: not owned here, not reset', describeQueue(messageQueue));
    }
  }

  /** The broker doesn't have the offset that was asked for, and names another. */
  async onRefusal(queue: AssignedQueue, offset: number, reason: string): Promise<void> {
    const { clock } = this.#deps.client;
    const { generation } = queue;
    const wait = (this.#refusedAt.get(queue) ?? Number.NEGATIVE_INFINITY) + SHORTEST_INTERVAL - clock.now();
    if (wait > 0) await sleep(clock, wait, queue.signal);
    this.#refusedAt.set(queue, clock.now());
    if (queue.generation === generation) await this.#startOver(queue, offset, reason);
  }

  async #startOver(queue: AssignedQueue, offset: number, reason: string): Promise<void> {
    const { table, offsets, begin, wasReset, report } = this.#deps;
    if (queue.state !== 'owned') return;
    offsets.begin(queue.messageQueue, offset, false);
    table.restart(queue, offset, reason);
    const { generation } = queue;
    try {
      // Persisted before anything is pulled from there: a pull's own commit must not carry the old offset.
      await offsets.persist(queue.messageQueue);
    } catch (cause) {
      report(
        new RocketMQError(`the new offset of ${describeQueue(queue.exposedQueue)} could not be persisted yet`, {
          code: 'ERR_ROCKETMQ_PERSIST',
          retryable: true,
          cause,
          context: { ...queue.exposedQueue, offset },
        }),
      );
    }
    if (queue.generation !== generation || queue.state !== 'owned') return;
    wasReset(queue, offset, reason);
    begin(queue);
  }
}
