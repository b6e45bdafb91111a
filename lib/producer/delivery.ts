import { BrokerError, ConnectionError, RouteError } from '../errors.js';
import type { ResolvedProducerOptions } from '../options.js';
import { ResponseCode } from '../protocol/codes.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import { withNamespace } from '../protocol/namespace.js';
import type { RequestType } from '../protocol/requests/request-type.js';
import { sendBatchMessage } from '../protocol/requests/send-batch-message.js';
import type { SendMessageReply, SendMessageRequest } from '../protocol/requests/send-message.js';
import { sendMessageV2 } from '../protocol/requests/send-message-v2.js';
import { BodyCompression, type PackedBody } from './body-compression.js';
import type { Outgoing } from './outgoing.js';
import type { PendingSend } from './pending-send.js';
import type { ProducerClient } from './producer-client.js';
import type { SendResult } from './producer-message.js';
import type { PublishRoutes } from './publish-routes.js';
import type { QueueChoice } from './queue-choice.js';
import { isWorthAnotherAttempt, leavesOutcomeOpen } from './send-failure.js';

/** How long an attempt waits that goes to the broker which just refused one; doubled by each further refusal. */
const FIRST_PAUSE = 50;

/** Told of every attempt that failed and is followed by another one. Without an error: it was stored, but less safely. */
export type RetryObserver = (send: PendingSend, error: Error | undefined) => void;

/** Gets one message or batch to a broker, in as many attempts as it may take. */
export class Delivery {
  readonly #client: ProducerClient;
  readonly #options: ResolvedProducerOptions;
  readonly #producerGroup: string;
  readonly #routes: PublishRoutes;
  readonly #choice: QueueChoice;
  readonly #compression: BodyCompression;
  readonly #onRetry: RetryObserver;

  constructor(
    client: ProducerClient,
    options: ResolvedProducerOptions,
    routes: PublishRoutes,
    choice: QueueChoice,
    onRetry: RetryObserver,
  ) {
    this.#client = client;
    this.#options = options;
    this.#producerGroup = withNamespace(options.namespace, options.producerGroup);
    this.#routes = routes;
    this.#choice = choice;
    this.#compression = new BodyCompression(options);
    this.#onRetry = onRetry;
  }

  /** The topic's queues, looked up within the time the send has. */
  async queues(send: PendingSend): Promise<readonly MessageQueue[]> {
    const { wireTopic } = send.outgoing;
    const known = this.#routes.known(wireTopic);
    if (known !== undefined) return known;
    return send.budget.bound(this.#routes.lookUp(wireTopic), `the route of ${wireTopic} was not found`);
  }

  /**
   * Sends until it is stored, the attempts or the time are used up, or the caller has given up. An ordered message goes
   * to the same queue each time.
   */
  async deliver(send: PendingSend): Promise<SendResult> {
    const queues = await this.queues(send);
    const packed = await this.#pack(send.outgoing);
    let stored: SendResult | undefined;
    for (let tries = 1; ; tries++) {
      const queue = this.#nextQueue(send, queues);
      let error: unknown;
      try {
        const result = await this.#attempt(send, queue, packed);
        if (result.status === 'SEND_OK' || !this.#mayTryForMoreSafety(send)) return result;
        stored = result;
      } catch (failure) {
        error = failure;
      }
      if (!(await this.#mayRetry(send, queues, tries, error))) {
        if (stored !== undefined) return stored;
        throw error;
      }
      this.#onRetry(send, asError(error));
    }
  }

  /** Sends once and doesn't wait for an answer. */
  async deliverOneway(send: PendingSend): Promise<void> {
    const queues = await this.queues(send);
    const packed = await this.#pack(send.outgoing);
    const queue = this.#nextQueue(send, queues);
    const { type, request } = this.#request(send.outgoing, queue, packed);
    const address = this.#masterOf(queue);
    send.attempts++;
    try {
      await this.#client.remoting.oneway(address, type.encode(request), { timeoutMs: send.budget.remainingMs });
    } catch (error) {
      send.maybeStored = leavesOutcomeOpen(error);
      throw error;
    }
  }

  #pack(outgoing: Outgoing): PackedBody | Promise<PackedBody> {
    // Brokers take a batch apart, and don't unpack it for that.
    return outgoing.batch ? { body: outgoing.body, sysFlag: 0 } : this.#compression.pack(outgoing.body);
  }

  #nextQueue(send: PendingSend, queues: readonly MessageQueue[]): MessageQueue {
    const { outgoing, target } = send;
    if (target.by === 'any') {
      const current = this.#routes.known(outgoing.wireTopic) ?? queues;
      send.queue = this.#choice.any(outgoing.wireTopic, current, send.queue?.brokerName);
    } else {
      send.queue ??= this.#choice.ordered(target, outgoing, queues);
    }
    return send.queue;
  }

  async #attempt(send: PendingSend, queue: MessageQueue, packed: PackedBody): Promise<SendResult> {
    const { type, request } = this.#request(send.outgoing, queue, packed);
    const address = this.#masterOf(queue);
    send.attempts++;
    try {
      const timeoutMs = send.budget.remainingMs;
      return resultOf(send.outgoing, queue, await this.#client.remoting.call(address, type, request, { timeoutMs }));
    } catch (error) {
      if (leavesOutcomeOpen(error)) send.maybeStored = true;
      throw error;
    }
  }

  #request(
    outgoing: Outgoing,
    queue: MessageQueue,
    packed: PackedBody,
  ): { type: RequestType<SendMessageRequest, SendMessageReply>; request: SendMessageRequest } {
    return {
      type: outgoing.batch ? sendBatchMessage : sendMessageV2,
      request: {
        producerGroup: this.#producerGroup,
        topic: outgoing.wireTopic,
        defaultTopic: this.#options.createTopicKey,
        defaultTopicQueueNums: this.#options.defaultTopicQueueNums,
        queueId: queue.queueId,
        sysFlag: packed.sysFlag,
        bornTimestamp: Math.trunc(this.#client.clock.wallTime()),
        flag: outgoing.flag,
        properties: outgoing.properties,
        reconsumeTimes: 0,
        unitMode: false,
        batch: outgoing.batch,
        brokerName: queue.brokerName,
        body: packed.body,
      },
    };
  }

  #masterOf({ brokerName }: MessageQueue): string {
    const address = this.#client.routes.brokerAddress(brokerName);
    if (address !== undefined) return address;
    throw new RouteError('ERR_ROCKETMQ_NO_BROKER', `no route names a master of broker ${brokerName}`, { brokerName });
  }

