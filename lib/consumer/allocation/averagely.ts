import type { MessageQueue } from '../../protocol/message-queue.js';
import { memberIndex, type AllocateMessageQueueStrategy } from './strategy.js';

/** Contiguous blocks, the first members get one queue more when it doesn't divide evenly. The default. */
export class AllocateMessageQueueAveragely implements AllocateMessageQueueStrategy {
  readonly name = 'AVG';

  allocate(
    _consumerGroup: string,
    currentCid: string,
    queues: readonly MessageQueue[],
    consumerIds: readonly string[],
  ): MessageQueue[] {
    const index = memberIndex(currentCid, queues, consumerIds);
    if (index < 0) return [];
    const size = Math.floor(queues.length / consumerIds.length);
    const remainder = queues.length % consumerIds.length;
    const start = index * size + Math.min(index, remainder);
    return queues.slice(start, start + size + (index < remainder ? 1 : 0));
  }
}
