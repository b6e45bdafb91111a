import { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import debug from 'debug';
import { createClientId, localAddress } from '../client/client-id.js';
import { ClientInstance } from '../client/client-instance.js';
import { firstHeartbeat } from '../client/first-heartbeat.js';
import { AbortError, RouteError, StateError, ValidationError } from '../errors.js';
import { resolveProducerOptions, type ProducerOptions, type ResolvedProducerOptions } from '../options.js';
import { applyRules, type Rules } from '../options/rules.js';
import { MessageIdGenerator } from '../protocol/message-id.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import { withNamespace } from '../protocol/namespace.js';
import type { OrderScope } from './blocked-keys.js';
import { BodyCompression } from './body-compression.js';
import { sendOptionRules, type CheckedSendOptions } from './message-rules.js';
import { MessageSender, type SendObserver } from './message-sender.js';
import { OutgoingFactory, type Outgoing } from './outgoing.js';
import type { ProducerEvents } from './producer-events.js';
import type { ProducerMessage, SendOptions, SendResult } from './producer-message.js';
import type { Target } from './queue-choice.js';

const log = debug('rocketmq:producer');

/** How long unregistering may take on close, in milliseconds. */
const UNREGISTER_TIMEOUT = 3_000;

type Phase = 'created' | 'starting' | 'running' | 'closing' | 'closed';

/**
 * Sends messages, those of one sharding key in order.
 *
 * ```ts
 * const producer = new Producer({ namesrvAddr: '127.0.0.1:9876' });
 * await producer.start();
 * await producer.send({ topic: 'Orders', body: 'paid', shardingKey: 'order-4711' });
 * await producer.close();
 * ```
 *
 * A send is an ordered one when the message has a sharding key, or when a queue or a selector is given. Ordered sends
 * may be called without awaiting each other: those of one sharding key (without one, those to one queue) are under way
 * one at a time, in the order of the calls, each with all its retries, while other keys go on side by side. The
 * reference leaves that to its callers, and tries such a send only once, as a retry could overtake; here it can't.
 *
 * Delivery is at least once: a message whose answer got lost is sent again and may be stored twice, both times before
 * its successors. What no client can rule out is that a broker carries out a request after its time was over, and after
 * the message behind it: with `orderedFailure: 'block-key'` nothing is sent behind a message of unknown outcome before
 * you say so. Emits {@link ProducerEvents}.
 */
export class Producer extends EventEmitter<ProducerEvents> implements AsyncDisposable {
  /** What brokers know this client by. Producers and consumers of a process with the same one share connections. */
  readonly clientId: string;

  readonly #options: ResolvedProducerOptions;
  readonly #factory: OutgoingFactory;
  readonly #sendRules: Rules<CheckedSendOptions>;
  #phase: Phase = 'created';
  #client: ClientInstance | undefined;
  #sender: MessageSender | undefined;
  #closing: Promise<void> | undefined;

  /** @throws ValidationError when an option is unknown or out of its range */
  constructor(options: ProducerOptions = {}) {
    super();
    this.#options = resolveProducerOptions(options);
    this.clientId = createClientId(this.#options, 'producer');
    const { clientIP, clock, sendMsgTimeout } = this.#options;
    const ids = new MessageIdGenerator(clientIP !== undefined && isIP(clientIP) !== 0 ? clientIP : localAddress());
    this.#factory = new OutgoingFactory(this.#options, ids, clock);
    this.#sendRules = sendOptionRules(sendMsgTimeout);
  }

  get producerGroup(): string {
    return this.#options.producerGroup;
  }

  /** Sends whose promises are still pending. */
  get pendingCount(): number {
    return this.#sender?.pendingCount ?? 0;
  }

  /** The sharding keys and queues that take no messages, see {@link unblockKey}. */
  get blocked(): readonly OrderScope[] {
    return this.#sender?.blocked ?? [];
  }

  /**
   * Makes the producer ready: finds a name server, and where it can know them already the brokers.
   *
   * @throws RouteError, ConnectionError when no name server, or none of the brokers known, can be reached within
   *   `mqClientApiTimeout`; the addresses are named, nothing is left running, and a new producer is needed to try again
   * @throws StateError when it was started or closed before, or its client id is in use with other settings
   * @throws MessageFormatError `ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE` when the codec of `compressType` is missing
   */
  async start(): Promise<void> {
    if (this.#phase !== 'created') {
      throw new StateError(`the producer can't be started: it is ${this.#phase}`, { clientId: this.clientId });
    }
    new BodyCompression(this.#options).check();
    const client = ClientInstance.acquire(this.clientId, this.#options);
    this.#client = client;
    this.#phase = 'starting';
    client.registerProducer(this.#wireGroup);
    client.remoting.on('connected', this.#onConnected);
    client.remoting.on('disconnected', this.#onDisconnected);
    try {
      await this.#reachCluster(client);
      if (this.#isClosing()) throw new StateError('the producer was closed while it was starting');
    } catch (error) {
      if (!this.#isClosing()) await this.close();
      throw error;
    }
    this.#sender = new MessageSender(client, this.#options, this.#observer);
    this.#phase = 'running';
    log('%s sends in group %s', this.clientId, this.producerGroup);
  }

  /**
   * Sends a message and resolves when a broker has stored it, in any of the four statuses.
   *
   * A failure that may pass is tried again, `retryTimesWhenSendFailed` times within `timeoutMs`: an ordered message at
   * the same queue, others at another broker when there is one.
   *
   * @throws ValidationError, or MessageFormatError `ERR_ROCKETMQ_BODY_TOO_LARGE`, when something is wrong with the
   *   message or the options; nothing was sent then
   * @throws SendError when it could not be sent. `context.outcome` says whether it is `'not-stored'` or `'unknown'`, as
   *   after a timeout; `cause` is the last attempt's error
   * @throws AbortError when the signal fired
   * @throws StateError when the producer is not running, or was closed before the message had its turn
   */
  async send(message: ProducerMessage, options: SendOptions = {}): Promise<SendResult> {
    const sender = this.#requireRunning('send');
    const checked = this.#checkOptions(options);
    const outgoing = this.#factory.message(message);
    return sender.send(outgoing, targetOf(outgoing, checked), checked);
  }

  /**
   * Sends a message without an answer: resolves when it was handed to the operating system. It may get lost without
   * anybody hearing of it, and its place among the answered sends of its key is not certain.
   *
   * @throws as {@link send}, for what goes wrong before
   */
  async sendOneway(message: ProducerMessage, options: SendOptions = {}): Promise<void> {
    const sender = this.#requireRunning('sendOneway');
    const checked = this.#checkOptions(options);
    const outgoing = this.#factory.message(message);
    return sender.sendOneway(outgoing, targetOf(outgoing, checked), checked);
  }

  /**
   * Sends messages of one topic in one request. They are stored together or not at all, at consecutive offsets of one
   * queue, in the order of the array; with a sharding key, the same for all, in the order of that key.
   *
   * Together they may have `maxMessageSize` bytes, some 30 and the properties for each message included. A batch is not
   * compressed. Delayed messages and retry topics are refused, as brokers do.
   *
   * @throws as {@link send}
   */
  async sendBatch(messages: readonly ProducerMessage[], options: SendOptions = {}): Promise<SendResult> {
    const sender = this.#requireRunning('sendBatch');
    const checked = this.#checkOptions(options);
    const outgoing = this.#factory.batch(messages, checked.queue !== undefined || checked.selector !== undefined);
    return sender.send(outgoing, targetOf(outgoing, checked), checked);
  }

  /**
   * Ends a blocking by `orderedFailure: 'block-key'`: messages of this sharding key, or without one to this queue, are
   * sent again. What failed while it was blocked is not: it is for the caller to send it again, in its order.
   *
   * @param topic only in this topic; without it in all
   * @returns whether there was something to unblock
   */
  unblockKey(key: string | MessageQueue, topic?: string): boolean {
    return this.#sender?.unblock(key, topic) ?? false;
  }

  /**
   * Takes no more messages, lets those under way finish, and closes the connections. What is not finished within
   * `timeoutMs` fails: with a StateError what was still waiting for its turn, with a SendError what was sent and not
   * answered. Idempotent; works while brokers can't be reached.
   *
   * @param options.timeoutMs milliseconds; by default `sendMsgTimeout`
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? this.#options.sendMsgTimeout);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The topic new topics are modelled on leads to the brokers; where brokers create none by themselves it is unknown. */
  async #reachCluster(client: ClientInstance): Promise<void> {
    try {
      await client.routes.fetch(this.#options.createTopicKey);
    } catch (error) {
      if (!(error instanceof RouteError) || error.code !== 'ERR_ROCKETMQ_TOPIC_NOT_FOUND') throw error;
    }
    await firstHeartbeat(client);
  }

  #isClosing(): boolean {
    return this.#phase === 'closing' || this.#phase === 'closed';
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#phase = 'closing';
    await this.#sender?.drain(timeoutMs);
    const client = this.#client;
    if (client !== undefined) {
      await client.unregisterProducer(this.#wireGroup, UNREGISTER_TIMEOUT);
      this.#sender?.release();
      client.remoting.off('connected', this.#onConnected);
      client.remoting.off('disconnected', this.#onDisconnected);
      await client.release();
    }
    this.#phase = 'closed';
  }

  get #wireGroup(): string {
    return withNamespace(this.#options.namespace, this.producerGroup);
  }

  #requireRunning(call: string): MessageSender {
    if (this.#phase === 'running' && this.#sender !== undefined) return this.#sender;
    const advice = this.#phase === 'created' ? 'call start() first' : 'create a new one to go on';
    throw new StateError(`${call} makes no sense: the producer is ${this.#phase}; ${advice}`, {
      clientId: this.clientId,
    });
  }

  #checkOptions(options: SendOptions): CheckedSendOptions {
    const checked = applyRules(this.#sendRules, options, {}, 'options');
    if (checked.queue !== undefined && checked.selector !== undefined) {
      throw new ValidationError('options', 'queue and selector', 'one of them');
    }
    if (checked.signal?.aborted === true) {
      throw new AbortError('nothing was sent: the signal had fired before', checked.signal.reason);
    }
    return checked;
  }

  readonly #observer: SendObserver = {
    retrying: ({ outgoing, queue, attempts }, error) => {
      const { topic, msgId, shardingKey } = outgoing;
      log('%s is sent again after attempt %d: %s', msgId, attempts, error?.message ?? 'not stored safely enough');
      const messageQueue = queue === undefined ? undefined : { ...queue, topic };
      this.#publish('retry', { msgId, shardingKey, messageQueue, attempts, error });
    },
    blocked: (scope, cause) => this.#publish('keyBlocked', { ...scope, cause }),
  };

  readonly #onConnected = (address: string): void => this.#publish('connected', { address });

  readonly #onDisconnected = (address: string, error: Error | undefined): void =>
    this.#publish('disconnected', { address, error });

  /** Tells observers. Whatever one of them throws is its own: it surfaces as an uncaught exception, not in here. */
  #publish<Name extends keyof ProducerEvents>(name: Name, ...args: ProducerEvents[Name]): void {
    try {
      // The emitter's own signature can't follow a name that is generic here.
      (this.emit as (event: string, ...values: unknown[]) => boolean)(name, ...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

function targetOf(outgoing: Outgoing, { queue, selector, arg }: CheckedSendOptions): Target {
  if (selector !== undefined) {
    return { by: 'selector', select: selector, arg: arg === undefined ? outgoing.shardingKey : arg };
  }
  if (queue === undefined) {
    return outgoing.shardingKey === undefined ? { by: 'any' } : { by: 'key', key: outgoing.shardingKey };
  }
  if (queue.topic === outgoing.topic) return { by: 'queue', queue };
  throw new ValidationError('options.queue.topic', queue.topic, `${outgoing.topic}, the topic of the message`);
}
