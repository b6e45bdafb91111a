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

/** One object per listener call; everything it can tell is looked up only when asked. */
export class OrderlyContext implements ConsumeOrderlyContext {
  autoCommit = true;
  suspendCurrentQueueTimeMillis = -1;
  readonly direct = false;
  /** Of the time of the call: a writer that was overtaken must not fence with its successor's number. */
  readonly lockEpoch: number;
  readonly #queue: AssignedQueue;
  readonly #generation: number;
  readonly #clock: Clock;
  readonly #leaseTime: number;
  /** Made when the listener looks at the signal. */
  #abort: AbortController | undefined;
  #unfollow: (() => void) | undefined;
  #timer: Timer = undefined;
  #expired: ListenerError | undefined;

  constructor(queue: AssignedQueue, clock: Clock, leaseTime: number) {
    this.#queue = queue;
    this.lockEpoch = queue.lockEpoch;
    this.#generation = queue.generation;
    this.#clock = clock;
    this.#leaseTime = leaseTime;
  }

  get messageQueue(): MessageQueue {
    return this.#queue.exposedQueue;
  }

  /** Of this call alone: what a listener hangs on to it is gone with the call, while the queue's own lasts for days. */
  get signal(): AbortSignal {
    this.#abort ??= this.#createAbort();
    return this.#abort.signal;
  }

  /** Lets the signal fire after this time, too, in milliseconds. */
  limitTime(timeoutMs: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#expired = new ListenerError(`the listener has taken more than ${timeoutMs} ms`);
      this.#abort?.abort(this.#expired);
    }, timeoutMs);
  }

  /** The listener has answered: nothing of the call hangs on to the queue or the clock any more. */
  end(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    if (this.#unfollow !== undefined) this.#unfollow();
  }

  isOwner(): boolean {
    const queue = this.#queue;
    return (
      queue.generation === this.#generation &&
      (queue.state === 'owned' || queue.state === 'draining') &&
      queue.holdsLease(this.#clock.now(), this.#leaseTime)
    );
  }

  #createAbort(): AbortController {
    const abort = new AbortController();
    const queue = this.#queue;
    if (this.#expired !== undefined) abort.abort(this.#expired);
    // By now the queue may have moved on, and the signal of this call have fired.
    else if (queue.generation !== this.#generation) abort.abort(queue.endReason);
    else if (queue.signal.aborted) abort.abort(queue.signal.reason);
    else {
      const { signal } = queue;
      const follow = (): void => abort.abort(signal.reason);
      signal.addEventListener('abort', follow, { once: true });
      this.#unfollow = () => signal.removeEventListener('abort', follow);
    }
    return abort;
  }
}
