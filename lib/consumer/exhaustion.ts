import type { OnExhausted } from '../options.js';
import { RocketMQError, SendError } from '../errors.js';
import type { StoredMessage } from '../protocol/message.js';
import { describeQueue } from '../protocol/message-queue.js';
import type { AssignedQueue } from './assigned-queue.js';
import type { ExhaustedEvent } from './consumer-events.js';
import { isExhausted } from './outcome.js';
import type { AttemptStore } from '../options.js';

export interface ExhaustionDeps {
  readonly consumerGroup: string;
  /** Read at each failure, so that it can be changed while the consumer runs. */
  readonly maxReconsumeTimes: () => number;
  readonly onExhausted: OnExhausted;
  readonly attemptStore: AttemptStore | undefined;
  /** Sends the message to the retry topic and returns the topic's name. */
  readonly sendBack: (message: StoredMessage, queue: AssignedQueue) => Promise<string>;
  readonly report: (error: RocketMQError) => void;
  readonly deadLettered: (event: ExhaustedEvent & { target: string }) => void;
  readonly skipped: (event: ExhaustedEvent) => void;
  readonly blocked: (event: ExhaustedEvent & { error: RocketMQError | undefined }) => void;
}

/** Counts the attempts of a message that failed, and decides what becomes of it when they are used up. */
export class Exhaustion {
  readonly #deps: ExhaustionDeps;

  constructor(deps: ExhaustionDeps) {
    this.#deps = deps;
  }

  get remembersAttempts(): boolean {
    return this.#deps.attemptStore !== undefined;
  }

  /** Takes over what the attempt store knows of messages another process may have tried. */
  async recall(messages: readonly StoredMessage[], queue: AssignedQueue): Promise<void> {
    await Promise.all(messages.map((message) => this.#recall(message, queue)));
  }

  /** Returns true when the message is done with here: sent back or passed over. Otherwise an attempt was counted. */
  async handle(message: StoredMessage, queue: AssignedQueue): Promise<boolean> {
    await this.#recall(message, queue);
    if (!isExhausted(message.reconsumeTimes, this.#deps.maxReconsumeTimes())) {
      await this.#count(message, queue);
      return false;
    }
    const event: ExhaustedEvent = {
      message,
      messageQueue: queue.exposedQueue,
      reconsumeTimes: message.reconsumeTimes,
    };
    const { onExhausted } = this.#deps;
    const policy = typeof onExhausted === 'function' ? await onExhausted(message, queue.exposedQueue) : onExhausted;
    if (policy === 'skip') {
      this.#deps.skipped(event);
      this.forget([message], queue);
      return true;
    }
    if (policy === 'block') {
      this.#deps.blocked({ ...event, error: undefined });
      await this.#count(message, queue);
      return false;
    }
    return this.#sendBack(message, queue, event);
  }

  /** Drops what the attempt store holds of messages that are finished. */
  forget(messages: readonly StoredMessage[], queue: AssignedQueue): void {
    const { attemptStore } = this.#deps;
    if (attemptStore === undefined) return;
    for (const message of messages) {
      if (message.reconsumeTimes > 0) void this.#forgetOne(attemptStore, message.queueOffset, queue);
    }
  }

  async #forgetOne(attemptStore: AttemptStore, offset: number, queue: AssignedQueue): Promise<void> {
    try {
      await attemptStore.delete(this.#deps.consumerGroup, queue.exposedQueue, offset);
    } catch (error) {
      this.#storeFailed('forget', queue, error);
    }
  }

  async #sendBack(message: StoredMessage, queue: AssignedQueue, event: ExhaustedEvent): Promise<boolean> {
    try {
      const target = await this.#deps.sendBack(message, queue);
      this.#deps.deadLettered({ ...event, target });
      this.forget([message], queue);
      return true;
    } catch (cause) {
      const error = new SendError(
        `a message of ${describeQueue(queue.exposedQueue)} could not be sent to the dead letter queue; ` +
          'its queue waits and tries again',
        true,
        { offset: message.queueOffset, reconsumeTimes: message.reconsumeTimes },
        cause,
      );
      this.#deps.report(error);
      this.#deps.blocked({ ...event, error });
      await this.#count(message, queue);
      return false;
    }
  }

  async #recall(message: StoredMessage, queue: AssignedQueue): Promise<void> {
    const { attemptStore, consumerGroup } = this.#deps;
    if (attemptStore === undefined) return;
    try {
      const known = await attemptStore.get(consumerGroup, queue.exposedQueue, message.queueOffset);
      if (known !== undefined && known > message.reconsumeTimes) message.reconsumeTimes = known;
    } catch (error) {
      this.#storeFailed('read', queue, error);
    }
  }

  async #count(message: StoredMessage, queue: AssignedQueue): Promise<void> {
    message.reconsumeTimes++;
    const { attemptStore, consumerGroup } = this.#deps;
    if (attemptStore === undefined) return;
    try {
      await attemptStore.set(consumerGroup, queue.exposedQueue, message.queueOffset, message.reconsumeTimes);
    } catch (error) {
      this.#storeFailed('write', queue, error);
    }
  }

  #storeFailed(what: string, queue: AssignedQueue, cause: unknown): void {
    this.#deps.report(
      new RocketMQError(`the attempt store failed to ${what} an entry of ${describeQueue(queue.exposedQueue)}`, {
        code: 'ERR_ROCKETMQ_ATTEMPT_STORE',
        retryable: true,
        cause,
      }),
    );
  }
}
