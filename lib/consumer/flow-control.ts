import type { AssignedQueue } from './assigned-queue.js';

const MIB = 1024 * 1024;

export interface FlowLimits {
  readonly pullThresholdForQueue: number;
  /** MiB. */
  readonly pullThresholdSizeForQueue: number;
  /** Shared by all queues owned here; -1 for no such limit. */
  readonly pullThresholdForTopic: number;
  /** MiB, shared by all queues owned here; -1 for no such limit. */
  readonly pullThresholdSizeForTopic: number;
}

/** How much a queue may buffer, by count and by bytes; messages being consumed count, too. */
export class FlowControl {
  readonly #limits: FlowLimits;
  #count: number;
  #bytes: number;

  constructor(limits: FlowLimits) {
    this.#limits = limits;
    this.#count = limits.pullThresholdForQueue;
    this.#bytes = limits.pullThresholdSizeForQueue * MIB;
  }

  hasRoom(queue: AssignedQueue): boolean {
    return queue.buffer.count <= this.#count && queue.buffer.bytes <= this.#bytes;
  }

  /** A topic's threshold is shared evenly by the queues owned now, and takes the place of the queue's own. */
  shareAmong(ownedQueues: number): void {
    if (ownedQueues === 0) return;
    const { pullThresholdForTopic, pullThresholdSizeForTopic } = this.#limits;
    if (pullThresholdForTopic !== -1) this.#count = Math.max(1, Math.floor(pullThresholdForTopic / ownedQueues));
    if (pullThresholdSizeForTopic !== -1) {
      this.#bytes = Math.max(1, Math.floor(pullThresholdSizeForTopic / ownedQueues)) * MIB;
    }
  }
}
