import type { OrderedConsumer } from '../../../lib/index.js';

export interface CacheLimits {
  /** What one queue holds when pulling has to pause: messages, and bytes of bodies. */
  readonly count: number;
  readonly bytes: number;
  /** What one pull brings at most: the last one is under way when a limit is reached. */
  readonly pullCount: number;
  readonly pullBytes: number;
}

/** Looks at what a consumer holds: never less than nothing, never more than its limits and one pull. */
export class CacheWatch {
  readonly faults: string[] = [];
  /** The most any queue was seen to hold. */
  mostCount = 0;
  mostBytes = 0;
  /** The most all of them were seen to hold. */
  mostBytesTogether = 0;
  samples = 0;
  readonly #limits: CacheLimits;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  sample(consumer: OrderedConsumer): void {
    const { count, bytes, pullCount, pullBytes } = this.#limits;
    this.samples++;
    const { buffered, bufferedBytes, queues } = consumer.status();
    let [sum, sumBytes] = [0, 0];
    for (const { messageQueue, buffered: held, bufferedBytes: heldBytes } of queues) {
      sum += held;
      sumBytes += heldBytes;
      this.mostCount = Math.max(this.mostCount, held);
      this.mostBytes = Math.max(this.mostBytes, heldBytes);
      const isFine = held >= 0 && heldBytes >= 0 && held <= count + pullCount && heldBytes <= bytes + pullBytes;
      if (!isFine) {
        this.faults.push(
          `${messageQueue.brokerName}#${messageQueue.queueId} holds ${held} messages, ${heldBytes} bytes`,
        );
      }
    }
    if (sum !== buffered || sumBytes !== bufferedBytes) {
      this.faults.push(`the queues hold ${sum} messages, ${sumBytes} bytes; together ${buffered}, ${bufferedBytes}`);
    }
    this.mostBytesTogether = Math.max(this.mostBytesTogether, bufferedBytes);
  }
}
