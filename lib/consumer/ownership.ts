import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import { BrokerError, RocketMQError, RouteError } from '../errors.js';
import { ResponseCode } from '../protocol/codes.js';
import { describeQueue, messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import { AssignedQueue } from './assigned-queue.js';
import type { OffsetStore } from './offset-store/offset-store.js';
import { BROKER_LOCK_EXPIRY, QueueLocks, type LockObserver } from './queue-locks.js';
import type { QueueTable } from './queue-table.js';
import type { StartOffset } from './start-offset.js';

const log = debug('rocketmq:ownership');

/** Answers that mean there is nothing left to write an offset to. */
const GONE: ReadonlySet<number> = new Set([
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
  ResponseCode.INVALID_PARAMETER,
]);

/** First pause after a refused lock, in milliseconds; doubles up to {@link LONGEST_RETRY}. */
const FIRST_RETRY = 100;
/** A refused lock is asked for again after this at the latest, in milliseconds. */
const LONGEST_RETRY = 1_000;

export interface OwnershipOptions {
  readonly lockless: boolean;
  readonly leaseTime: number;
  readonly renewInterval: number;
  /** How long a queue that is to be given up waits for its listener, in milliseconds; without end by default. */
  readonly revokeTimeoutMs: number | undefined;
}

export interface OwnershipDeps {
  readonly client: ClientInstance;
  /** With its namespace. */
  readonly consumerGroup: string;
  readonly table: QueueTable;
  readonly offsets: OffsetStore;
  readonly exposeQueue: (queue: MessageQueue) => MessageQueue;
  readonly findStartOffset: (queue: MessageQueue) => Promise<StartOffset>;
  /** The queue is owned and its start offset set: pulling may begin. */
  readonly begin: (queue: AssignedQueue) => void;
  /** The queue's lock is there again after it had run out: dispatching may go on. */
  readonly goOn: (queue: AssignedQueue) => void;
  /** A queue has left the table, or could not be acquired yet: the rebalancer should look again. */
  readonly unsettled: (reason: string) => void;
  readonly lost: (queue: AssignedQueue, reason: string) => void;
  readonly noMaster: (brokerName: string, queues: readonly MessageQueue[]) => void;
  readonly report: (error: RocketMQError) => void;
}

/**
 * Brings queues into this consumer's hands and out of them again. In: lock, look up the start offset, own. Out: let the
 * listener finish, persist the offset, unlock, and only then forget the queue. Never two owners, never a commit by one
 * who is no owner any more.
 */
export class Ownership implements LockObserver {
  readonly locks: QueueLocks;
  readonly #options: OwnershipOptions;
  readonly #deps: OwnershipDeps;
  readonly #mastersMissing = new Set<string>();
  #closing = false;

  constructor(options: OwnershipOptions, deps: OwnershipDeps) {
    this.#options = options;
    this.#deps = deps;
    this.locks = new QueueLocks(deps.client, deps.consumerGroup, options, this);
  }

  start(): void {
    if (!this.#options.lockless) this.locks.startRenewing(() => this.#held());
  }

  /** Makes the table follow what is wanted: gives up what is not in it, and begins to acquire what is new. */
  reconcile(wanted: ReadonlyMap<string, MessageQueue>, reason: string): void {
    const { table } = this.#deps;
    for (const queue of table.all()) {
      if (wanted.has(queue.key)) continue;
      if (queue.state === 'owned') void this.#drain(queue, reason);
      else if (queue.state === 'locking' && !queue.releasing) void this.#release(queue, reason);
    }
    const added: AssignedQueue[] = [];
    for (const messageQueue of wanted.values()) {
      if (table.has(messageQueueKey(messageQueue))) continue;
      const held = table.heldBehind(messageQueueKey(messageQueue));
      const queue = new AssignedQueue(messageQueue, this.#deps.exposeQueue(messageQueue), this.#options.lockless, held);
      table.add(queue);
      added.push(queue);
    }
    if (this.#options.lockless) for (const queue of added) void this.#begin(queue);
    else if (added.length > 0) void this.locks.lock(added);
  }

  /** Whether the table holds exactly what is wanted, all of it owned. */
  isSettled(wanted: ReadonlyMap<string, MessageQueue>): boolean {
    const queues = this.#deps.table.all();
    return queues.length === wanted.size && queues.every((queue) => queue.state === 'owned' && wanted.has(queue.key));
  }

  /** The broker is connected again and may have forgotten its locks: renews all it should hold, at once. */
  async relockAt(brokerName: string): Promise<void> {
    if (this.#options.lockless) return;
    const queues = this.#deps.table.all().filter((queue) => queue.messageQueue.brokerName === brokerName);
    await this.locks.lock(queues.filter((queue) => queue.state === 'locking' || queue.locked));
  }

  /**
   * Gives everything up: waits until `deadline` (by the clock) for listeners, then persists, then unlocks in one batch
   * per broker, then empties the table. Failures are reported, not retried.
   */
  async close(waitMs: number): Promise<void> {
    this.#closing = true;
    this.locks.stop();
    const { table, client, offsets, report } = this.#deps;
    for (const queue of table.inState('owned')) table.drain(queue, 'the consumer closes');
    const deadline = client.clock.now() + waitMs;
    // Leases must outlive the wait, as the timer for renewals is stopped already.
    const queues = table.all();
    const renewing = this.#renewUntil(deadline);
    await Promise.all(queues.map((queue) => this.#settled(queue, deadline)));
    await renewing.stop();
    const now = client.clock.now();
    const ours = queues.filter((queue) => queue.state === 'draining' && this.#mayPersist(queue, now));
    await offsets.persistAll(ours.map((queue) => queue.messageQueue)).catch((error: unknown) => {
      report(new RocketMQError('not all offsets could be persisted on close; the last messages may come again', {
        code: 'ERR_ROCKETMQ_PERSIST',
        retryable: true,
        cause: error,
      })); // prettier-ignore
    });
    if (!this.#options.lockless) {
      const locked = queues.filter((queue) => queue.locked && queue.state !== 'absent');
      await this.locks.unlock(locked).catch((error: unknown) => {
        report(new RocketMQError('not all locks could be given back on close; the broker lets go of them after 60 s', {
          code: 'ERR_ROCKETMQ_UNLOCK',
          retryable: true,
          cause: error,
        })); // prettier-ignore
      });
    }
    for (const queue of queues) {
      if (queue.state === 'owned' || queue.state === 'absent') continue;
      offsets.remove(queue.messageQueue);
      table.drop(queue, 'the consumer closes');
    }
  }

  granted(queue: AssignedQueue, continuous: boolean, leaseHadExpired: boolean): void {
    queue.refusals = 0;
    this.#mastersMissing.delete(queue.messageQueue.brokerName);
    if (queue.state === 'locking') {
      void this.#begin(queue);
    } else if (queue.state === 'owned' && !continuous) {
      // The lease had run out for so long that another client may have come and gone.
      this.#lose(queue, 'the lock had run out');
      void this.#begin(queue);
    } else if (queue.state === 'owned') {
      if (leaseHadExpired) void this.#verifyOffset(queue);
      else this.#deps.goOn(queue);
      queue.changed.notify();
    }
  }

  refused(queue: AssignedQueue): void {
    queue.locked = false;
    queue.refusals++;
    this.#mastersMissing.delete(queue.messageQueue.brokerName);
    if (queue.state === 'owned') this.#lose(queue, 'the broker refused to renew the lock');
    if (queue.state === 'draining') {
      this.#deps.offsets.remove(queue.messageQueue);
      this.#deps.table.drop(queue, 'its lock was lost');
      this.#deps.unsettled('a queue was lost');
      return;
    }
    log('%s: lock refused %d times', queue.key, queue.refusals);
    const delay = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** Math.min(queue.refusals - 1, 8));
    if (!queue.releasing) this.locks.lockSoon(queue, delay);
  }

  failed(queues: readonly AssignedQueue[], brokerName: string, error: unknown): void {
    if (error instanceof RouteError && !this.#mastersMissing.has(brokerName)) {
      this.#mastersMissing.add(brokerName);
      this.#deps.noMaster(
        brokerName,
        queues.map((queue) => queue.exposedQueue),
      );
    }
    this.#deps.report(
      new RocketMQError(`locking ${queues.length} queues at ${brokerName} failed; it is tried again in a second`, {
        code: 'ERR_ROCKETMQ_LOCK',
        retryable: true,
        cause: error,
        context: { brokerName, queues: queues.length },
      }),
    );
    for (const queue of queues) if (!queue.releasing) this.locks.lockSoon(queue, LONGEST_RETRY);
  }

  /** All that has a lock to lose, whatever its state. */
  #held(): AssignedQueue[] {
    return this.#deps.table.all().filter((queue) => queue.locked);
  }

  #lose(queue: AssignedQueue, reason: string): void {
    this.#deps.offsets.remove(queue.messageQueue);
    this.#deps.table.lose(queue, reason);
    this.#deps.lost(queue, reason);
  }

  /** From a granted lock to an owned queue: the start offset is looked up once, and persisted when it was chosen here. */
  async #begin(queue: AssignedQueue): Promise<void> {
    if (queue.starting || queue.releasing || this.#closing) return;
    const { offsets, table, begin, report } = this.#deps;
    const { messageQueue, lockEpoch } = queue;
    const stillOurs = (): boolean =>
      queue.state === 'locking' &&
      !queue.releasing &&
      (queue.lockless || (queue.locked && queue.lockEpoch === lockEpoch));
    queue.starting = true;
    try {
      const { offset, chosen } = await this.#deps.findStartOffset(messageQueue);
      if (!stillOurs()) return;
      offsets.begin(messageQueue, offset, !chosen);
      if (chosen) await offsets.persist(messageQueue);
      if (!stillOurs()) return;
      table.own(queue, offset);
      begin(queue);
    } catch (cause) {
      report(
        new RocketMQError(
          `the start offset of ${describeQueue(queue.exposedQueue)} could not be found; it is tried again in a second`,
          { code: 'ERR_ROCKETMQ_START_OFFSET', retryable: true, cause, context: { ...queue.exposedQueue } },
        ),
      );
      if (queue.lockless)
        queue.changed.wait(this.#deps.client.clock, LONGEST_RETRY).then(() => this.#begin(queue)).catch(() => undefined); // prettier-ignore
      else this.locks.lockSoon(queue, LONGEST_RETRY);
    } finally {
      queue.starting = false;
      // The lock was lost and granted again meanwhile: that grant has nobody who begins.
      if (queue.state === 'locking' && queue.locked && queue.lockEpoch !== lockEpoch) void this.#begin(queue);
    }
  }

  /**
   * The lease had run out, but within the time the broker keeps a lock: nobody else can have committed, unless the
   * broker itself lost the lock. Its offset tells; ours is written first where it is ahead.
   */
  async #verifyOffset(queue: AssignedQueue): Promise<void> {
    const { offsets, table, goOn, begin } = this.#deps;
    const { messageQueue, generation } = queue;
    try {
      const expected = offsets.get(messageQueue);
      const stored = await offsets.readStored(messageQueue);
      if (queue.generation !== generation || queue.state !== 'owned') return;
      if (stored !== undefined && expected !== undefined && stored > expected) {
        log('%s: the broker holds offset %d, expected at most %d', queue.key, stored, expected);
        offsets.begin(messageQueue, stored, true);
        table.restart(queue, stored, 'another client has committed');
        begin(queue);
        return;
      }
    } catch (error) {
      log('%s: verifying the offset failed: %s', queue.key, error);
    }
    if (queue.generation === generation) goOn(queue);
  }

  /** owned -> draining -> absent. */
  async #drain(queue: AssignedQueue, reason: string): Promise<void> {
    const { table, client, offsets, report, unsettled } = this.#deps;
    table.drain(queue, reason);
    const { revokeTimeoutMs } = this.#options;
    await this.#settled(queue, revokeTimeoutMs === undefined ? undefined : client.clock.now() + revokeTimeoutMs);
    while (queue.state === 'draining' && !this.#closing) {
      try {
        if (this.#mayPersist(queue, client.clock.now())) await this.#persistIfPossible(queue);
        if (!queue.lockless) await this.locks.unlock([queue]);
        break;
      } catch (cause) {
        queue.unlockAttempts++;
        report(
          new RocketMQError(`giving up ${describeQueue(queue.exposedQueue)} failed; it is tried again in a second`, {
            code: 'ERR_ROCKETMQ_UNLOCK',
            retryable: true,
            cause,
            context: { ...queue.exposedQueue, attempts: queue.unlockAttempts },
          }),
        );
        if (this.#lockIsForgotten(queue)) break;
        await queue.changed.wait(client.clock, LONGEST_RETRY);
      }
    }
    if (queue.state !== 'draining' || this.#closing) return;
    offsets.remove(queue.messageQueue);
    table.drop(queue, reason);
    unsettled('a queue was given up');
  }

  /** An offset of a topic or group that exists no more can't be written, and need not be. */
  async #persistIfPossible(queue: AssignedQueue): Promise<void> {
    try {
      await this.#deps.offsets.persist(queue.messageQueue);
    } catch (error) {
      if (!(error instanceof BrokerError) || !GONE.has(error.responseCode)) throw error;
      this.#deps.report(error);
    }
  }

  /** locking -> absent: there is nothing to persist, but a lock may have been granted, or be on its way. */
  async #release(queue: AssignedQueue, reason: string): Promise<void> {
    queue.releasing = true;
    while (queue.state === 'locking' && !queue.lockless && !this.#closing) {
      try {
        await this.locks.unlock([queue]);
        break;
      } catch (error) {
        log('%s: releasing failed: %s', queue.key, error);
        if (this.#lockIsForgotten(queue)) break;
        await queue.changed.wait(this.#deps.client.clock, LONGEST_RETRY);
      }
    }
    if (queue.state !== 'locking' || this.#closing) return;
    this.#deps.table.drop(queue, reason);
    this.#deps.unsettled('a queue was given up');
  }

  /** Resolves when no message of the queue is with the listener, it was lost, or the deadline has passed. */
  async #settled(queue: AssignedQueue, deadline: number | undefined): Promise<void> {
    const { clock } = this.#deps.client;
    while (queue.busy && queue.state === 'draining') {
      const left = deadline === undefined ? undefined : deadline - clock.now();
      if (left !== undefined && left <= 0) {
        log('%s: its listener has not answered in time', queue.key);
        queue.renewGeneration(new RocketMQError('the listener has not answered in time; what it answers is ignored', {
          code: 'ERR_ROCKETMQ_QUEUE_LOST',
          retryable: false,
        })); // prettier-ignore
        return;
      }
      await queue.changed.wait(clock, left);
    }
  }

  /** Renews the leases of queues whose listeners are still running while the consumer closes. */
  #renewUntil(deadline: number): { stop: () => Promise<void> } {
    const { clock } = this.#deps.client;
    if (this.#options.lockless) return { stop: () => Promise.resolve() };
    let current: Promise<void> = Promise.resolve();
    let timer: unknown;
    const plan = (): void => {
      if (clock.now() >= deadline) return;
      timer = clock.setTimeout(() => {
        current = this.locks.lock(this.#held().filter((queue) => queue.busy));
        plan();
      }, this.#options.renewInterval);
    };
    plan();
    return {
      stop: () => {
        clock.clearTimeout(timer);
        return current;
      },
    };
  }

  /** Committing is for the owner: one whose lock the broker has not yet let go of. */
  #mayPersist(queue: AssignedQueue, now: number): boolean {
    return queue.lockless || (queue.locked && now - queue.lockedAt < BROKER_LOCK_EXPIRY);
  }

  /** The broker has let go of the lock by itself: there is nothing to give back. */
  #lockIsForgotten(queue: AssignedQueue): boolean {
    return this.#deps.client.clock.now() - queue.lockedAt >= BROKER_LOCK_EXPIRY;
  }
}
