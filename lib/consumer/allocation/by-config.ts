import { ValidationError } from '../../errors.js';
import type { MessageQueue } from '../../protocol/message-queue.js';
import type { AllocateMessageQueueStrategy } from './strategy.js';

/**
 * A fixed list: this consumer owns these queues, whoever else is in the group. The lists of all members together must
 * cover every queue exactly once; nobody checks that. As in the reference the list is handed out for every topic.
 */
export class AllocateMessageQueueByConfig implements AllocateMessageQueueStrategy {
  readonly name = 'CONFIG';
  readonly #queues: readonly MessageQueue[];

  /** @throws ValidationError when `queues` is no list */
  constructor(queues: readonly MessageQueue[]) {
    if (!Array.isArray(queues)) throw new ValidationError('queues', queues, 'an array of message queues');
    this.#queues = Array.from<MessageQueue>(queues);
  }

  allocate(): MessageQueue[] {
    return [...this.#queues];
  }
}
