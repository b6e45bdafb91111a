import type { StoredMessage } from '../protocol/message.js';
import type { ProcessQueue } from './process-queue.js';

/** One pull in so many is sampled: a message that is kept for its sample's sake keeps its whole pull. */
const SAMPLED_ONE_IN = 128;

/**
 * Whether the listener reads body or properties of the messages of a queue, by a sample. Where it does, the memory of a
 * pull is left to its messages, which stay where the socket put them. Where it doesn't, the memory is used again.
 */
export class ReadingHabit {
  readonly #buffer: ProcessQueue;
  #sample: StoredMessage | undefined;
  #pullsUntilSample = 0;
  #reads = false;

  constructor(buffer: ProcessQueue) {
    this.#buffer = buffer;
  }

  /** To be asked before each pull's messages are decoded. */
  get reads(): boolean {
    const sample = this.#sample;
    if (sample !== undefined && (this.#buffer.lowestUnfinished ?? Number.POSITIVE_INFINITY) > sample.queueOffset) {
      this.#reads = sample.wasRead;
      this.#sample = undefined;
    }
    return this.#reads;
  }

  /** To be told of each pull's messages. */
  pulled(messages: readonly StoredMessage[]): void {
    if (this.#sample !== undefined || this.#pullsUntilSample-- > 0) return;
    this.#sample = messages[0];
    this.#pullsUntilSample = SAMPLED_ONE_IN - 1;
  }
}
