import { EventEmitter } from 'node:events';
import debug from 'debug';
import { createClientId } from '../client/client-id.js';
import { ClientInstance } from '../client/client-instance.js';
import { consumerChannel } from '../diagnostics.js';
import type { ExpressionType } from '../enums.js';
import { StateError, ValidationError, type RocketMQError } from '../errors.js';
import { resolveConsumerOptions, type OrderedConsumerOptions, type ResolvedConsumerOptions } from '../options.js';
import { messageQueueKey, type MessageQueue } from '../protocol/message-queue.js';
import { retryTopic, withNamespace } from '../protocol/namespace.js';
import { buildSubscription, type SubscriptionData } from '../protocol/subscription.js';
import { checkTopic } from '../validation.js';
import type { AssignedQueue, QueueState } from './assigned-queue.js';
import type { OrderedConsumerEvents } from './consumer-events.js';
import { describeQueues, type ConsumerStatus } from './consumer-status.js';
import { withLease } from '../protocol/lease.js';
import { describeHealth, type ConsumerHealth } from './consumer-health.js';
import { ConsumerRuntime, type ConsumerState } from './consumer-runtime.js';
import { joinGroup } from './join-group.js';
import type { MessageListenerOrderly } from './listener.js';

const log = debug('rocketmq:consumer');

/** How long unregistering may take on close, in milliseconds. */
const UNREGISTER_TIMEOUT = 3_000;

/** A filter on what a topic delivers: tags, or conditions on properties. */
export interface MessageSelector {
  /** `TAG` for `*` or `TagA || TagB`, `SQL92` for conditions on properties. */
  readonly type: ExpressionType;
  readonly expression: string;
}

/** One queue this consumer has to do with, as it is now. */
export interface AssignedQueueInfo {
  readonly messageQueue: MessageQueue;
  readonly state: QueueState;
  /** The broker-side lock is held and its lease has not run out. */
  readonly owned: boolean;
  /** The next offset to be committed, once there is one. */
  readonly committedOffset: number | undefined;
  /** Where the next pull begins. */
  readonly nextOffset: number;
  /** Messages buffered here, those with the listener included. */
  readonly buffered: number;
  readonly suspended: boolean;
}

type Phase = 'created' | 'starting' | 'running' | 'closing' | 'closed';

/**
 * Consumes topics in order: of each queue one message after the other, by one member of the group at a time.
 *
 * ```ts
 * const consumer = new OrderedConsumer({ namesrvAddr: '127.0.0.1:9876', consumerGroup: 'billing' });
 * consumer.subscribe('Orders', 'Created || Paid');
 * await consumer.start(async (messages) => { ... });
 * await consumer.close();
 * ```
 *
 * Emits {@link OrderedConsumerEvents}. An `error` event that nobody listens to is not thrown; it becomes a process
 * warning, once per code.
 */
export class OrderedConsumer extends EventEmitter<OrderedConsumerEvents> implements AsyncDisposable {
  /** Identifies this member to brokers: who holds a lock, who gets which queues. */
  readonly clientId: string;

  readonly #options: ResolvedConsumerOptions;
  readonly #state: ConsumerState;
  readonly #warned = new Set<string>();
  #phase: Phase = 'created';
  #client: ClientInstance | undefined;
  #runtime: ConsumerRuntime | undefined;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #closeCalled = new AbortController();

  /** @throws ValidationError when an option is missing, unknown or out of its range */
  constructor(options: OrderedConsumerOptions) {
    super();
    this.#options = resolveConsumerOptions(options);
    const { messageModel, lockLeaseTime } = this.#options;
    const clientId = createClientId(this.#options, messageModel);
    this.clientId = messageModel === 'CLUSTERING' ? withLease(clientId, lockLeaseTime) : clientId;
    this.#state = {
      options: this.#options,
      subscriptions: new Map(),
      maxReconsumeTimes: this.#options.maxReconsumeTimes,
      suspended: false,
    };
  }