  /** An ordered message that is stored must not be stored again: that would be behind its successors' backs. */
  #mayTryForMoreSafety(send: PendingSend): boolean {
    return send.target.by === 'any' && this.#options.retryAnotherBrokerWhenNotStoreOK;
  }

  /** Whether another attempt may follow; waits until it should, and reads the route again when it looks out of date. */
  async #mayRetry(send: PendingSend, queues: readonly MessageQueue[], tries: number, error: unknown): Promise<boolean> {
    if (tries > this.#options.retryTimesWhenSendFailed || send.settled) return false;
    if (error !== undefined && !isWorthAnotherAttempt(error, this.#options.retryResponseCodes)) return false;
    const { budget } = send;
    if (budget.remainingMs > 0 && isRouteSuspect(error)) {
      const refreshed = this.#routes.refresh(send.outgoing.wireTopic);
      await budget.bound(refreshed, 'the route was not read again').catch(() => undefined);
    }
    // After a broken connection the next attempt waits for the connection, and that is paced already.
    const failed = send.queue?.brokerName;
    const sameBroker = send.target.by !== 'any' || queues.every((queue) => queue.brokerName === failed);
    if (sameBroker && !(error instanceof ConnectionError)) {
      const pauseMs = FIRST_PAUSE * 2 ** (tries - 1);
      if (pauseMs >= budget.remainingMs) return false;
      await send.pause(pauseMs);
    }
    return !send.settled && budget.remainingMs > 0;
  }
}

/** Whether the failure may come from a topic or broker that has moved since its route was read. */
function isRouteSuspect(error: unknown): boolean {
  if (error instanceof BrokerError) {
    return error.responseCode === ResponseCode.TOPIC_NOT_EXIST || error.responseCode === ResponseCode.NO_PERMISSION;
  }
  return error instanceof ConnectionError || error instanceof RouteError;
}

function resultOf(outgoing: Outgoing, queue: MessageQueue, reply: SendMessageReply): SendResult {
  const { status, offsetMsgId, queueOffset, transactionId, regionId, traceOn } = reply;
  return {
    status,
    msgId: outgoing.msgId,
    offsetMsgId,
    messageQueue: { topic: outgoing.topic, brokerName: queue.brokerName, queueId: reply.queueId },
    queueOffset,
    ...(transactionId !== undefined && { transactionId }),
    ...(regionId !== undefined && { regionId }),
    ...(traceOn !== undefined && { traceOn }),
  };
}

function asError(error: unknown): Error | undefined {
  return error instanceof Error ? error : undefined;
}
