import type { AssignedQueue } from './assigned-queue.js';
import type { PullSize } from './pull-forecast.js';

const MIB = 1024 * 1024;

export interface FlowLimits {
  readonly pullThresholdForQueue: number;
  /** MiB. */
  readonly pullThresholdSizeForQueue: number;
  /** Shared by all queues owned here; -1 for no such limit. */
  readonly pullThresholdForTopic: number;
  /** MiB, shared by all queues owned here; -1 for no such limit. */
  readonly pullThresholdSizeForTopic: number;
  /** Waiting messages, shared by all queues owned here; -1 for no such limit. */
  readonly pullThresholdForConsumer: number;
  readonly pullBatchSize: number;
  readonly consumeMessageBatchMaxSize: number;
}

/** More pulls of a queue under way at once gain nothing (docs/performance.md). */
const MOST_UNDER_WAY = 3;
/** So many of all queues keep a broker busy; what they bring would only wait for its turn, and outlive the young generation. */
const MOST_UNDER_WAY_IN_ALL = 64;
/** With less than this many pulls waiting, a queue with a quick listener would wait for the broker. */
const LEAST_PULLS = 2;
const NOTHING: PullSize = { messages: 0, bytes: 0 };

/**
 * How much a queue may buffer, by count and by bytes; messages being consumed count, too. They do not count towards the
 * limit of the whole consumer: a listener that commits by hand may have to see more before it does.
 */
export class FlowControl {
  readonly #limits: FlowLimits;
  #count: number;
  #bytes: number;
  #waiting: number;
  #underWay = MOST_UNDER_WAY;

  constructor(limits: FlowLimits) {
    this.#limits = limits;
    this.#count = limits.pullThresholdForQueue;
    this.#bytes = limits.pullThresholdSizeForQueue * MIB;
    this.#waiting = Number.POSITIVE_INFINITY;
  }

  /** Whether one more pull may be sent, when `underWay` others will bring `size` each. */
  hasRoom({ buffer }: AssignedQueue, size: PullSize = NOTHING, underWay = 0): boolean {
    if (underWay >= this.#underWay) return false;
    const messages = size.messages * underWay;
    return (
      buffer.count + messages <= this.#count &&
      buffer.bytes + size.bytes * underWay <= this.#bytes &&
      buffer.waiting + messages <= this.#waiting
    );
  }

  /**
   * A topic's threshold is shared evenly by the queues owned now, and takes the place of the queue's own. So is the
   * consumer's, which comes on top.
   */
  shareAmong(ownedQueues: number): void {
    if (ownedQueues === 0) return;
    this.#underWay = Math.min(MOST_UNDER_WAY, Math.max(1, Math.floor(MOST_UNDER_WAY_IN_ALL / ownedQueues)));
    const { pullThresholdForTopic, pullThresholdSizeForTopic, pullThresholdForConsumer } = this.#limits;
    if (pullThresholdForTopic !== -1) this.#count = Math.max(1, Math.floor(pullThresholdForTopic / ownedQueues));
    if (pullThresholdSizeForTopic !== -1) {
      this.#bytes = Math.max(1, Math.floor(pullThresholdSizeForTopic / ownedQueues)) * MIB;
    }
    if (pullThresholdForConsumer !== -1) {
      const { pullBatchSize, consumeMessageBatchMaxSize } = this.#limits;
      const least = Math.max(LEAST_PULLS * pullBatchSize, consumeMessageBatchMaxSize);
      this.#waiting = Math.max(least, Math.floor(pullThresholdForConsumer / ownedQueues));
    }
  }
}
