import debug from 'debug';
import { sleep } from '../clock.js';
import { BrokerError, RouteError } from '../errors.js';
import type { ResolvedProducerOptions } from '../options.js';
import { ResponseCode } from '../protocol/codes.js';
import { messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import { withNamespace } from '../protocol/namespace.js';
import { sendBatchMessage } from '../protocol/requests/send-batch-message.js';
import type { SendMessageReply, SendMessageRequest } from '../protocol/requests/send-message.js';
import { sendMessageV2 } from '../protocol/requests/send-message-v2.js';
import { BlockedKeys, type OrderScope } from './blocked-keys.js';
import { BodyCompression, type PackedBody } from './body-compression.js';
import { KeyChains } from './key-chains.js';
import type { Outgoing } from './outgoing.js';
import { PendingSend, type SendLimits } from './pending-send.js';
import type { ProducerClient } from './producer-client.js';
import type { SendResult } from './producer-message.js';
import { PublishRoutes } from './publish-routes.js';
import { QueueChoice, type Target } from './queue-choice.js';
import { asSendFailure, isWorthAnotherAttempt, keyBlocked, leavesOutcomeOpen, sendCutShort } from './send-failure.js';

const log = debug('rocketmq:producer');

/** How long an attempt waits that goes to the broker which just refused one; doubled by each further refusal. */
const FIRST_RETRY_PAUSE = 50;

/** Who hears what callers are not told by their sends. Topics without namespaces. */
export interface SendObserver {
  /** An attempt failed and another one follows. */
  retrying(send: PendingSend, error: Error | undefined): void;
  /** A message could not be sent, so its key or queue takes no more. */
  blocked(scope: OrderScope, cause: Error): void;
}

/** What a send does when its turn has come. */
type Perform<T> = (send: PendingSend<T>) => Promise<T>;

/**
 * Sends what {@link Outgoing} is: looks up queues, keeps the order, tries again.
 *
 * Ordered messages go through the chain of their sharding key, without one through that of their queue: a message is
 * sent when the one before it is stored or given up, its retries included, so none overtakes another.
 */
export class MessageSender {
  readonly #client: ProducerClient;
  readonly #options: ResolvedProducerOptions;
  readonly #observer: SendObserver;
  readonly #routes: PublishRoutes;
  readonly #choice: QueueChoice;
  readonly #compression: BodyCompression;
  readonly #chains = new KeyChains();
  readonly #blocked = new BlockedKeys();
  readonly #pending = new Set<PendingSend<never>>();
  #onIdle: (() => void) | undefined;

  constructor(client: ProducerClient, options: ResolvedProducerOptions, observer: SendObserver) {
    this.#client = client;
    this.#options = options;
    this.#observer = observer;
    this.#routes = new PublishRoutes(client.routes, options);
    this.#choice = new QueueChoice(options);
    this.#compression = new BodyCompression(options);
  }

  /** Sends whose callers wait for an answer. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Keys and queues that ordered sends are under way for. */
  get chainCount(): number {
    return this.#chains.size;
  }

  get blockedScopes(): OrderScope[] {
    return this.#blocked.list();
  }

  unblock(key: string | MessageQueue, topic: string | undefined): boolean {
    return this.#blocked.remove(key, topic);
  }

  send(outgoing: Outgoing, target: Target, limits: SendLimits): Promise<SendResult> {
    return this.#accept(outgoing, target, limits, (send) => this.#deliver(send));
  }

  /** Hands the message to the operating system, once, without an answer. */
  sendOneway(outgoing: Outgoing, target: Target, limits: SendLimits): Promise<void> {
    return this.#accept(outgoing, target, limits, (send) => this.#deliverOneway(send));
  }

  /** Awaits the sends under way for a while; those that are left fail. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#pending.size > 0) {
      const timeUp = new AbortController();
      this.#onIdle = () => timeUp.abort();
      await sleep(this.#client.clock, timeoutMs, timeUp.signal);
      this.#onIdle = undefined;
    }
    for (const send of [...this.#pending]) send.fail(sendCutShort(send.facts));
    this.#routes.close();
  }

  #accept<T>(outgoing: Outgoing, target: Target, limits: SendLimits, perform: Perform<T>): Promise<T> {
    const send = new PendingSend<T>(this.#client.clock, outgoing, target, limits, () => {
      this.#pending.delete(send as PendingSend<never>);
      if (this.#pending.size === 0) this.#onIdle?.();
    });
    this.#pending.add(send as PendingSend<never>);
    if (target.by === 'any') void this.#unordered(send, perform);
    else if (outgoing.shardingKey !== undefined) {
      const { topic, shardingKey } = outgoing;
      this.#enter(send, perform, `key\0${topic}\0${shardingKey}`, { topic, shardingKey });
    } else if (target.by === 'queue') this.#enterQueue(send, perform, target.queue);
    else this.#enterBySelector(send, perform);
    return send.promise;
  }

  async #unordered<T>(send: PendingSend<T>, perform: Perform<T>): Promise<void> {
    send.budget.start();
    try {
      send.succeed(await perform(send));
    } catch (error) {
      send.fail(asSendFailure(error, send.facts));
    }
  }

  #enterQueue<T>(send: PendingSend<T>, perform: Perform<T>, { brokerName, queueId }: MessageQueue): void {
    const messageQueue = { topic: send.outgoing.topic, brokerName, queueId };
    this.#enter(send, perform, `queue\0${messageQueueKey(messageQueue)}`, { topic: messageQueue.topic, messageQueue });
  }

  /** The queue is not known before the route is, and must be chosen in the order of the calls. */
  #enterBySelector<T>(send: PendingSend<T>, perform: Perform<T>): void {
    // The lookup begins now, so that all that wait here share it.
    send.budget.start();
    const queues = this.#queues(send);
    queues.catch(() => undefined);
    this.#chains.add(`topic\0${send.outgoing.topic}`, {
      run: async () => {
        try {
          const found = await queues;
          if (send.settled || send.target.by === 'any') return;
          send.queue = this.#choice.ordered(send.target, send.outgoing, found);
          send.budget.stop();
          this.#enterQueue(send, perform, send.queue);
        } catch (error) {
          send.fail(asSendFailure(error, send.facts));
        }
      },
      cut: () => undefined,
    });
  }

  #enter<T>(send: PendingSend<T>, perform: Perform<T>, chainKey: string, scope: OrderScope): void {
    this.#chains.add(chainKey, {
      run: async () => {
        const blockedBy = this.#blocked.cause(chainKey);
        if (blockedBy !== undefined) send.fail(keyBlocked(send.outgoing, scope, blockedBy));
        // Its caller gave up before its turn.
        else if (send.settled) this.#gaveUp(send, chainKey, scope);
        else {
          send.budget.start();
          try {
            send.succeed(await perform(send));
          } catch (error) {
            send.fail(asSendFailure(error, send.facts));
            this.#gaveUp(send, chainKey, scope);
          }
        }
      },
      cut: (cause) => send.fail(keyBlocked(send.outgoing, scope, cause)),
    });
  }

  /** A message is missing from its order: what comes behind it has to wait when that is wished. */
  #gaveUp(send: PendingSend<never>, chainKey: string, scope: OrderScope): void {
    if (this.#options.orderedFailure !== 'block-key') return;
    const cause = send.error instanceof Error ? send.error : new Error(String(send.error));
    this.#blocked.add(chainKey, scope, cause);
    // At once, before a caller can free the key: what was sent after the missing one must not go before it.
    this.#chains.cut(chainKey, cause);
    this.#observer.blocked(scope, cause);
  }

  /** The topic's queues, looked up within the time the send has. */
  async #queues(send: PendingSend<never>): Promise<readonly MessageQueue[]> {
    const { wireTopic } = send.outgoing;
    const known = this.#routes.known(wireTopic);
    if (known !== undefined) return known;
    return send.budget.bound(this.#routes.lookUp(wireTopic), `the route of ${wireTopic} was not found`);
  }

  async #deliver(send: PendingSend<never>): Promise<SendResult> {
    const { outgoing, target } = send;
    const ordered = target.by !== 'any';
    const maxAttempts = 1 + this.#options.retryTimesWhenSendFailed;
    const queues = await this.#queues(send);
    const packed = await this.#compression.packIfNotBatch(outgoing);
    let failedBroker: string | undefined;
    let stored: SendResult | undefined;
    for (let attempt = 1; ; attempt++) {
      const queue = this.#nextQueue(send, queues, failedBroker);
      let error: unknown;
      try {
        const result = await this.#attempt(send, queue, packed);
        if (result.status === 'SEND_OK' || ordered || !this.#options.retryAnotherBrokerWhenNotStoreOK) return result;
        stored = result;
      } catch (failure) {
        error = failure;
        if (leavesOutcomeOpen(failure)) send.maybeStored = true;
        if (!isWorthAnotherAttempt(failure, this.#options.retryResponseCodes)) attempt = maxAttempts;
      }
      failedBroker = queue.brokerName;
      if (attempt >= maxAttempts || send.settled || !(await this.#beforeRetry(send, queues, attempt, error))) {
        if (stored !== undefined) return stored;
        throw error;
      }
    }
  }
}
