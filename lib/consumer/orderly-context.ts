import type { Clock, Timer } from '../clock.js';
import { ListenerError } from '../errors.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';

/** What a listener learns about its call, and may decide besides the status it returns. */
export interface ConsumeOrderlyContext {
  /** The queue the messages come from. */
  readonly messageQueue: MessageQueue;
  /**
   * Whether this call's answer commits by itself. Read after the listener has answered, so it may be set per call.
   * @default true
   */
  autoCommit: boolean;
  /**
   * How long the queue rests after SUSPEND_CURRENT_QUEUE_A_MOMENT or ROLLBACK, in milliseconds, taken as 10 to 30,000.
   * Read after the listener has answered. -1 means the consumer's option of the same name.
   * @default -1
   */
  suspendCurrentQueueTimeMillis: number;
  /**
   * Fires when the queue is lost, is to be given up, or starts over at another offset: a long-running listener should
   * stop early. Also fires when `listenerTimeoutMs` is set and has passed. What is answered afterwards counts only as
   * long as the queue's lock is still held.
   */
  readonly signal: AbortSignal;
  /** Whether this consumer still owns the queue: what was handed out counts, and the lock's lease has not run out. */
  isOwner(): boolean;
  /** The message was handed over on an operator's request, outside order, locks and offsets. */
  readonly direct: boolean;
  /**
   * Counts how often this consumer has gained the queue's lock anew; with broker name and offset a hint for fencing
   * writes to other systems.
   */
  readonly lockEpoch: number;
}

/** What all calls of a consumer share. */
export interface CallRules {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly lockLeaseTime: number;
}

/** One object per listener call; everything it can tell is looked up only when asked. */
export class OrderlyContext implements ConsumeOrderlyContext {
  autoCommit = true;
  suspendCurrentQueueTimeMillis = -1;
  /** Of the time of the call: a writer that was overtaken must not fence with its successor's number. */
  readonly lockEpoch: number;
  readonly #rules: CallRules;
  readonly #queue: AssignedQueue;
  readonly #generation: number;
  /** Made when the listener looks at the signal, or its time is limited. */
  #abortion: Abortion | undefined = undefined;

  constructor(queue: AssignedQueue, rules: CallRules) {
    this.lockEpoch = queue.lockEpoch;
    this.#rules = rules;
    this.#queue = queue;
    this.#generation = queue.generation;
  }

  get messageQueue(): MessageQueue {
    return this.#queue.exposedQueue;
  }

  get direct(): boolean {
    return false;
  }

  /** Of this call alone: what a listener hangs on to it is gone with the call, while the queue's own lasts for days. */
  get signal(): AbortSignal {
    this.#abortion ??= new Abortion(this.#rules.clock);
    return this.#abortion.signalFor(this.#queue, this.#generation);
  }

  /** Lets the signal fire after this time, too, in milliseconds. */
  limitTime(timeoutMs: number): void {
    this.#abortion ??= new Abortion(this.#rules.clock);
    this.#abortion.limitTime(timeoutMs);
  }

  /** The listener has answered: nothing of the call hangs on to the queue or the clock any more. */
  end(): void {
    if (this.#abortion !== undefined) this.#abortion.end();
  }

  isOwner(): boolean {
    const queue = this.#queue;
    return (
      queue.generation === this.#generation &&
      (queue.state === 'owned' || queue.state === 'draining') &&
      queue.holdsLease(this.#rules.clock.now(), this.#rules.lockLeaseTime)
    );
  }
}

/** The signal of one call, for the few that want one. */
class Abortion {
  readonly #clock: Clock;
  #controller: AbortController | undefined;
  #unfollow: (() => void) | undefined;
  #timer: Timer;
  #expired: ListenerError | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  signalFor(queue: AssignedQueue, generation: number): AbortSignal {
    this.#controller ??= this.#create(queue, generation);
    return this.#controller.signal;
  }

  limitTime(timeoutMs: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#expired = new ListenerError(`the listener has taken more than ${timeoutMs} ms`);
      this.#controller?.abort(this.#expired);
    }, timeoutMs);
  }

  end(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    if (this.#unfollow !== undefined) this.#unfollow();
  }

  #create(queue: AssignedQueue, generation: number): AbortController {
    const controller = new AbortController();
    if (this.#expired !== undefined) controller.abort(this.#expired);
    // By now the queue may have moved on, and the signal of this call have fired.
    else if (queue.generation !== generation) controller.abort(queue.endReason);
    else if (queue.signal.aborted) controller.abort(queue.signal.reason);
    else {
      const { signal } = queue;
      const follow = (): void => controller.abort(signal.reason);
      signal.addEventListener('abort', follow, { once: true });
      this.#unfollow = () => signal.removeEventListener('abort', follow);
    }
    return controller;
  }
}
