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
  /** Of one queue. */
  readonly maxPullsInFlight: number;
  readonly pullBatchSize: number;
  readonly consumeMessageBatchMaxSize: number;
}

/** So many pulls of all queues keep brokers busy; what more of them bring waits for its turn, and is dear to keep. */
const MOST_IN_FLIGHT = 64;
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
  #inFlight: number;

  constructor(limits: FlowLimits) {
    this.#limits = limits;
    this.#count = limits.pullThresholdForQueue;
    this.#bytes = limits.pullThresholdSizeForQueue * MIB;
    this.#waiting = Number.POSITIVE_INFINITY;
    this.#inFlight = limits.maxPullsInFlight;
  }

  /**
   * Whether one more pull may be sent, when those in flight will bring `size` each. What waits here counts as if it were in
   * flight: it keeps the listener as busy, and the more is in memory at a time, the more memory the engine takes.
   */
  hasRoom({ buffer }: AssignedQueue, size: PullSize = NOTHING, inFlight = 0): boolean {
    if (inFlight >= this.#inFlight) return false;
    const messages = size.messages * inFlight;
    if (inFlight > 0 && buffer.waiting + messages > this.#inFlight * size.messages) return false;
    return (
      buffer.count + messages <= this.#count &&
      buffer.bytes + size.bytes * inFlight <= this.#bytes &&
      buffer.waiting + messages <= this.#waiting
    );
  }

  /**
   * A topic's threshold is shared evenly by the queues owned now, and takes the place of the queue's own. So is the
   * consumer's, which comes on top.
   */
  shareAmong(ownedQueues: number): void {
    if (ownedQueues === 0) return;
    this.#inFlight = Math.min(this.#limits.maxPullsInFlight, Math.max(1, Math.floor(MOST_IN_FLIGHT / ownedQueues)));
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
