import { messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';

/** What an ordered send keeps its order in: a sharding key of a topic, or without one a queue. */
export type OrderScope =
  | { readonly topic: string; readonly shardingKey: string }
  | { readonly topic: string; readonly messageQueue: MessageQueue };

/** The keys and queues whose messages are held back because one of them could not be sent. Topics without namespaces. */
export class BlockedKeys {
  readonly #blocked = new Map<string, { readonly scope: OrderScope; readonly cause: Error }>();

  /** By the key of the scope's chain. */
  add(chainKey: string, scope: OrderScope, cause: Error): void {
    this.#blocked.set(chainKey, { scope, cause });
  }

  cause(chainKey: string): Error | undefined {
    return this.#blocked.size === 0 ? undefined : this.#blocked.get(chainKey)?.cause;
  }

  /** Frees a sharding key, in one topic or in all, or a queue. @returns whether it was blocked */
  remove(key: string | MessageQueue, topic: string | undefined): boolean {
    let found = false;
    for (const [chainKey, { scope }] of this.#blocked) {
      if (!matches(scope, key) || (topic !== undefined && topic !== scope.topic)) continue;
      this.#blocked.delete(chainKey);
      found = true;
    }
    return found;
  }

  list(): OrderScope[] {
    return [...this.#blocked.values()].map(({ scope }) => scope);
  }
}

function matches(scope: OrderScope, key: string | MessageQueue): boolean {
  if (typeof key === 'string') return 'shardingKey' in scope && scope.shardingKey === key;
  return 'messageQueue' in scope && messageQueueKey(scope.messageQueue) === messageQueueKey(key);
}
