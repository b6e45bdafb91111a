import debug from 'debug';
import type { ClientInstance } from '../client/client-instance.js';
import type { ConsumerMember } from '../client/consumer-member.js';
import { RocketMQError } from '../errors.js';
import type { ResolvedConsumerOptions } from '../options.js';
import type { StoredMessage } from '../protocol/message.js';
import { describeQueue, type MessageQueue } from '../protocol/message-queue.js';
import { retryTopic, withNamespace, withoutNamespace } from '../protocol/namespace.js';
import { PropertyName } from '../protocol/properties.js';
import type {
  ConsumeMessageDirectlyReply,
  ConsumeMessageDirectlyRequest,
} from '../protocol/requests/consume-message-directly.js';
import type { GetConsumerRunningInfoReply } from '../protocol/requests/get-consumer-running-info.js';
import type { GetConsumerStatusFromClientReply } from '../protocol/requests/get-consumer-status-from-client.js';
import type { ConsumerData } from '../protocol/requests/heart-beat.js';
import type { ResetConsumerClientOffsetRequest } from '../protocol/requests/reset-consumer-client-offset.js';
import type { SubscriptionData } from '../protocol/subscription.js';
import type { AssignedQueue } from './assigned-queue.js';
import { ConsumeLoop } from './consume-loop.js';
import type { OrderedConsumerEvents } from './consumer-events.js';
import { describeRunning, describeStatus } from './consumer-info.js';
import { ConsumerStats } from './consumer-stats.js';
import { sendToDeadLetter } from './dead-letter.js';
import { consumeDirectly } from './direct-consume.js';
import { Exhaustion } from './exhaustion.js';
import { FlowControl } from './flow-control.js';
import type { MessageListenerOrderly } from './listener.js';
import { OffsetReset } from './offset-reset.js';
import { createOffsetStore } from './offset-store/create-offset-store.js';
import type { OffsetStore } from './offset-store/offset-store.js';
import { Ownership } from './ownership.js';
import { PullLoop, type PullLoopDeps, type PullLoopOptions } from './pull-loop.js';
import { QueueTable, type QueueTransition } from './queue-table.js';
import { Rebalancer } from './rebalancer.js';
import { StallWatch } from './stall.js';
import { findStartOffset } from './start-offset.js';
import { TrackedTopics } from './tracked-topics.js';

const log = debug('rocketmq:consumer');

/** How a running consumer tells its owner what happens. */
export type EmitEvent = <Name extends keyof OrderedConsumerEvents>(
  name: Name,
  ...args: OrderedConsumerEvents[Name]
) => void;

/** What the facade and its running part share, and the user may change while it runs. */
export interface ConsumerState {
  readonly options: ResolvedConsumerOptions;
  /** By topic with its namespace; the retry topic among them. */
  readonly subscriptions: Map<string, SubscriptionData>;
  maxReconsumeTimes: number;
  suspended: boolean;
}

/**
 * A consumer that runs: everything between the client instance and the listener, put together. The facade makes one at
 * each start and throws it away at close.
 */
export class ConsumerRuntime implements ConsumerMember {
  readonly consumerGroup: string;
  readonly table: QueueTable;
  readonly ownership: Ownership;
  readonly rebalancer: Rebalancer;
  readonly consumeLoop: ConsumeLoop;
  readonly offsets: OffsetStore;
  readonly topics: TrackedTopics;
  readonly startedAt: number;

  readonly #state: ConsumerState;
  readonly #client: ClientInstance;
  readonly #listener: MessageListenerOrderly;
  readonly #emit: EmitEvent;
  readonly #pull: (queue: AssignedQueue) => void;
  readonly #flow: FlowControl;
  readonly #reset: OffsetReset;
  readonly #stats: ConsumerStats;
  readonly #stalls: StallWatch;
  readonly #retryTopic: string;
  #persistTimer: unknown;
  #persisting: Promise<void> = Promise.resolve();

