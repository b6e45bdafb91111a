import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import { QueueLostError, RocketMQError, RouteError, toError } from '../errors.js';
import { describeQueue, messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import { AssignedQueue } from './assigned-queue.js';
import { Handover } from './handover.js';
import type { OffsetStore } from './offset-store/offset-store.js';
import { OrphanLocks } from './orphan-locks.js';
import { QueueLocks, type LockObserver } from './queue-locks.js';
import type { QueueTable } from './queue-table.js';
import type { StartOffset } from './start-offset.js';

const log = debug('rocketmq:ownership');

/** First pause after a refused lock, in milliseconds; doubles up to {@link LONGEST_RETRY}. */
const FIRST_RETRY = 20;
/** What was refused or failed is tried again after this at the latest, in milliseconds. */
const LONGEST_RETRY = 1_000;

export interface OwnershipOptions {
  readonly lockless: boolean;
  readonly leaseTime: number;
  readonly renewInterval: number;
  /** Whether locks of members that have vanished are given back in their name. */
  readonly releaseOrphans: boolean;
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
  /** @param chosenBefore what an earlier attempt chose, which still holds as long as nothing is stored */
  readonly findStartOffset: (queue: MessageQueue, chosenBefore: number | undefined) => Promise<StartOffset>;
  /** The queue is owned and its start offset set: pulling may begin. */
  readonly begin: (queue: AssignedQueue) => void;
  /** The queue's lock is there again after it had run out: dispatching may go on. */
  readonly goOn: (queue: AssignedQueue) => void;
  /** A queue has left the table, or could not be acquired yet: the rebalancer should look again. */
  readonly unsettled: (reason: string) => void;
  readonly lost: (queue: AssignedQueue, reason: string) => void;
  /** The queue is still owned, but goes on from another offset. */
  readonly startedOver: (queue: AssignedQueue, offset: number, reason: string) => void;
  /** Locks of a member that has vanished were given back in its name, and are held here now. */
  readonly orphansReleased: (clientId: string, queues: readonly AssignedQueue[]) => void;
  readonly noMaster: (brokerName: string, queues: readonly MessageQueue[]) => void;
  readonly report: (error: RocketMQError) => void;
}

/**
 * Brings queues into this consumer's hands: lock, look up the start offset, own. {@link Handover} brings them out again.
 * What a lock's renewal says is judged here: never two owners, never a commit by one who is no owner any more.
 */
export class Ownership implements LockObserver {
  readonly locks: QueueLocks;
  readonly #options: OwnershipOptions;
  readonly #deps: OwnershipDeps;
  readonly #handover: Handover;
  readonly #orphans: OrphanLocks | undefined;
  /** Brokers whose last lock request failed, and those of them that have no master. */
  readonly #failing = new Set<string>();
  readonly #mastersMissing = new Set<string>();
  /** Comparisons with the broker's offset that are under way. */
  readonly #verifying = new Map<AssignedQueue, Promise<void>>();

  constructor(options: OwnershipOptions, deps: OwnershipDeps) {
    this.#options = options;
    this.#deps = deps;
    this.locks = new QueueLocks(deps.client, deps.consumerGroup, options, this);
    if (options.releaseOrphans && !options.lockless) {
      const { client, consumerGroup, orphansReleased } = deps;
      this.#orphans = new OrphanLocks({ client, consumerGroup, locks: this.locks, released: orphansReleased });
    }
    this.#handover = new Handover(options, {
      clock: deps.client.clock,
      table: deps.table,
      offsets: deps.offsets,
      locks: this.locks,
      confirm: (queues) => this.confirm(queues),
      unsettled: deps.unsettled,
      report: deps.report,
    });
  }

  /** These are members of the group now. */
  membersSeen(clientIds: readonly string[], brokerNames: readonly string[]): void {
    this.#orphans?.membersSeen(clientIds, brokerNames);
  }

  start(): void {
    if (!this.#options.lockless) this.locks.startRenewing(() => this.#held());
  }

  /** Gives everything up, see {@link Handover.close}. */
  close(waitMs: number): Promise<void> {
    this.#orphans?.stop();
    return this.#handover.close(waitMs);
  }

  /** Makes the table follow what is wanted: gives up what is not in it, and begins to acquire what is new. */
  reconcile(wanted: ReadonlyMap<string, MessageQueue>, reason: string): void {
    if (this.#handover.closing) return;
    const { table } = this.#deps;
    for (const queue of table.all()) {
      if (wanted.has(queue.key)) continue;
      // A call from before the queue was lost goes on under the lock that was regained: once it is owned, it can drain.
      const coversCall = queue.locked && queue.hasCallUnderWay;
      if (queue.state === 'owned') void this.#handover.drain(queue, reason);
      else if (queue.state === 'locking' && !queue.releasing && !coversCall) void this.#handover.release(queue, reason);
    }
    const added: AssignedQueue[] = [];
    for (const messageQueue of wanted.values()) {
      const key = messageQueueKey(messageQueue);
      if (table.has(key)) continue;
      const exposed = this.#deps.exposeQueue(messageQueue);
      const queue = new AssignedQueue(messageQueue, exposed, this.#options.lockless, table.heldBehind(key));
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

  /**
   * A broker that was restarted has forgotten its locks. On a new connection, or with a new master, nothing is written
   * under them until they were granted there.
   */
  doubtLocksAt(brokerName: string): void {
    if (this.#options.lockless) return;
    const now = this.#deps.client.clock.now();
    for (const queue of this.#held()) {
      if (queue.messageQueue.brokerName !== brokerName || queue.releasing) continue;
      queue.doubtedAt = now;
      // Sooner, if the broker takes a heartbeat.
      this.#lockSoon(queue, LONGEST_RETRY);
    }
  }

  /** The broker is connected again and may have forgotten its locks: renews all it should hold, at once. */
  async relockAt(brokerName: string): Promise<void> {
    if (this.#options.lockless || this.#handover.closing) return;
    const queues = this.#deps.table.all().filter((queue) => queue.messageQueue.brokerName === brokerName);
    await this.locks.lock(queues.filter((queue) => queue.state === 'locking' || queue.locked));
  }

  /** Asks the broker whether these queues are still ours. It is certain afterwards for those that hold their lease. */
  async confirm(queues: readonly AssignedQueue[]): Promise<void> {
    await this.locks.lock(queues);
    await Promise.all(queues.map((queue) => this.#verifying.get(queue) ?? Promise.resolve()));
  }

  granted(queue: AssignedQueue, continuous: boolean, doubtful: boolean): void {
    queue.refusals = 0;
    queue.lockError = undefined;
    this.#answered(queue.messageQueue.brokerName);
    if (queue.releasing) return;
    // Asked for before it was in doubt.
    if (!queue.confirmed) this.#lockSoon(queue, FIRST_RETRY);
    if (queue.state === 'locking') {
      void this.#begin(queue);
      return;
    }
    if (!continuous) {
      // The lease had run out for so long that another client may have come and gone.
      this.#forfeit(queue, 'the lock had run out');
    } else if (doubtful || queue.unverified) {
      this.#verify(queue);
    } else if (queue.state === 'owned') {
      this.#deps.goOn(queue);
    }
    queue.changed.notify();
  }

  refused(queue: AssignedQueue): void {
    queue.locked = false;
    queue.refusals++;
    queue.lockError = undefined;
    this.#answered(queue.messageQueue.brokerName);
    if (queue.state === 'owned') this.#lose(queue, 'the broker refused to renew the lock');
    if (queue.state === 'draining') {
      this.#deps.offsets.remove(queue.messageQueue);
      this.#deps.table.drop(queue, 'its lock was lost');
      this.#deps.unsettled('a queue was lost');
      return;
    }
    log('%s: lock refused %d times', queue.key, queue.refusals);
    if (!queue.releasing && !this.#handover.closing) this.#orphans?.refused(queue);
    this.#lockSoon(queue, Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** Math.min(queue.refusals - 1, 8)));
  }

  failed(queues: readonly AssignedQueue[], brokerName: string, error: unknown): void {
    if (error instanceof RouteError) this.#masterMissing(brokerName, queues);
    if (!this.#failing.has(brokerName)) {
      this.#failing.add(brokerName);
      this.#deps.report(
        new RocketMQError(`locking ${queues.length} queues at ${brokerName} failed; it is tried again every second`, {
          code: 'ERR_ROCKETMQ_LOCK',
          retryable: true,
          cause: error,
          context: { brokerName, queues: queues.length },
        }),
      );
    }
    for (const queue of queues) {
      queue.lockError = toError(error);
      this.#lockSoon(queue, LONGEST_RETRY);
    }
  }

  /** All that has a lock to lose, whatever its state. */
  #held(): AssignedQueue[] {
    return this.#deps.table.all().filter((queue) => queue.locked);
  }

  #lockSoon(queue: AssignedQueue, delayMs: number): void {
    if (!queue.releasing && !this.#handover.closing) this.locks.lockSoon(queue, delayMs);
  }

  #answered(brokerName: string): void {
    this.#failing.delete(brokerName);
    this.#mastersMissing.delete(brokerName);
  }

  /** A new master is known to name servers before the next regular look at the routes. */
  #masterMissing(brokerName: string, queues: readonly AssignedQueue[]): void {
    const { client, noMaster } = this.#deps;
    for (const topic of new Set(queues.map((queue) => queue.messageQueue.topic))) {
      client.routes.fetch(topic).catch((error: unknown) => log('route of %s: %s', topic, error));
    }
    if (this.#mastersMissing.has(brokerName)) return;
    this.#mastersMissing.add(brokerName);
    noMaster(
      brokerName,
      queues.map((queue) => queue.exposedQueue),
    );
  }

  #lose(queue: AssignedQueue, reason: string): void {
    this.#deps.offsets.remove(queue.messageQueue);
    this.#deps.table.lose(queue, reason);
    this.#deps.lost(queue, reason);
  }

  /** The lock is held, but what was consumed under the former one counts no more. */
  #forfeit(queue: AssignedQueue, reason: string): void {
    if (queue.state === 'owned') {
      this.#lose(queue, reason);
      void this.#begin(queue);
      return;
    }
    // Draining: there is nothing left to persist. The lock is kept until the listener is done all the same.
    this.#deps.offsets.remove(queue.messageQueue);
    const message = `${describeQueue(queue.exposedQueue)} is no longer consumed here: ${reason}`;
    queue.unverified = false;
    queue.renewGeneration(new QueueLostError(message, { ...queue.exposedQueue, reason }));
    this.#deps.lost(queue, reason);
  }

  /** From a granted lock to an owned queue: the start offset is looked up once, and persisted when it was chosen here. */
  async #begin(queue: AssignedQueue): Promise<void> {
    if (queue.starting || queue.releasing || !queue.confirmed || this.#handover.closing) return;
    const { offsets, table, begin } = this.#deps;
    const { messageQueue, lockEpoch, doubtedAt } = queue;
    const sameGrant = (): boolean => queue.lockEpoch === lockEpoch && queue.doubtedAt === doubtedAt;
    const stillOurs = (): boolean =>
      queue.state === 'locking' &&
      !queue.releasing &&
      !this.#handover.closing &&
      (queue.lockless || (queue.locked && sameGrant()));
    queue.starting = true;
    try {
      const { offset, chosen } = await this.#deps.findStartOffset(messageQueue, queue.chosenStart);
      if (!stillOurs()) return;
      offsets.begin(messageQueue, offset, !chosen);
      if (chosen) await this.#writeStart(queue, offset);
      queue.chosenStart = undefined;
      if (!stillOurs()) return;
      table.own(queue, offset);
      begin(queue);
    } catch (cause) {
      this.#startUnknown(queue, cause);
      if (queue.lockless) void this.#beginLater(queue);
    } finally {
      queue.starting = false;
      // The lock was lost or in doubt, and granted again meanwhile: that grant has nobody who begins.
      if (queue.state === 'locking' && queue.locked && !sameGrant()) void this.#begin(queue);
    }
  }

  async #writeStart(queue: AssignedQueue, offset: number): Promise<void> {
    queue.chosenStart = offset;
    queue.writingStart = true;
    try {
      await this.#deps.offsets.persist(queue.messageQueue);
    } finally {
      queue.writingStart = false;
      queue.changed.notify();
    }
  }

  #startUnknown(queue: AssignedQueue, cause: unknown): void {
    this.#deps.report(
      new RocketMQError(
        `the offset of ${describeQueue(queue.exposedQueue)} could not be found; it is tried again in a second`,
        { code: 'ERR_ROCKETMQ_START_OFFSET', retryable: true, cause, context: { ...queue.exposedQueue } },
      ),
    );
    if (!queue.lockless) this.#lockSoon(queue, LONGEST_RETRY);
  }

  async #beginLater(queue: AssignedQueue): Promise<void> {
    await queue.changed.wait(this.#deps.client.clock, LONGEST_RETRY);
    if (queue.state === 'locking') await this.#begin(queue);
  }

  /**
   * The lease had run out, but within the time the broker keeps a lock, or it was in doubt: nobody else can have
   * committed, unless the broker itself lost the lock. Its offset tells. Until then nothing is pulled, handed out or
   * committed.
   */
  #verify(queue: AssignedQueue): void {
    if (!queue.unverified) queue.unverifiedSince = this.#deps.client.clock.now();
    queue.unverified = true;
    if (this.#verifying.has(queue)) return;
    const verifying = this.#compareOffsets(queue).finally(() => this.#verifying.delete(queue));
    this.#verifying.set(queue, verifying);
  }

  async #compareOffsets(queue: AssignedQueue): Promise<void> {
    const { offsets, table, goOn, begin } = this.#deps;
    const { messageQueue, generation, doubtedAt } = queue;
    let stored: number | undefined;
    try {
      stored = await offsets.readStored(messageQueue);
    } catch (cause) {
      if (queue.generation === generation) this.#startUnknown(queue, cause);
      return;
    }
    if (queue.generation !== generation || !queue.locked || !queue.unverified) return;
    if (queue.doubtedAt !== doubtedAt) {
      // What a former connection has told.
      this.#lockSoon(queue, FIRST_RETRY);
      return;
    }
    queue.unverified = false;
    const expected = offsets.get(messageQueue);
    if (stored !== undefined && expected !== undefined && stored > expected) {
      log('%s: the broker holds offset %d, expected at most %d', queue.key, stored, expected);
      if (queue.state === 'draining') {
        this.#forfeit(queue, 'another client has committed');
        return;
      }
      offsets.begin(messageQueue, stored, true);
      table.restart(queue, stored, 'another client has committed');
      this.#deps.startedOver(queue, stored, 'another client has committed');
      begin(queue);
      return;
    }
    // Before it pulls on: where each pull costs the connection, this may be its only chance for long.
    offsets.persist(messageQueue).catch((error: unknown) => log('%s: %s', queue.key, error));
    if (queue.state === 'owned') goOn(queue);
    queue.changed.notify();
  }
}
