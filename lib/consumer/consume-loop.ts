import pLimit, { type LimitFunction } from 'p-limit';
import type { ConsumeOrderlyStatus } from '../enums.js';
import { ListenerError } from '../errors.js';
import type { StoredMessage } from '../protocol/message.js';
import { describeQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';
import type { ListenerAnswer, MessageListenerOrderly } from './listener.js';
import { listenerError, NoStatus } from './listener-failure.js';
import { OrderlyContext, type CallRules } from './orderly-context.js';
import { isStatus } from './outcome.js';
import { Settlement, type BatchEnd, type Messages, type SettlementDeps, type SettlementOptions } from './settlement.js';
import { TurnTaker } from './turn-taker.js';

/** The reference's time after which a queue that never runs dry lets the others go first, in milliseconds. */
const LONGEST_SLICE = 60_000;
/** The reference's pause before such a queue goes on, in milliseconds. */
const YIELD_PAUSE = 10;
/** How long listeners may keep the event loop to themselves, in milliseconds; well under the 20 ms a user would notice. */
const TURN_BUDGET = 5;
/** How soon a queue without a valid lease asks for its lock again, in milliseconds. */
const RELOCK_DELAY = 10;

export interface ConsumeLoopOptions extends SettlementOptions {
  readonly consumeConcurrency: number;
  readonly consumeMessageBatchMaxSize: number;
  readonly listenerTimeoutMs: number | undefined;
  /** Minutes after which a call is reported. */
  readonly consumeTimeout: number;
}

export interface ConsumeLoopDeps extends SettlementDeps {
  /** Prepares a message for the listener: the topic it was meant for, without namespace. */
  readonly expose: (message: StoredMessage) => void;
  /** Asks for the queue's lock soon; {@link ConsumeLoop.notify} is called when it is there. */
  readonly relock: (queue: AssignedQueue, delayMs: number) => void;
  readonly onAnswer?:
    ((queue: AssignedQueue, succeeded: boolean, count: number, startedAt: number, now: number) => void) | undefined;
}

/** How a slice ended. */
type SliceEnd = { readonly rest: number } | 'idle';
const IDLE = 'idle';
/** The slice goes on in a later turn. */
const TURN_OVER = 'turn over';

/** What came of handing out a batch: its end, or what has to be waited for. */
type Step = BatchEnd | Promise<BatchEnd> | PendingAnswer;

/**
 * Hands messages to the listener: one slice at a time per queue, `consumeConcurrency` slices at most, in the order the
 * queues got something to do. A resting queue, or one that waits for its lock, holds no place.
 */
export class ConsumeLoop {
  readonly #options: ConsumeLoopOptions;
  readonly #deps: ConsumeLoopDeps;
  readonly #listener: MessageListenerOrderly;
  readonly #rules: CallRules;
  readonly #settlement: Settlement;
  readonly #places: LimitFunction;
  readonly #turns: TurnTaker<AssignedQueue>;
  /** The generation of a queue whose first messages were asked for in the attempt store. */
  readonly #recalled = new WeakMap<AssignedQueue, number>();
  /** When the last call of a queue began that was reported because it took too long. */
  readonly #overdue = new WeakMap<AssignedQueue, number>();
  /** The time of the last answer: one look at the clock serves a message's end and the next one's start. */
  #now = 0;
  #stopped = false;
  #paused = false;

  constructor(options: ConsumeLoopOptions, deps: ConsumeLoopDeps, listener: MessageListenerOrderly) {
    this.#options = options;
    this.#deps = deps;
    this.#listener = listener;
    this.#places = pLimit(options.consumeConcurrency);
    this.#rules = { clock: deps.clock, lockLeaseTime: options.lockLeaseTime };
    this.#settlement = new Settlement(options, deps, this.#rules);
    this.#turns = new TurnTaker(deps.clock, TURN_BUDGET, (queue, now) => this.#takeTurn(queue, now));
  }

  /** No slice starts any more; those under way end after their current listener call. */
  stop(): void {
    this.#stopped = true;
  }

  /** While paused no message is handed out; what is under way ends after its current listener call. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
  }

  /** Reports the listener calls that take longer than the limit, each once. To be called every few seconds. */
  watchCalls(queues: readonly AssignedQueue[]): void {
    const now = this.#deps.clock.now();
    const limit = this.#options.consumeTimeout * 60_000;
    for (const queue of queues) {
      if (queue.busy && now - queue.lastConsumeAt >= limit) this.#reportOverdue(queue, queue.lastConsumeAt, now);
    }
  }

  /** The queue may have something to do: messages arrived, its lock is there, or it was resumed. */
  notify(queue: AssignedQueue): void {
    if (queue.runner !== 'idle' || queue.buffer.waiting === 0 || !this.#mayRun(queue)) return;
    if (!queue.holdsLease(this.#deps.clock.now(), this.#options.lockLeaseTime)) {
      this.#deps.relock(queue, RELOCK_DELAY);
      return;
    }
    queue.runner = 'scheduled';
    this.#turns.enter(queue);
  }

  /**
   * As long as the listener answers synchronously, a slice is one plain loop: no promise and no place, since nothing else
   * can run meanwhile. From the first answer that has to be waited for, the rest of it holds the local lock and a place.
   */
  #takeTurn(queue: AssignedQueue, now: number): void {
    const { generation } = queue;
    const behindItself = queue.hasCallUnderWay;
    if (behindItself || this.#places.activeCount >= this.#options.consumeConcurrency) {
      queue.waitsForPlace = { since: now, behindItself };
      const slice = (): Promise<SliceEnd> => {
        queue.waitsForPlace = undefined;
        return this.#guard(queue, generation, this.#waitedSlice(queue, generation));
      };
      void queue.localLock.run(() => this.#places(slice)).then((end) => this.#ended(queue, end));
      return;
    }
    let end: SliceEnd | typeof TURN_OVER | Promise<SliceEnd>;
    try {
      end = this.#slice(queue, generation, now);
    } catch (error) {
      end = this.#broken(queue, generation, error);
    }
    if (end === TURN_OVER) this.#turns.enter(queue);
    else if (end instanceof Promise) {
      const rest = this.#guard(queue, generation, end);
      const held = this.#places(() => rest);
      void queue.localLock.run(() => held).then((outcome) => this.#ended(queue, outcome));
    } else {
      this.#ended(queue, end);
    }
  }

  #mayRun(queue: AssignedQueue): boolean {
    return queue.state === 'owned' && !this.#stopped && !this.#paused && !queue.dispatchStopped;
  }

  #ended(queue: AssignedQueue, end: SliceEnd): void {
    queue.runner = 'idle';
    queue.busy = false;
    if (queue.state !== 'owned') queue.changed.notify();
    // A queue rests while it is paused, too: being resumed must not bring a failed message back early.
    if (end !== IDLE && queue.state === 'owned' && !this.#stopped) {
      queue.runner = 'resting';
      const offset = queue.buffer.lowestUnfinished;
      if (queue.blockedAt.offset !== offset) queue.blockedAt = { offset, since: this.#deps.clock.now() };
      queue.restTimer = this.#deps.clock.setTimeout(() => {
        queue.restTimer = undefined;
        queue.runner = 'idle';
        this.notify(queue);
      }, end.rest);
    } else {
      this.notify(queue);
    }
  }

  async #guard(queue: AssignedQueue, generation: number, slice: Promise<SliceEnd>): Promise<SliceEnd> {
    try {
      return await slice;
    } catch (error) {
      return this.#broken(queue, generation, error);
    }
  }

  /** A defect in here must cost one queue a second, not its consumption. */
  #broken(queue: AssignedQueue, generation: number, error: unknown): SliceEnd {
    this.#deps.report(
      new ListenerError(`consuming ${describeQueue(queue.exposedQueue)} failed; it goes on in a second`, {}, error),
    );
    if (queue.generation !== generation) return IDLE;
    queue.buffer.rollback();
    return { rest: 1_000 };
  }

  #slice(queue: AssignedQueue, generation: number, begin: number): SliceEnd | typeof TURN_OVER | Promise<SliceEnd> {
    let now = begin;
    for (;;) {
      if (!this.#mayGoOn(queue, generation, now)) return IDLE;
      if (this.#turns.isOver(now)) return TURN_OVER;
      const step = this.#step(queue, generation, now);
      if (isWaitedFor(step)) return this.#waitedSlice(queue, generation, step);
      this.#stepped(queue);
      if (step === 'stop') return IDLE;
      if (step !== 'continue') return step;
      now = this.#now;
    }
  }

  /** The same with answers to wait for, from the first step on or from the one under way. */
  async #waitedSlice(queue: AssignedQueue, generation: number, underWay?: Step): Promise<SliceEnd> {
    const { clock } = this.#deps;
    const begin = clock.now();
    let step = underWay;
    for (;;) {
      if (step !== undefined) {
        let end: BatchEnd | Promise<BatchEnd>;
        if (step instanceof PendingAnswer) {
          // Awaited here and not in a function of its own: that would be a promise more for each message.
          let status: ListenerAnswer;
          let failure: { readonly error: unknown } | undefined;
          try {
            status = await step.answer;
          } catch (error) {
            failure = { error };
          }
          const { batch, context, startedAt } = step;
          end =
            failure === undefined
              ? this.#answered(queue, generation, batch, context, startedAt, status)
              : this.#failed(queue, generation, batch, context, startedAt, failure.error);
        } else {
          end = step;
        }
        if (end instanceof Promise) end = await end;
        this.#stepped(queue);
        if (end === 'stop') return IDLE;
        if (end !== 'continue') return end;
      }
      const now = clock.now();
      if (!this.#mayGoOn(queue, generation, now)) return IDLE;
      if (now - begin > LONGEST_SLICE) return { rest: YIELD_PAUSE };
      if (this.#turns.isOver(now)) {
        await this.#turns.next();
        step = undefined;
      } else {
        step = this.#step(queue, generation, now);
      }
    }
  }

  #mayGoOn(queue: AssignedQueue, generation: number, now: number): boolean {
    return queue.generation === generation && this.#mayRun(queue) && queue.holdsLease(now, this.#options.lockLeaseTime);
  }

  /** Hands the next batch out. Kept free of promises while the listener answers synchronously: every message comes here. */
  #step(queue: AssignedQueue, generation: number, now: number): Step {
    const batch = queue.buffer.take(this.#options.consumeMessageBatchMaxSize);
    if (batch.length === 0) return 'stop';
    queue.busy = true;
    return this.#mustRecall(queue, generation)
      ? this.#recall(queue, generation, batch)
      : this.#consume(queue, generation, batch, now);
  }

  #stepped(queue: AssignedQueue): void {
    queue.busy = false;
    if (queue.waitsForRoom) queue.changed.notify();
  }

  #mustRecall(queue: AssignedQueue, generation: number): boolean {
    return this.#deps.exhaustion.remembersAttempts && this.#recalled.get(queue) !== generation;
  }

  /**
   * Only the first messages can have failed elsewhere: those behind them waited for them there, too. They are handed out
   * in the next step.
   */
  async #recall(queue: AssignedQueue, generation: number, batch: Messages): Promise<BatchEnd> {
    await this.#deps.exhaustion.recall(batch, queue);
    if (queue.generation !== generation) return 'stop';
    queue.buffer.makeConsumeAgain(batch);
    this.#recalled.set(queue, generation);
    return 'continue';
  }

  #consume(queue: AssignedQueue, generation: number, taken: Messages, startedAt: number): Step {
    let batch = taken;
    for (let i = 0; i < batch.length; i++) {
      const message = batch[i] as StoredMessage;
      if (message.bodyError !== undefined) {
        // What lies before it is consumed first, it comes alone, and what follows waits for it.
        queue.buffer.makeConsumeAgain(batch.slice(Math.max(i, 1)));
        batch = batch.slice(0, Math.max(i, 1));
        if (i === 0) return this.#settlement.unreadable(queue, generation, batch, message.bodyError);
        break;
      }
      this.#deps.expose(message);
    }
    const context = new OrderlyContext(queue, this.#rules);
    const { listenerTimeoutMs } = this.#options;
    if (listenerTimeoutMs !== undefined) context.limitTime(listenerTimeoutMs);
    queue.lastConsumeAt = startedAt;
    let answer: ListenerAnswer | PromiseLike<ListenerAnswer>;
    try {
      // A copy: what the listener does to its array is its own affair.
      answer = this.#listener(batch.length === 1 ? [batch[0] as StoredMessage] : batch.slice(), context);
    } catch (error) {
      return this.#failed(queue, generation, batch, context, startedAt, error);
    }
    if (answer !== 'SUCCESS' && isPromiseLike(answer)) {
      return new PendingAnswer(answer, batch, context, startedAt);
    }
    return this.#answered(queue, generation, batch, context, startedAt, answer);
  }

  #answered(
    queue: AssignedQueue,
    generation: number,
    batch: Messages,
    context: OrderlyContext,
    startedAt: number,
    answer: unknown,
  ): BatchEnd | Promise<BatchEnd> {
    context.end();
    const status: ConsumeOrderlyStatus | undefined =
      answer === undefined || answer === 'SUCCESS' ? 'SUCCESS' : isStatus(answer) ? answer : undefined;
    if (status === undefined) {
      return this.#failed(queue, generation, batch, context, startedAt, new NoStatus(answer));
    }
    return this.#settle(queue, generation, batch, context, startedAt, status);
  }

  #failed(
    queue: AssignedQueue,
    generation: number,
    batch: Messages,
    context: OrderlyContext,
    startedAt: number,
    error: unknown,
  ): BatchEnd | Promise<BatchEnd> {
    context.end();
    this.#deps.report(listenerError(queue, batch, error));
    return this.#settle(queue, generation, batch, context, startedAt, 'SUSPEND_CURRENT_QUEUE_A_MOMENT');
  }

  #settle(
    queue: AssignedQueue,
    generation: number,
    batch: Messages,
    context: OrderlyContext,
    startedAt: number,
    status: ConsumeOrderlyStatus,
  ): BatchEnd | Promise<BatchEnd> {
    const now = this.#deps.clock.now();
    this.#now = now;
    const succeeded = status !== 'SUSPEND_CURRENT_QUEUE_A_MOMENT' && status !== 'ROLLBACK';
    this.#deps.onAnswer?.(queue, succeeded, batch.length, startedAt, now);
    if (now - startedAt >= this.#options.consumeTimeout * 60_000) this.#reportOverdue(queue, startedAt, now);
    return this.#settlement.settle(queue, generation, batch, context, status, now);
  }

  #reportOverdue(queue: AssignedQueue, startedAt: number, now: number): void {
    if (this.#overdue.get(queue) === startedAt) return;
    this.#overdue.set(queue, startedAt);
    this.#deps.warn(
      'LISTENER_TIMED_OUT',
      `the listener has taken ${Math.round((now - startedAt) / 1_000)} s for messages of ` +
        `${describeQueue(queue.exposedQueue)}, the limit is ${this.#options.consumeTimeout} minutes (consumeTimeout)`,
    );
  }
}

/** A listener's promise, and what has to be known to go on with what it resolves to. */
class PendingAnswer {
  readonly answer: PromiseLike<ListenerAnswer>;
  readonly batch: Messages;
  readonly context: OrderlyContext;
  readonly startedAt: number;

  constructor(answer: PromiseLike<ListenerAnswer>, batch: Messages, context: OrderlyContext, startedAt: number) {
    this.answer = answer;
    this.batch = batch;
    this.context = context;
    this.startedAt = startedAt;
  }
}

function isWaitedFor(step: Step): step is Promise<BatchEnd> | PendingAnswer {
  return typeof step === 'object' && (step instanceof PendingAnswer || step instanceof Promise);
}

function isPromiseLike(value: unknown): value is PromiseLike<ListenerAnswer> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