  get consumerGroup(): string {
    return this.#options.consumerGroup;
  }

  /**
   * How often a message is delivered again before it is sent to the dead letter queue; -1 for without end. May be
   * changed while the consumer runs; the next failure goes by the new value.
   *
   * @throws ValidationError when it is no integer of -1 or more
   */
  get maxReconsumeTimes(): number {
    return this.#state.maxReconsumeTimes;
  }

  set maxReconsumeTimes(value: number) {
    if (!Number.isInteger(value) || value < -1 || value > 2 ** 31 - 1) {
      throw new ValidationError('maxReconsumeTimes', value, 'an integer from -1 (without end) to 2^31 - 1');
    }
    this.#state.maxReconsumeTimes = value;
  }

  /**
   * Subscribes to a topic, before or after {@link start}; a second call for the same topic replaces its filter. All
   * members of a group must have the same subscriptions.
   *
   * @param selector `*` (default) for everything, tags as `TagA || TagB`, or `{ type: 'SQL92', expression }`
   * @throws ValidationError when the topic or the expression is not valid
   */
  subscribe(topic: string, selector: string | MessageSelector = '*'): void {
    this.#requireNotClosed('subscribe');
    checkTopic(topic);
    const { type, expression } = normalizeSelector(selector);
    const wrapped = withNamespace(this.#options.namespace, topic);
    this.#setSubscription(buildSubscription(wrapped, expression, type, this.#nextSubVersion(wrapped)));
    if (this.#phase === 'running') this.#runtime?.subscriptionsChanged();
  }

  /** Ends a subscription. Its queues are given up in the usual way: drained, persisted, unlocked. */
  unsubscribe(topic: string): void {
    this.#requireNotClosed('unsubscribe');
    const wrapped = withNamespace(this.#options.namespace, topic);
    if (!this.#state.subscriptions.delete(wrapped)) return;
    if (this.#phase === 'running') this.#runtime?.subscriptionsChanged();
  }

  /**
   * Joins the group and starts to consume. Resolves when the group's brokers know this member; the first messages
   * follow as soon as queues are locked.
   *
   * @throws StateError when the consumer was started or closed before
   * @throws RouteError, ConnectionError, TimeoutError when no name server or no broker can be reached within
   *   `startTimeoutMs`; nothing is left running then
   * @throws BrokerError when a broker refuses a subscription
   */
  async start(listener: MessageListenerOrderly): Promise<void> {
    if (typeof listener !== 'function') throw new ValidationError('listener', listener, 'a function');
    if (this.#phase !== 'created') {
      throw new StateError(`the consumer of ${this.consumerGroup} can't be started: it is ${this.#phase}`);
    }
    this.#phase = 'starting';
    this.#starting = this.#start(listener);
    await this.#starting;
  }

  /**
   * Stops and leaves the group: no new messages are handed out, listeners that are running may finish (for
   * `awaitTerminationMillisWhenShutdown` at most, 30 s by default), then offsets are persisted, locks given back,
   * the group left and the connections closed. Idempotent; works while brokers can't be reached.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Stops pulling and rebalancing. What is buffered is still handed out, locks are still renewed and offsets persisted.
   * With `drain: false` nothing is handed out any more, either.
   */
  suspend(options: { readonly drain?: boolean } = {}): void {
    this.#state.suspended = true;
    this.#runtime?.consumeLoop.setPaused(options.drain === false);
    // What an earlier call had stopped from being handed out may be now.
    this.#runtime?.wakeQueues();
  }

  /** Ends {@link suspend}. */
  resume(): void {
    this.#state.suspended = false;
    this.#runtime?.consumeLoop.setPaused(false);
    this.#runtime?.wakeQueues();
    this.#runtime?.rebalancer.wake('resumed');
  }

  /** Whether the whole consumer is suspended. */
  get isSuspended(): boolean {
    return this.#state.suspended;
  }

  /**
   * Suspends one queue, for as long as it is owned here. With `drain: false` what is buffered is not handed out, either.
   *
   * @returns false when the queue is not owned here
   */
  suspendQueue(messageQueue: MessageQueue, options: { readonly drain?: boolean } = {}): boolean {
    return this.#setQueueSuspended(messageQueue, true, options.drain === false);
  }

  /** Ends {@link suspendQueue}. @returns false when the queue is not owned here */
  resumeQueue(messageQueue: MessageQueue): boolean {
    return this.#setQueueSuspended(messageQueue, false, false);
  }

  /** Whether this consumer does its work, and if not, what keeps it: for readiness probes and alarms. */
  health(): ConsumerHealth {
    if (this.#phase !== 'running' || this.#runtime === undefined) {
      return { healthy: false, reasons: [`the consumer is ${this.#phase}`] };
    }
    const { clock, lockLeaseTime } = this.#options;
    return describeHealth(this.#runtime.table.all(), clock.now(), lockLeaseTime, this.#state.suspended);
  }

  /**
   * The whole state at a glance: what is owned, how far each queue is, and what keeps one that does not move. Cheap enough
   * for a health endpoint: it looks at memory alone.
   */
  status(): ConsumerStatus {
    const { clock, lockLeaseTime } = this.#options;
    const { suspended } = this.#state;
    const runtime = this.#runtime;
    const committed = (queue: MessageQueue): number | undefined => runtime?.offsets.get(queue);
    return {
      phase: this.#phase,
      consumerGroup: this.consumerGroup,
      clientId: this.clientId,
      ...this.health(),
      suspended,
      ...describeQueues(runtime?.table.all() ?? [], committed, clock.now(), lockLeaseTime, suspended),
    };
  }

  /** The queues this consumer has to do with, and how far each is. */
  get assignment(): AssignedQueueInfo[] {
    const runtime = this.#runtime;
    if (runtime === undefined) return [];
    const now = this.#options.clock.now();
    return runtime.table.all().map((queue) => ({
      messageQueue: queue.exposedQueue,
      state: queue.state,
      owned: queue.state === 'owned' && queue.holdsLease(now, this.#options.lockLeaseTime),
      committedOffset: runtime.offsets.get(queue.messageQueue),
      nextOffset: queue.nextOffset,
      buffered: queue.buffer.count,
      suspended: queue.suspended,
    }));
  }

  async #start(listener: MessageListenerOrderly): Promise<void> {
    const { namespace, messageModel } = this.#options;
    const group = withNamespace(namespace, this.consumerGroup);
    if (messageModel === 'CLUSTERING') {
      // Messages that come back to the group, among them what operators send again out of %DLQ%.
      this.#setSubscription(buildSubscription(retryTopic(group), '*', 'TAG', this.#nextSubVersion(retryTopic(group))));
    }
    let client: ClientInstance | undefined;
    let runtime: ConsumerRuntime | undefined;
    try {
      client = ClientInstance.acquire(this.clientId, this.#options);
      client.remoting.on('connected', this.#onConnected);
      client.remoting.on('disconnected', this.#onDisconnected);
      runtime = new ConsumerRuntime(this.#state, client, listener, this.#publish);
      await joinGroup(client, runtime, this.#state, this.#closeCalled.signal);
      this.#client = client;
      this.#runtime = runtime;
      this.#phase = 'running';
      runtime.begin();
      log('%s runs in group %s', this.clientId, group);
    } catch (error) {
      if (client !== undefined) await this.#leave(client, runtime, true);
      if (this.#phase === 'starting') this.#phase = 'closed';
      throw error;
    }
  }

  async #close(): Promise<void> {
    const before = this.#phase;
    this.#phase = 'closing';
    this.#closeCalled.abort();
    if (before === 'starting') {
      await this.#starting?.catch((error: unknown) => log('start was cut short: %s', error));
    } else if (before === 'running' && this.#client !== undefined) {
      try {
        await this.#runtime?.close(this.#options.awaitTerminationMillisWhenShutdown);
      } finally {
        await this.#leave(this.#client, this.#runtime, false);
      }
    }
    this.#phase = 'closed';
  }

  async #leave(client: ClientInstance, runtime: ConsumerRuntime | undefined, startFailed: boolean): Promise<void> {
    const left = runtime === undefined ? undefined : client.unregisterConsumer(runtime, UNREGISTER_TIMEOUT);
    // After a failed start brokers may not answer. Closing the connections tells them as well, unless others use them.
    if (!startFailed || client.isShared) await left;
    runtime?.topics.clear();
    client.remoting.off('connected', this.#onConnected);
    client.remoting.off('disconnected', this.#onDisconnected);
    await client.release();
    await left;
  }

  #setSubscription(subscription: SubscriptionData): void {
    this.#state.subscriptions.set(subscription.topic, subscription);
  }

  /** Brokers take the subscription with the higher version: wall time, but never twice the same. */
  #nextSubVersion(topic: string): number {
    const previous = this.#state.subscriptions.get(topic)?.subVersion ?? 0;
    return Math.max(previous + 1, this.#options.clock.wallTime());
  }

  #setQueueSuspended(messageQueue: MessageQueue, suspended: boolean, stopDispatch: boolean): boolean {
    const queue = this.#find(messageQueue);
    if (queue === undefined) return false;
    queue.suspended = suspended;
    queue.dispatchStopped = stopDispatch;
    queue.changed.notify();
    this.#runtime?.consumeLoop.notify(queue);
    return true;
  }

  #find(exposed: MessageQueue): AssignedQueue | undefined {
    const key = messageQueueKey(exposed);
    return this.#runtime?.table.all().find((queue) => messageQueueKey(queue.exposedQueue) === key);
  }

  #requireNotClosed(call: string): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') {
      throw new StateError(`${call} makes no sense: the consumer of ${this.consumerGroup} is ${this.#phase}`);
    }
  }

  readonly #onConnected = (address: string): void => this.#publish('connected', { address });

  readonly #onDisconnected = (address: string, error: Error | undefined): void =>
    this.#publish('disconnected', { address, error });

  /** Tells observers. Whatever one of them throws is its own: it surfaces as an uncaught exception, not in here. */
  readonly #publish = <Name extends keyof OrderedConsumerEvents>(
    name: Name,
    ...args: OrderedConsumerEvents[Name]
  ): void => {
    const channel = consumerChannel(name);
    if (channel.hasSubscribers) {
      channel.publish({ clientId: this.clientId, consumerGroup: this.consumerGroup, event: args[0] });
    }
    if (this.listenerCount(name) === 0) {
      if (name === 'error') this.#warnOnce(args[0] as RocketMQError);
      return;
    }
    try {
      // The emitter's own signature can't follow a name that is generic here.
      (this.emit as (event: string, ...values: unknown[]) => boolean)(name, ...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };

  #warnOnce(error: RocketMQError): void {
    log('%s: %s', error.code, error.message);
    if (this.#warned.has(error.code)) return;
    this.#warned.add(error.code);
    process.emitWarning(`${error.message} (listen to the consumer's 'error' event to handle this)`, {
      type: 'RocketMQWarning',
      code: error.code,
    });
  }
}

function normalizeSelector(selector: string | MessageSelector): MessageSelector {
  if (typeof selector === 'string') return { type: 'TAG', expression: selector };
  if (typeof selector !== 'object' || selector === null || typeof selector.expression !== 'string') {
    throw new ValidationError('selector', selector, 'a tag expression, or { type, expression }');
  }
  if (selector.type !== 'TAG' && selector.type !== 'SQL92') {
    throw new ValidationError('selector.type', selector.type, "'TAG' or 'SQL92'");
  }
  return selector;
}
