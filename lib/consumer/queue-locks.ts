import pLimit, { type LimitFunction } from 'p-limit';
import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import type { Timer } from '../clock.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import { messageQueueKey } from '../protocol/message-queue.js';
import { lockBatchMq } from '../protocol/requests/lock-batch-mq.js';
import { unlockBatchMq } from '../protocol/requests/unlock-batch-mq.js';
import type { AssignedQueue } from './assigned-queue.js';

const log = debug('rocketmq:lock');

/** The reference's time for a lock or unlock request, in milliseconds. */
const LOCK_TIMEOUT = 1_000;

/**
 * The broker forgets a lock 60 s after its owner's last lock request. A grant that follows the previous one sooner than
 * that continues it: nobody can have held the lock in between, unless the broker forgot it, or others gave it back when
 * the lease had run out (`orphanLocks: 'release'`). So after a lease that ran out offsets are compared all the same.
 */
export const BROKER_LOCK_EXPIRY = 60_000;

/** What an answered lock request means for a queue. */
export interface LockObserver {
  /**
   * @param continuous nobody else can have held the lock since the previous grant, as long as the broker kept it
   * @param doubtful the previous grant's lease had run out before this one was asked for, or the broker may have
   * forgotten it
   */
  granted(queue: AssignedQueue, continuous: boolean, doubtful: boolean): void;
  refused(queue: AssignedQueue): void;
  /** The request failed or its broker has no master; what was granted before runs out by itself. */
  failed(queues: readonly AssignedQueue[], brokerName: string, error: unknown): void;
}

/**
 * Broker-side locks: asked for in one batch per broker, always at its master, renewed every 20 s. The lease is counted
 * from before the request was sent, by the monotonic clock, so that the broker's own count always ends later.
 */
export class QueueLocks {
  readonly #client: ClientInstance;
  readonly #consumerGroup: string;
  readonly #leaseTime: number;
  readonly #renewInterval: number;
  readonly #observer: LockObserver;
  /** One lock or unlock request per broker at a time: a renewal under way must not be overtaken by an unlock. */
  readonly #perBroker = new Map<string, LimitFunction>();
  /** By broker, the lock request that waits for its turn: a broker that does not answer must not let more pile up. */
  readonly #waiting = new Map<string, { readonly queues: Set<AssignedQueue>; readonly done: Promise<void> }>();
  readonly #soon = new Set<AssignedQueue>();
  #soonTimer: Timer = undefined;
  #soonAt = Number.POSITIVE_INFINITY;
  #renewTimer: Timer = undefined;
  #stopped = false;

  constructor(
    client: ClientInstance,
    consumerGroup: string,
    times: { leaseTime: number; renewInterval: number },
    observer: LockObserver,
  ) {
    this.#client = client;
    this.#consumerGroup = consumerGroup;
    this.#leaseTime = times.leaseTime;
    this.#renewInterval = times.renewInterval;
    this.#observer = observer;
  }

  /** Renews what `held` returns, every 20 s: all queues that have a lock, the draining ones too. */
  startRenewing(held: () => AssignedQueue[]): void {
    if (this.#stopped) return;
    this.#renewTimer = this.#client.clock.setTimeout(() => {
      this.startRenewing(held);
      void this.lock(held());
    }, this.#renewInterval);
  }

