import type { MessageQueue } from '../../protocol/message-queue.js';
import { memberIndex, type AllocateMessageQueueStrategy } from './strategy.js';

/** Queues are dealt out one by one in turn, so each member gets queues of every broker. */
export class AllocateMessageQueueAveragelyByCircle implements AllocateMessageQueueStrategy {
  readonly name = 'AVG_BY_CIRCLE';

  allocate(
    _consumerGroup: string,
    currentCid: string,
    queues: readonly MessageQueue[],
    consumerIds: readonly string[],
  ): MessageQueue[] {
    const index = memberIndex(currentCid, queues, consumerIds);
    if (index < 0) return [];
    return queues.filter((_queue, position) => position % consumerIds.length === index);
  }
}
