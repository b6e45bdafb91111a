import type { Clock } from '../clock.js';
import type { ConsumeOrderlyStatus } from '../enums.js';
import type { RocketMQError } from '../errors.js';
import type { StoredMessage } from '../protocol/message.js';
import type { AssignedQueue } from './assigned-queue.js';
import type { Exhaustion } from './exhaustion.js';
import type { OffsetStore } from './offset-store/offset-store.js';
import { OrderlyContext, type CallRules } from './orderly-context.js';
import { decideOutcome, suspendTime, type SuspendedBatch } from './outcome.js';

export interface SettlementOptions {
  readonly suspendCurrentQueueTimeMillis: number;
  readonly lockLeaseTime: number;
  readonly verifyLockOnCommit: boolean;
}

export interface SettlementDeps {
  readonly clock: Clock;
  readonly offsets: OffsetStore;
  readonly exhaustion: Exhaustion;
  /** Asks the broker now whether the queue is still ours. */
  readonly confirmLock: (queue: AssignedQueue) => Promise<void>;
  readonly report: (error: RocketMQError) => void;
  readonly warn: (code: string, message: string) => void;
}

export type Messages = readonly StoredMessage[];

/** How the handling of one batch ended: with the next one, with none as long as nothing changes, or after a rest. */
export type BatchEnd = 'continue' | 'stop' | { readonly rest: number };

/** Carries out what a listener's answer means for the queue and its offset; outcome.ts has decided what that is. */
export class Settlement {
  readonly #options: SettlementOptions;
  readonly #deps: SettlementDeps;
  readonly #rules: CallRules;

  constructor(options: SettlementOptions, deps: SettlementDeps, rules: CallRules) {
    this.#options = options;
    this.#deps = deps;
    this.#rules = rules;
  }

  /** @param now when the listener answered, by the clock */
  settle(
    queue: AssignedQueue,
    generation: number,
    batch: Messages,
    context: OrderlyContext,
    status: ConsumeOrderlyStatus,
    now: number,
  ): BatchEnd | Promise<BatchEnd> {
    if (queue.generation !== generation) return 'stop';
    const { lockLeaseTime, verifyLockOnCommit } = this.#options;
    if (!queue.holdsLease(now, lockLeaseTime) || (verifyLockOnCommit && !queue.lockless)) {
      return this.#confirmThenApply(queue, generation, batch, context, status);
    }
    if (status === 'SUSPEND_CURRENT_QUEUE_A_MOMENT') return this.#suspend(queue, generation, batch, context);
    return this.#apply(queue, batch, context, status, 'some-again');
  }

  /** The listener took longer than the lease: whether its answer counts is for the broker to say. */
  async #confirmThenApply(
    queue: AssignedQueue,
    generation: number,
    batch: Messages,
    context: OrderlyContext,
    status: ConsumeOrderlyStatus,
  ): Promise<BatchEnd> {
    await this.#deps.confirmLock(queue);
    if (queue.generation !== generation) return 'stop';
    if (!queue.holdsLease(this.#deps.clock.now(), this.#options.lockLeaseTime)) {
      queue.buffer.makeConsumeAgain(batch);
      return 'stop';
    }
    if (status === 'SUSPEND_CURRENT_QUEUE_A_MOMENT') return this.#suspend(queue, generation, batch, context);
    return this.#apply(queue, batch, context, status, 'some-again');
  }

  async #suspend(
    queue: AssignedQueue,
    generation: number,
    batch: Messages,
    context: OrderlyContext,
  ): Promise<BatchEnd> {
    const again: StoredMessage[] = [];
    for (const message of batch) {
      const resolved = await this.#deps.exhaustion.handle(message, queue);
      if (queue.generation !== generation) return 'stop';
      if (!resolved) again.push(message);
      else {
        const offset = queue.buffer.resolve(message);
        if (context.autoCommit) this.#advance(queue, offset);
      }
    }
    const batchState: SuspendedBatch = again.length > 0 ? 'some-again' : 'all-resolved';
    return this.#apply(queue, again, context, 'SUSPEND_CURRENT_QUEUE_A_MOMENT', batchState);
  }

  /** Carries out the row of the outcome table. */
  #apply(
    queue: AssignedQueue,
    again: readonly StoredMessage[],
    context: OrderlyContext,
    status: ConsumeOrderlyStatus,
    batchState: SuspendedBatch,
  ): BatchEnd {
    const { autoCommit } = context;
    const outcome = decideOutcome(autoCommit ? 'auto' : 'manual', status, batchState);
    if (outcome.misused) {
      this.#deps.warn('STATUS_IN_AUTO_COMMIT', `${status} was answered with autoCommit on, and is taken as SUCCESS`);
    }
    switch (outcome.effect) {
      case 'commit':
        if (this.#deps.exhaustion.remembersAttempts) this.#deps.exhaustion.forget(queue.buffer.consuming, queue);
        this.#advance(queue, queue.buffer.commit());
        break;
      case 'rollback':
        queue.buffer.rollback();
        break;
      case 'again':
        queue.buffer.makeConsumeAgain(again);
        break;
      case 'keep':
        break;
    }
    if (outcome.next === 'continue') return 'continue';
    return { rest: suspendTime(context.suspendCurrentQueueTimeMillis, this.#options.suspendCurrentQueueTimeMillis) };
  }

  #advance(queue: AssignedQueue, offset: number): void {
    if (offset >= 0) this.#deps.offsets.update(queue.messageQueue, offset, false);
  }

  /** A body that can't be read never reaches the listener. Its queue waits until its attempts, if limited, are used up. */
  unreadable(queue: AssignedQueue, generation: number, batch: Messages, error: RocketMQError): Promise<BatchEnd> {
    this.#deps.report(error);
    const context = new OrderlyContext(queue, this.#rules);
    // What the listener left uncommitted before it is the listener's to commit.
    context.autoCommit = queue.buffer.consuming.length === batch.length;
    return this.#suspend(queue, generation, batch, context);
  }
}