  constructor(state: ConsumerState, client: ClientInstance, listener: MessageListenerOrderly, emit: EmitEvent) {
    const { options } = state;
    this.#state = state;
    this.#client = client;
    this.#listener = listener;
    this.#emit = emit;
    this.consumerGroup = withNamespace(options.namespace, options.consumerGroup);
    this.#retryTopic = retryTopic(this.consumerGroup);
    this.startedAt = client.clock.wallTime();
    const clustering = options.messageModel === 'CLUSTERING';
    const report = (error: RocketMQError): void => emit('error', error);
    const warn = (code: string, message: string): void => emit('warning', { code, message });
    const isSuspended = (): boolean => state.suspended;
    const startedOver = (queue: AssignedQueue, offset: number, reason: string): void =>
      emit('offsetReset', { messageQueue: queue.exposedQueue, offset, reason });

    this.#stalls = new StallWatch({
      stalled: (messageQueue, stall) => {
        log('%s does not move: %s (%s)', describeQueue(messageQueue), stall.reason, stall.code);
        emit('queueStalled', { messageQueue, ...stall });
      },
      moving: (messageQueue) => {
        log('%s moves again', describeQueue(messageQueue));
        emit('queueMoving', { messageQueue });
      },
    });
    this.#stats = new ConsumerStats(client.clock);
    this.#flow = new FlowControl(options);
    this.offsets = createOffsetStore(client, this.consumerGroup, options, (queue) => {
      return this.table.get(queue)?.writeEnd(options.lockLeaseTime) ?? Number.NEGATIVE_INFINITY;
    });
    this.topics = new TrackedTopics(
      client.routes,
      (topic) => state.subscriptions.has(topic) || this.table.all().some((queue) => queue.messageQueue.topic === topic),
    );
    this.table = new QueueTable(client.clock, (transition) => this.#moved(transition));
    this.ownership = new Ownership(
      {
        lockless: !clustering,
        leaseTime: options.lockLeaseTime,
        renewInterval: options.lease.renewEvery,
        revokeTimeoutMs: options.revokeTimeoutMs,
        releaseOrphans: options.orphanLocks === 'release',
      },
      {
        client,
        consumerGroup: this.consumerGroup,
        table: this.table,
        offsets: this.offsets,
        exposeQueue: (queue) => this.exposeQueue(queue),
        findStartOffset: (queue, chosenBefore) =>
          findStartOffset(client, this.offsets, queue, queue.topic === this.#retryTopic, options, chosenBefore),
        begin: (queue) => this.#pull(queue),
        goOn: (queue) => this.consumeLoop.notify(queue),
        unsettled: (reason) => this.rebalancer.wake(reason),
        lost: (queue, reason) => emit('queueLost', { messageQueue: queue.exposedQueue, reason }),
        startedOver,
        orphansReleased: (clientId, queues) =>
          emit('orphanLocksReleased', { clientId, messageQueues: queues.map((queue) => queue.exposedQueue) }),
        noMaster: (brokerName, messageQueues) => emit('noMaster', { brokerName, messageQueues }),
        report,
      },
    );
    this.rebalancer = new Rebalancer(
      {
        consumerGroup: this.consumerGroup,
        clustering,
        interval: options.rebalanceInterval,
        leaseTime: options.lockLeaseTime,
      },
      {
        client,
        table: this.table,
        ownership: this.ownership,
        strategy: options.allocateMessageQueueStrategy,
        topics: () => [...state.subscriptions.keys()],
        isSuspended,
        changed: (topic, all, mine) => this.#assignmentChanged(topic, all, mine),
        report,
        warn,
      },
    );
    const exhaustion = new Exhaustion({
      consumerGroup: options.consumerGroup,
      maxReconsumeTimes: () => state.maxReconsumeTimes,
      onExhausted: options.onExhausted,
      attemptStore: options.attemptStore,
      sendBack: (message, queue) => this.#sendBack(message, queue.messageQueue),
      report,
      deadLettered: (event) => emit('deadLetter', event),
      skipped: (event) => emit('skipped', event),
      blocked: (event) => emit('blocked', event),
    });
    this.consumeLoop = new ConsumeLoop(
      options,
      {
        clock: client.clock,
        offsets: this.offsets,
        exhaustion,
        expose: (message) => this.expose(message),
        relock: (queue, delayMs) => this.ownership.locks.lockSoon(queue, delayMs),
        confirmLock: (queue) => this.ownership.confirm([queue]),
        report,
        warn,
        onAnswer: (queue, succeeded, count, startedAt, now) =>
          this.#stats.consumed(queue.messageQueue.topic, succeeded, count, now - startedAt, now),
      },
      listener,
    );
    const pullOptions: PullLoopOptions = { ...options, consumerGroup: this.consumerGroup, clustering };
    const pullDeps: PullLoopDeps = {
      client,
      offsets: this.offsets,
      flow: this.#flow,
      subscription: (topic) => state.subscriptions.get(topic),
      isSuspended,
      arrived: (queue) => this.consumeLoop.notify(queue),
      offsetIllegal: (queue, offset, remark) =>
        void this.#reset.onRefusal(queue, offset, remark ?? 'offset is illegal'),
      report,
      warn,
      onPulled: (queue, count, tookMs) => this.#stats.pulled(queue.messageQueue.topic, count, tookMs),
    };
    this.#pull = (queue) => new PullLoop(queue, pullOptions, pullDeps).start();
    this.#reset = new OffsetReset({
      client,
      table: this.table,
      offsets: this.offsets,
      begin: (queue) => this.#pull(queue),
      wasReset: startedOver,
      report,
    });
  }

  /** Joins the group: heartbeat first, then the first rebalance, then whatever follows from it. */
  begin(): void {
    this.topics.add(this.#state.subscriptions.keys());
    this.ownership.start();
    this.rebalancer.start();
    this.#planPersist();
  }

  /** Leaves nothing running. Offsets are persisted before locks are given back, locks before the group is left. */
  async close(waitMs: number): Promise<void> {
    this.consumeLoop.stop();
    // Side by side: a rebalance under way changes nothing any more, and listeners are told at once.
    await Promise.all([this.rebalancer.stop(), this.ownership.close(waitMs)]);
    this.#client.clock.clearTimeout(this.#persistTimer);
    await this.#persisting;
  }

  /** Tells the brokers, and then takes in or gives up what follows from it: a pull must not come before its subscription. */
  subscriptionsChanged(): void {
    this.topics.add(this.#state.subscriptions.keys());
    this.topics.trim();
    this.#client.heartbeats
      .beatAll()
      .catch((error: unknown) => log('heartbeat failed: %s', error))
      .finally(() => this.rebalancer.wake('subscriptions changed'));
  }

  /** Lets every queue look again whether it may pull and dispatch. */
  wakeQueues(): void {
    for (const queue of this.table.all()) {
      queue.changed.notify();
      this.consumeLoop.notify(queue);
    }
  }

  heartbeatData(): ConsumerData {
    const { options, subscriptions } = this.#state;
    return {
      groupName: this.consumerGroup,
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: options.messageModel,
      consumeFromWhere: options.consumeFromWhere,
      unitMode: options.unitMode,
      subscriptions: [...subscriptions.values()],
    };
  }

  rebalanceSoon(reason: string): void {
    this.rebalancer.wake(reason);
  }

  masterConnected(brokerName: string): void {
    this.ownership.doubtLocksAt(brokerName);
  }

  brokerBack(brokerName: string): void {
    void this.ownership.relockAt(brokerName);
    for (const queue of this.table.all()) if (queue.messageQueue.brokerName === brokerName) queue.changed.notify();
    this.rebalancer.wake(`connected to ${brokerName}`);
  }

  resetOffset(request: ResetConsumerClientOffsetRequest): void {
    if (this.#state.options.messageModel === 'CLUSTERING') this.#reset.onRequest(request);
  }

  consumerStatus(topic: string): GetConsumerStatusFromClientReply {
    return describeStatus(this.table, this.offsets, topic);
  }

  runningInfo(): GetConsumerRunningInfoReply {
    return describeRunning(this, this.#state, this.#client, this.#stats);
  }

  consumeDirectly(request: ConsumeMessageDirectlyRequest): Promise<ConsumeMessageDirectlyReply> {
    const { allowDirectConsume } = this.#state.options;
    return consumeDirectly(
      request,
      allowDirectConsume,
      this.#listener,
      (message) => this.expose(message),
      this.#client.clock,
    );
  }

  /** The topic the message was meant for: that of its first delivery, without namespace. */
  expose(message: StoredMessage): void {
    if (message.topic === this.#retryTopic) {
      const original = message.getProperty(PropertyName.RETRY_TOPIC);
      if (original !== undefined) message.topic = original;
    }
    const { namespace } = this.#state.options;
    if (namespace !== undefined) message.topic = withoutNamespace(namespace, message.topic);
  }

  exposeQueue(queue: MessageQueue): MessageQueue {
    const { namespace } = this.#state.options;
    if (namespace === undefined) return queue;
    return { ...queue, topic: withoutNamespace(namespace, queue.topic) };
  }

  #sendBack(message: StoredMessage, from: MessageQueue): Promise<string> {
    const { options, maxReconsumeTimes } = this.#state;
    const group = { wrapped: this.consumerGroup, namespace: options.namespace };
    return sendToDeadLetter(this.#client, group, message, from, maxReconsumeTimes);
  }

  #moved({ queue, from, to, reason }: QueueTransition): void {
    const messageQueue = queue.exposedQueue;
    this.#emit('queueState', { messageQueue, from, to, reason });
    if (to === 'owned') this.#emit('queueOwned', { messageQueue, offset: queue.nextOffset });
    if (to === 'absent' || (from === 'owned' && to === 'locking'))
      this.#emit('queueReleased', { messageQueue, reason });
    if (to === 'absent') this.topics.trim();
    this.#flow.shareAmong(this.table.inState('owned').length);
  }

  #assignmentChanged(topic: string, all: readonly MessageQueue[], mine: readonly MessageQueue[]): void {
    const expose = (queue: MessageQueue): MessageQueue => this.exposeQueue(queue);
    const exposedTopic = withoutNamespace(this.#state.options.namespace, topic);
    this.#emit('rebalanced', { topic: exposedTopic, all: all.map(expose), mine: mine.map(expose) });
  }

  #planPersist(): void {
    const { persistConsumerOffsetInterval, lockLeaseTime } = this.#state.options;
    this.#persistTimer = this.#client.clock.setTimeout(() => {
      this.#planPersist();
      this.consumeLoop.watchCalls(this.table.all());
      const now = this.#client.clock.now();
      this.#stalls.check(this.table.all(), now, lockLeaseTime, this.#state.suspended);
      // Only the owner commits; a queue whose lease has run out or is in doubt waits for its lock.
      const ours = this.table
        .all()
        .filter(
          (queue) => (queue.state === 'owned' || queue.state === 'draining') && queue.mayWrite(now, lockLeaseTime),
        );
      this.#persisting = this.offsets.persistAll(ours.map((queue) => queue.messageQueue)).catch((cause: unknown) => {
        this.#emit(
          'error',
          new RocketMQError('offsets could not be persisted; it is tried again at the next turn', {
            code: 'ERR_ROCKETMQ_PERSIST',
            retryable: true,
            cause,
          }),
        );
      });
    }, persistConsumerOffsetInterval);
  }
}
