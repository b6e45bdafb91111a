import debug from 'debug';
import { sleep, type Clock } from '../clock.js';
import { BrokerError, QueueLostError, RocketMQError } from '../errors.js';
import { ResponseCode } from '../protocol/codes.js';
import { describeQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';
import type { OffsetStore } from './offset-store/offset-store.js';
import { BROKER_LOCK_EXPIRY, type QueueLocks } from './queue-locks.js';
import type { QueueTable } from './queue-table.js';

const log = debug('rocketmq:ownership');

/** How long after a failure the next attempt follows, in milliseconds. */
const RETRY_PAUSE = 1_000;

/** Answers that mean there is nothing left to write an offset to. */
const GONE: ReadonlySet<number> = new Set([
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
  ResponseCode.INVALID_PARAMETER,
]);

export interface HandoverOptions {
  readonly lockless: boolean;
  readonly leaseTime: number;
  /** How long a queue that is to be given up waits for its listener, in milliseconds; without end by default. */
  readonly revokeTimeoutMs: number | undefined;
}

export interface HandoverDeps {
  readonly clock: Clock;
  readonly table: QueueTable;
  readonly offsets: OffsetStore;
  readonly locks: QueueLocks;
  /** Asks the broker whether these queues are still ours, and waits until that is certain or failed. */
  readonly confirm: (queues: readonly AssignedQueue[]) => Promise<void>;
  /** A queue has left the table: the rebalancer should look again. */
  readonly unsettled: (reason: string) => void;
  readonly report: (error: RocketMQError) => void;
}

/**
 * Brings queues out of this consumer's hands: the listener finishes, the offset is persisted, the lock given back, each
 * step acknowledged before the next, and only then the queue is forgotten.
 */
export class Handover {
  readonly #options: HandoverOptions;
  readonly #deps: HandoverDeps;
  #closing = false;

  constructor(options: HandoverOptions, deps: HandoverDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Everything is being given up: nothing may begin any more. */
  get closing(): boolean {
    return this.#closing;
  }

  /** owned -> draining -> absent. */
  async drain(queue: AssignedQueue, reason: string): Promise<void> {
    const { table, clock, offsets, unsettled } = this.#deps;
    table.drain(queue, reason);
    const { revokeTimeoutMs } = this.#options;
    await this.#settled(queue, revokeTimeoutMs === undefined ? undefined : clock.now() + revokeTimeoutMs);
    while (queue.state === 'draining' && !this.#closing) {
      try {
        await this.#giveBack(queue);
        break;
      } catch (cause) {
        queue.unlockAttempts++;
        this.#reportFailure(queue, cause);
        if (this.#lockIsForgotten(queue)) break;
        await queue.changed.wait(clock, RETRY_PAUSE);
      }
    }
    if (queue.state !== 'draining' || this.#closing) return;
    offsets.remove(queue.messageQueue);
    table.drop(queue, reason);
    unsettled('a queue was given up');
  }

  /** locking -> absent: there is nothing to persist, but a lock may have been granted, or be on its way. */
  async release(queue: AssignedQueue, reason: string): Promise<void> {
    const { table, clock, offsets, locks, unsettled } = this.#deps;
    queue.releasing = true;
    await this.#startWritten(queue);
    while (queue.state === 'locking' && !queue.lockless && !this.#closing) {
      try {
        await locks.unlock([queue]);
        break;
      } catch (error) {
        log('%s: releasing failed: %s', queue.key, error);
        if (this.#lockIsForgotten(queue)) break;
        await queue.changed.wait(clock, RETRY_PAUSE);
      }
    }
    if (queue.state !== 'locking' || this.#closing) return;
    offsets.remove(queue.messageQueue);
    table.drop(queue, reason);
    unsettled('a queue was given up');
  }

  /**
   * Gives everything up: waits `waitMs` at most for listeners, while locks go on being renewed, then persists, then
   * unlocks in one batch per broker, then empties the table, and grants listeners of lost queues what is left of the
   * time. Failures are reported, not retried.
   */
  async close(waitMs: number): Promise<void> {
    const { table, clock, offsets, locks } = this.#deps;
    this.#closing = true;
    locks.stopRetrying();
    for (const queue of table.inState('owned')) table.drain(queue, 'the consumer closes');
    const queues = table.all();
    const deadline = clock.now() + waitMs;
    await Promise.all(queues.map((queue) => this.#settled(queue, deadline)));
    await Promise.all(queues.map((queue) => this.#startWritten(queue)));
    locks.stop();

    await this.#orReport(
      this.#persistConfirmed(queues.filter((queue) => queue.state === 'draining')),
      'not all offsets could be persisted on close; the last messages may come again',
      'ERR_ROCKETMQ_PERSIST',
    );
    if (!this.#options.lockless) {
      for (const queue of queues) queue.releasing = true;
      // A lock that was asked for may have been granted without this consumer knowing of it.
      const locked = queues.filter(
        (queue) => queue.state === 'locking' || (queue.state === 'draining' && queue.locked),
      );
      await this.#orReport(
        locks.unlock(locked),
        'not all locks could be given back on close; the broker lets go of them after 60 s',
        'ERR_ROCKETMQ_UNLOCK',
      );
    }
    for (const queue of queues) {
      if (queue.state !== 'locking' && queue.state !== 'draining') continue;
      offsets.remove(queue.messageQueue);
      table.drop(queue, 'the consumer closes');
    }
    // Those of queues that were lost before: what they answer counts no more, but they are still the user's code at work.
    await this.#orDeadline(table.listenersLeft(), deadline);
  }

  /** Persists what is certainly still owned; throws when that is not known of all, or one can't be written. */
  async #persistConfirmed(draining: readonly AssignedQueue[]): Promise<void> {
    const lapsed = draining.filter((queue) => queue.locked && !this.#mayWrite(queue));
    if (lapsed.length > 0) await this.#deps.confirm(lapsed);
    const certain = draining.filter((queue) => this.#mayWrite(queue));
    try {
      await this.#persistHeld(draining);
    } catch (error) {
      // A connection that was made for it has put their locks in doubt: they are asked for on it, once.
      const doubted = certain.filter((queue) => queue.locked && !this.#mayWrite(queue));
      if (doubted.length === 0) throw error;
      await this.#deps.confirm(doubted);
      await this.#persistHeld(draining);
    }
  }

  async #persistHeld(draining: readonly AssignedQueue[]): Promise<void> {
    const held = draining.filter((queue) => queue.state === 'draining');
    const ours = held.filter((queue) => this.#mayWrite(queue));
    await this.#deps.offsets.persistAll(ours.map((queue) => queue.messageQueue));
    const unconfirmed = held.find((queue) => !this.#mayWrite(queue));
    if (unconfirmed !== undefined) throw leaseLost(unconfirmed);
  }

  /** Persists and unlocks; throws when one of them fails. Persisting is for the owner, so its lease has to be valid. */
  async #giveBack(queue: AssignedQueue): Promise<void> {
    const { locks } = this.#deps;
    if (!queue.releasing) {
      if (!this.#mayWrite(queue)) await this.#deps.confirm([queue]);
      if (queue.state !== 'draining') return;
      if (!this.#mayWrite(queue)) throw leaseLost(queue);
      await this.#persistIfPossible(queue);
      if (queue.state !== 'draining') return;
    }
    // From here on nothing runs that would need the lock: a renewal now could come after the unlock and undo it.
    queue.releasing = true;
    if (!queue.lockless) await locks.unlock([queue]);
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

  /** Resolves when no listener is at work on the queue, it was lost, or the deadline has passed. */
  async #settled(queue: AssignedQueue, deadline: number | undefined): Promise<void> {
    const { clock } = this.#deps;
    while (queue.busy && queue.state === 'draining') {
      const left = deadline === undefined ? undefined : deadline - clock.now();
      if (left !== undefined && left <= 0) {
        log('%s: its listener has not answered in time', queue.key);
        const { exposedQueue } = queue;
        const message = `the listener of ${describeQueue(exposedQueue)} has not answered in time; what it answers is ignored`;
        queue.renewGeneration(new QueueLostError(message, { ...exposedQueue, reason: 'no answer in time' }));
        return;
      }
      await queue.changed.wait(clock, left);
    }
    // The queue was lost during a call, and regained before it ended: the lock is kept until then.
    if (!queue.locked || !queue.hasCallUnderWay) return;
    const ended = queue.localLock.run(() => undefined);
    await this.#orDeadline(ended, deadline);
  }

  /** Resolves with the step, or when the deadline has passed. */
  async #orDeadline(step: Promise<void>, deadline: number | undefined): Promise<void> {
    if (deadline === undefined) return step;
    const { clock } = this.#deps;
    const timeout = new AbortController();
    await Promise.race([step, sleep(clock, Math.max(0, deadline - clock.now()), timeout.signal)]);
    timeout.abort();
  }

  /** Its start offset may be on its way to the broker, for as long as that request may take: the unlock goes after it. */
  async #startWritten(queue: AssignedQueue): Promise<void> {
    while (queue.writingStart && queue.state === 'locking') await queue.changed.wait(this.#deps.clock);
  }

  #mayWrite(queue: AssignedQueue): boolean {
    return queue.mayWrite(this.#deps.clock.now(), this.#options.leaseTime);
  }

  /** The broker has let go of the lock by itself, if it ever had granted it: there is nothing to give back. */
  #lockIsForgotten(queue: AssignedQueue): boolean {
    return this.#deps.clock.now() - queue.askedAt >= BROKER_LOCK_EXPIRY;
  }

  #reportFailure(queue: AssignedQueue, cause: unknown): void {
    this.#deps.report(
      new RocketMQError(`giving up ${describeQueue(queue.exposedQueue)} failed; it is tried again in a second`, {
        code: 'ERR_ROCKETMQ_UNLOCK',
        retryable: true,
        cause,
        context: { ...queue.exposedQueue, attempts: queue.unlockAttempts },
      }),
    );
  }

  async #orReport(step: Promise<void>, message: string, code: string): Promise<void> {
    try {
      await step;
    } catch (cause) {
      this.#deps.report(new RocketMQError(message, { code, retryable: true, cause }));
    }
  }
}

function leaseLost(queue: AssignedQueue): RocketMQError {
  return new RocketMQError(`the lock of ${describeQueue(queue.exposedQueue)} could not be confirmed`, {
    code: 'ERR_ROCKETMQ_LOCK',
    retryable: true,
    context: { ...queue.exposedQueue },
  });
}
