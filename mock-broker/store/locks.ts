import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { messageQueueKey } from '../../lib/protocol/message-queue.js';

/**
 * Who may consume which queue of a group. In memory only: a restarted broker has forgotten all locks. They outlive the
 * owner's connection, and neither pulls nor commits look at them.
 */

/** One lock. */
export interface QueueLock {
  readonly queue: MessageQueue;
  readonly clientId: string;
  /** When the owner last locked the queue, in milliseconds of the mock's clock. */
  readonly lastUpdateMs: number;
}

export class LockTable {
  readonly #now: () => number;
  readonly #expiryMs: number;
  readonly #groups = new Map<string, Map<string, QueueLock>>();

  constructor(now: () => number, expiryMs: number) {
    this.#now = now;
    this.#expiryMs = expiryMs;
  }

  /** Locks what is free, expired, or the client's own. Returns what it holds then, in the order asked for. */
  lock(group: string, queues: readonly MessageQueue[], clientId: string): MessageQueue[] {
    const locks = this.#ofGroup(group);
    return queues.filter((queue) => {
      const key = messageQueueKey(queue);
      const held = locks.get(key);
      if (held !== undefined && held.clientId !== clientId && !this.isExpired(held)) return false;
      locks.set(key, { queue, clientId, lastUpdateMs: this.#now() });
      return true;
    });
  }

  /** Gives up what the client holds, expired or not; others' locks are left alone without a word. */
  unlock(group: string, queues: readonly MessageQueue[], clientId: string): void {
    const locks = this.#groups.get(group);
    for (const queue of queues) {
      const key = messageQueueKey(queue);
      if (locks?.get(key)?.clientId === clientId) locks.delete(key);
    }
  }

  /** Gives the queue to `clientId`, whoever holds it. */
  steal(group: string, queue: MessageQueue, clientId: string): void {
    this.#ofGroup(group).set(messageQueueKey(queue), { queue, clientId, lastUpdateMs: this.#now() });
  }

  /** All locks of a group, expired ones too. */
  list(group: string): QueueLock[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  isExpired(lock: QueueLock): boolean {
    return this.#now() - lock.lastUpdateMs > this.#expiryMs;
  }

  /** Whether the group holds a lock that has not expired: it consumes in order, then. */
  isHeld(group: string): boolean {
    return this.list(group).some((lock) => !this.isExpired(lock));
  }

  /** Lets every lock be as old as its expiry. */
  expireAll(): void {
    for (const group of this.#groups.keys()) this.expire(group);
  }

  /** Lets the locks of a group be as old as their expiry, all or those of some queues. */
  expire(group: string, isMeant: (queue: MessageQueue) => boolean = () => true): void {
    const expired = this.#now() - this.#expiryMs - 1;
    for (const [key, lock] of this.#groups.get(group) ?? []) {
      if (isMeant(lock.queue)) this.#groups.get(group)?.set(key, { ...lock, lastUpdateMs: expired });
    }
  }

  /** Forgets the locks of a group, all or those of some queues. */
  forget(group: string, isMeant: (queue: MessageQueue) => boolean = () => true): void {
    const locks = this.#groups.get(group);
    for (const [key, lock] of locks ?? []) if (isMeant(lock.queue)) locks?.delete(key);
  }

  /** The lock of a queue, expired or not. */
  get(group: string, queue: MessageQueue): QueueLock | undefined {
    return this.#groups.get(group)?.get(messageQueueKey(queue));
  }

  clear(): void {
    this.#groups.clear();
  }

  /** All locks, to be put back by {@link restore}. */
  save(): readonly (readonly [group: string, lock: QueueLock])[] {
    return [...this.#groups].flatMap(([group, locks]) => [...locks.values()].map((lock) => [group, lock] as const));
  }

  restore(saved: ReturnType<LockTable['save']>): void {
    for (const [group, lock] of saved) this.#ofGroup(group).set(messageQueueKey(lock.queue), lock);
  }

  #ofGroup(group: string): Map<string, QueueLock> {
    let locks = this.#groups.get(group);
    if (locks === undefined) this.#groups.set(group, (locks = new Map<string, QueueLock>()));
    return locks;
  }
}