  /** No more renewals and retries. Locks held stay held until they are given back or run out. */
  stop(): void {
    this.#stopped = true;
    if (this.#renewTimer !== undefined) this.#client.clock.clearTimeout(this.#renewTimer);
    this.#renewTimer = undefined;
    this.stopRetrying();
  }

  /** Forgets what {@link lockSoon} was asked for. */
  stopRetrying(): void {
    if (this.#soonTimer !== undefined) this.#client.clock.clearTimeout(this.#soonTimer);
    this.#soonTimer = undefined;
    this.#soonAt = Number.POSITIVE_INFINITY;
    this.#soon.clear();
  }

  /** Asks for a queue's lock again after `delayMs` at most, together with all others asked for by then. */
  lockSoon(queue: AssignedQueue, delayMs: number): void {
    if (this.#stopped) return;
    const { clock } = this.#client;
    this.#soon.add(queue);
    const dueAt = clock.now() + delayMs;
    if (dueAt >= this.#soonAt) return;
    if (this.#soonTimer !== undefined) clock.clearTimeout(this.#soonTimer);
    this.#soonAt = dueAt;
    this.#soonTimer = clock.setTimeout(() => {
      const queues = [...this.#soon];
      this.stopRetrying();
      void this.lock(queues);
    }, delayMs);
  }

  /**
   * Asks for, or renews, the locks of these queues, together with those that wait for their turn at the same broker.
   * Never rejects: the observer is told how it went.
   */
  async lock(queues: readonly AssignedQueue[]): Promise<void> {
    await Promise.all([...groupByBroker(queues)].map(([brokerName, ofBroker]) => this.#enqueue(brokerName, ofBroker)));
  }

  /**
   * Gives locks back, as a request that is answered. Rejects with the first failure, after trying all brokers. Mark the
   * queues as `releasing` before, so that no renewal follows.
   */
  async unlock(queues: readonly AssignedQueue[]): Promise<void> {
    const results = await Promise.allSettled(
      [...groupByBroker(queues)].map(([brokerName, ofBroker]) =>
        this.#ofBroker(brokerName)(() =>
          this.#client.callMaster(brokerName, unlockBatchMq, this.#request(ofBroker), LOCK_TIMEOUT),
        ),
      ),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /**
   * Takes over locks of a client that has vanished: gives them back in its name, which brokers take from anybody, and asks
   * for them. It may return just then, and count on what the unlock takes from it; so when it turns out to be back, or
   * that is not known, the lock is given back to it instead. Nothing else is asked of the broker meanwhile, least of all
   * the lock.
   *
   * @param queues all of that broker
   * @param isBack asked after the unlock: whether the client is a member again, as it is before it locks anything
   */
  takeOver(
    brokerName: string,
    clientId: string,
    queues: readonly AssignedQueue[],
    isBack: (timeoutMs: number) => Promise<boolean>,
  ): Promise<void> {
    const request = this.#request(queues, clientId);
    return this.#ofBroker(brokerName)(async () => {
      let back = true;
      try {
        await this.#client.callMaster(brokerName, unlockBatchMq, request, LOCK_TIMEOUT);
        back = await isBack(LOCK_TIMEOUT);
      } finally {
        if (back) await this.#client.callMaster(brokerName, lockBatchMq, request, LOCK_TIMEOUT);
      }
      if (!back) await this.#lockAt(brokerName, new Set(queues));
    });
  }

  #enqueue(brokerName: string, queues: readonly AssignedQueue[]): Promise<void> {
    const waiting = this.#waiting.get(brokerName);
    if (waiting !== undefined) {
      for (const queue of queues) waiting.queues.add(queue);
      return waiting.done;
    }
    const batch = new Set(queues);
    const done = this.#ofBroker(brokerName)(() => {
      this.#waiting.delete(brokerName);
      return this.#lockAt(brokerName, batch);
    });
    this.#waiting.set(brokerName, { queues: batch, done });
    return done;
  }

  async #lockAt(brokerName: string, all: ReadonlySet<AssignedQueue>): Promise<void> {
    const wanted = (): AssignedQueue[] => [...all].filter((queue) => queue.state !== 'absent' && !queue.releasing);
    if (wanted().length === 0) return;
    try {
      await this.#client.introduce(brokerName);
    } catch (error) {
      log('%s takes no heartbeat, and is not asked for locks: %s', brokerName, error);
      this.#observer.failed(wanted(), brokerName, error);
      return;
    }
    // Looked at only now: while this waited for its turn an unlock may have gone out, which it must not undo.
    const queues = wanted();
    if (queues.length === 0) return;
    const sentAt = this.#client.clock.now();
    for (const queue of queues) queue.askedAt = sentAt;
    let granted: Set<string>;
    try {
      const reply = await this.#client.callMaster(brokerName, lockBatchMq, this.#request(queues), LOCK_TIMEOUT);
      granted = new Set(reply.lockedQueues.map(messageQueueKey));
    } catch (error) {
      log('lock request to %s for %d queues failed: %s', brokerName, queues.length, error);
      this.#observer.failed(queues, brokerName, error);
      return;
    }
    for (const queue of queues) {
      if (queue.state === 'absent') continue;
      if (granted.has(queue.key)) this.#granted(queue, sentAt);
      else this.#observer.refused(queue);
    }
  }

  #granted(queue: AssignedQueue, sentAt: number): void {
    this.#soon.delete(queue);
    const sincePrevious = sentAt - queue.lockedAt;
    const continuous = queue.locked && sincePrevious < BROKER_LOCK_EXPIRY;
    const doubtful = continuous && (sincePrevious > this.#leaseTime || !queue.confirmed);
    if (!continuous) queue.lockEpoch++;
    queue.locked = true;
    queue.lockedAt = sentAt;
    this.#observer.granted(queue, continuous, doubtful);
  }

  #request(
    queues: readonly AssignedQueue[],
    clientId = this.#client.clientId,
  ): { consumerGroup: string; clientId: string; queues: MessageQueue[] } {
    return {
      consumerGroup: this.#consumerGroup,
      clientId,
      queues: queues.map((queue) => queue.messageQueue),
    };
  }

  #ofBroker(brokerName: string): LimitFunction {
    let limit = this.#perBroker.get(brokerName);
    if (limit === undefined) {
      limit = pLimit(1);
      this.#perBroker.set(brokerName, limit);
    }
    return limit;
  }
}

function groupByBroker(queues: readonly AssignedQueue[]): Map<string, AssignedQueue[]> {
  const groups = new Map<string, AssignedQueue[]>();
  for (const queue of queues) {
    const group = groups.get(queue.messageQueue.brokerName);
    if (group === undefined) groups.set(queue.messageQueue.brokerName, [queue]);
    else group.push(queue);
  }
  return groups;
}
