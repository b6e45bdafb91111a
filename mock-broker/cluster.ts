import { StateError, ValidationError } from '../lib/errors.js';
import type { RemotingCommand, RequestCommand } from '../lib/protocol/command.js';
import { decodeMessages, type StoredMessage } from '../lib/protocol/message.js';
import { MessageIdGenerator } from '../lib/protocol/message-id.js';
import type { MessageQueue } from '../lib/protocol/message-queue.js';
import type { OffsetTableForm, QueueOffset } from '../lib/protocol/requests/offset-table.js';
import { resetConsumerClientOffset } from '../lib/protocol/requests/reset-consumer-client-offset.js';
import type { SubscriptionData } from '../lib/protocol/subscription.js';
import { MASTER_ID } from '../lib/protocol/topic-route.js';
import { MockBroker } from './broker.js';
import type { MockClock } from './clock.js';
import { Faults } from './faults.js';
import { Journal } from './journal.js';
import { MockNameServer, RouteInfo } from './name-server.js';
import { checkTopic, type GroupOptions, type MockClusterOptions, type ResolvedOptions, resolveOptions, type TopicOptions } from './options.js'; // prettier-ignore
import { Producer, type ProducedMessage, type ProduceResult } from './produce.js';
import type { Connection } from './server/connection.js';
import type { ServerEnvironment } from './server/server.js';
import type { QueueLock } from './store/locks.js';

/** A committed offset of a group, with its queue. */
export interface GroupOffset {
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly offset: number;
}

/** A consumer connected to a broker. */
export interface GroupMember {
  readonly clientId: string;
  readonly brokerName: string;
  /** The subscriptions the broker has for the group. */
  readonly subscriptions: readonly SubscriptionData[];
}

/** Where to have a group consume from. */
export interface ResetOffsetOptions {
  /** `server`: the next pull of each queue is answered with it. `push`: the members are told. */
  readonly mode: 'server' | 'push';
  /** The first message stored then or later; negative for the end of the queue. One of this and `offset` is needed. */
  readonly timestamp?: number;
  /** Exactly there. */
  readonly offset?: number;
  /** @default all brokers that have the topic */
  readonly brokerName?: string;
  /** @default all queues */
  readonly queueId?: number;
  /** How a pushed table is written. @default 'object-keys', as the reference does */
  readonly form?: OffsetTableForm;
}

const DEFAULT_CALL_TIMEOUT_MS = 10_000;

/** A whole RocketMQ cluster in this process: name servers and brokers, on real ports, that speak the real protocol. */
export class MockCluster {
  readonly clock: MockClock;
  /** Every frame that came and went. */
  readonly journal: Journal;
  /** What is to go wrong. */
  readonly faults = new Faults();
  /** The masters; each knows its replicas. */
  readonly brokers: readonly MockBroker[];
  readonly nameServers: readonly MockNameServer[];
  readonly #options: ResolvedOptions;
  readonly #routes: RouteInfo;
  readonly #producer: Producer;

  private constructor(options: ResolvedOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.journal = new Journal(options.journalLimit);
    let connections = 0;
    const environment: ServerEnvironment = {
      host: options.host,
      clock: options.clock,
      journal: this.journal,
      faults: this.faults,
      version: options.version,
      serializeType: options.serializeType,
      tls: options.tls,
      nextConnectionId: () => ++connections,
    };
    this.brokers = options.brokers.map(({ name, replicas }, index) => {
      const port = options.brokerPort === 0 ? 0 : options.brokerPort + index;
      const broker = new MockBroker(options, environment, { name, port, brokerId: MASTER_ID });
      for (let count = 0; count < replicas; count++) broker.addReplica(environment);
      return broker;
    });
    this.#routes = new RouteInfo(this.brokers, options.isV4);
    this.nameServers = Array.from({ length: options.nameServers }, (_, index) => {
      return new MockNameServer(this.#routes, options.advertisedHost, environment, index === 0 ? options.port : 0);
    });
    const ids = new MessageIdGenerator('127.0.0.1');
    this.#producer = new Producer(this.brokers, () => ids.next(this.clock.now()));
  }

  /**
   * Starts a cluster; it answers once this resolves.
   *
   * @throws ValidationError for options that make no sense; rejects when a port is taken
   */
  static async start(options: MockClusterOptions = {}): Promise<MockCluster> {
    const cluster = new MockCluster(resolveOptions(options));
    for (const [name, topic] of Object.entries(options.topics ?? {})) cluster.createTopic(name, topic);
    for (const [name, group] of Object.entries(options.groups ?? {})) cluster.updateGroup(name, group);
    try {
      await Promise.all(cluster.#servers().map((server) => server.start()));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** The name servers, `host:port` joined by `;`: what a client is configured with. */
  get namesrvAddr(): string {
    return this.nameServers.map((server) => server.address).join(';');
  }

  /** @throws ValidationError when there is no broker of that name */
  broker(name: string): MockBroker {
    const broker = this.brokers.find((candidate) => candidate.name === name);
    if (broker === undefined) {
      throw new ValidationError('brokerName', name, this.brokers.map((candidate) => candidate.name).join(', '));
    }
    return broker;
  }

  /** Makes a topic on all brokers or some; one that is there already gets these settings. */
  createTopic(name: string, options: TopicOptions = {}): void {
    checkTopic(name, options);
    const brokers = options.brokers === undefined ? this.brokers : options.brokers.map((broker) => this.broker(broker));
    for (const broker of brokers) broker.state.topics.put({ name, ...topicChange(options) });
    if (options.orderTopicConf !== undefined) this.#routes.orderTopicConfs.set(name, options.orderTopicConf);
  }

  /** Changes a topic where it is; what is left out stays. With `brokers` only there, making it where it is not. */
  updateTopic(name: string, options: TopicOptions): void {
    const brokers = options.brokers ?? this.#brokersWith(name).map((broker) => broker.name);
    this.createTopic(name, { ...options, brokers });
  }

  /** Deletes a topic with its messages and everybody's offsets in it. */
  deleteTopic(name: string): void {
    for (const broker of this.brokers) broker.state.deleteTopic(name);
    this.#routes.orderTopicConfs.delete(name);
  }

  /** The topics some broker has, without those every broker has. */
  topics(): string[] {
    const names = new Set(this.brokers.flatMap((broker) => broker.state.topics.userTopics()));
    return [...names].sort();
  }

  /** Makes or changes a consumer group's configuration on all brokers. */
  updateGroup(name: string, options: GroupOptions): void {
    for (const broker of this.brokers) broker.state.groups.put(name, options);
  }

  /**
   * Stores a message, and makes the topic if it may.
   *
   * @throws ValidationError when the topic, broker or queue isn't there, or the message is more than a broker takes
   */
  produce(topic: string, message: ProducedMessage): ProduceResult {
    if (this.#brokersWith(topic).length === 0 && this.#options.autoCreateTopicEnable) this.createTopic(topic);
    return this.#producer.produce(topic, message);
  }

  /** What is stored of a topic, `%DLQ%group` and `%RETRY%group` too, in the order of brokers, queues and offsets. */
  messages(topic: string, filter: { brokerName?: string; queueId?: number } = {}): StoredMessage[] {
    return this.brokers
      .filter((broker) => filter.brokerName === undefined || broker.name === filter.brokerName)
      .flatMap((broker) =>
        broker.state.store
          .entries(topic)
          .filter((entry) => filter.queueId === undefined || entry.queueId === filter.queueId)
          .flatMap((entry) => decodeMessages(entry.record, { brokerName: broker.name }).messages),
      );
  }

  /** Forgets the messages of a queue before an offset, as if their retention were over. */
  expireMessages(queue: MessageQueue, beforeOffset: number): void {
    this.broker(queue.brokerName).state.store.expireBefore(queue.topic, queue.queueId, beforeOffset);
  }

  /** The queue locks of a group, expired ones too. */
  locks(group: string): QueueLock[] {
    return this.brokers.flatMap((broker) => broker.state.locks.list(group));
  }

  /** The committed offsets of a group. */
  offsets(group: string): GroupOffset[] {
    return this.brokers.flatMap((broker) =>
      broker.state.offsets.list(group).map((committed) => ({ ...committed, brokerName: broker.name })),
    );
  }

  /** Commits an offset on behalf of a group. */
  setOffset(group: string, queue: MessageQueue, offset: number): void {
    this.broker(queue.brokerName).state.offsets.commit(group, queue.topic, queue.queueId, offset);
  }

  /** The consumers of a group at each broker. */
  members(group: string): GroupMember[] {
    return this.brokers.flatMap((broker) => {
      const members = broker.state.members.group(group);
      const subscriptions = [...(members?.subscriptions.values() ?? [])];
      return (members?.clientIds() ?? []).map((clientId) => ({ clientId, brokerName: broker.name, subscriptions }));
    });
  }

  /** Has a group consume from another place. Returns where, by queue. */
  resetOffset(group: string, topic: string, options: ResetOffsetOptions): QueueOffset[] {
    if ((options.timestamp === undefined) === (options.offset === undefined)) {
      throw new ValidationError('resetOffset', 'both or neither', 'one of timestamp and offset');
    }
    const { brokerName } = options;
    const brokers = this.#brokersWith(topic).filter((broker) => brokerName === undefined || broker.name === brokerName);
    return brokers.flatMap((broker) => {
      const offsets = resetOffsets(broker, topic, options);
      if (options.mode === 'push') pushReset(broker, group, topic, offsets, options);
      else {
        for (const { queue, offset } of offsets) {
          broker.state.offsets.assignReset(group, topic, queue.queueId, offset);
        }
      }
      return offsets;
    });
  }

  /**
   * Sends a request to a connected client and gives back its answer.
   *
   * @param clientIdOrGroup a client id, or a consumer or producer group for its first member
   * @param timeoutMs in real time
   * @throws StateError when nobody of that name is connected; TimeoutError, ConnectionError
   */
  async callClient(
    clientIdOrGroup: string,
    request: RequestCommand,
    timeoutMs: number = DEFAULT_CALL_TIMEOUT_MS,
  ): Promise<RemotingCommand> {
    return (this.#clientConnections(clientIdOrGroup)[0] as Connection).call(request, timeoutMs);
  }

  /**
   * Sends a one-way request to the connections of a client id, or of all members of a consumer or producer group.
   *
   * @returns how many connections got it
   * @throws StateError when nobody of that name is connected
   */
  tellClient(clientIdOrGroup: string, request: RequestCommand): number {
    const connections = this.#clientConnections(clientIdOrGroup);
    for (const connection of connections) connection.sendOneway(request);
    return connections.length;
  }

  /** Closes all connections and ports; nothing of the cluster keeps the process alive after that. Idempotent. */
  async stop(): Promise<void> {
    this.journal.close();
    this.faults.close();
    await Promise.all(this.#servers().map((server) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #servers(): (MockBroker | MockNameServer)[] {
    return [...this.nameServers, ...this.#allBrokers()];
  }

  /** Masters, then replicas. */
  #allBrokers(): MockBroker[] {
    return [...this.brokers, ...this.brokers.flatMap((broker) => broker.replicas)];
  }

  #brokersWith(topic: string): MockBroker[] {
    return this.brokers.filter((broker) => broker.state.topics.get(topic) !== undefined);
  }

  #clientConnections(clientIdOrGroup: string): Connection[] {
    const connections = this.#allBrokers().flatMap((broker) => broker.connectionsOf(clientIdOrGroup));
    if (connections.length === 0) {
      throw new StateError(`no client or group ${clientIdOrGroup} is connected`, { clientIdOrGroup });
    }
    return connections;
  }
}

function topicChange(options: TopicOptions): { readQueueNums?: number; writeQueueNums?: number; perm?: number } {
  const readQueueNums = options.readQueueNums ?? options.queues;
  const writeQueueNums = options.writeQueueNums ?? options.queues;
  return {
    ...(readQueueNums !== undefined && { readQueueNums }),
    ...(writeQueueNums !== undefined && { writeQueueNums }),
    ...(options.perm !== undefined && { perm: options.perm }),
  };
}

function resetOffsets(broker: MockBroker, topic: string, options: ResetOffsetOptions): QueueOffset[] {
  const { store, topics } = broker.state;
  const count = topics.get(topic)?.readQueueNums ?? 0;
  const queueIds = options.queueId === undefined ? Array.from({ length: count }, (_, id) => id) : [options.queueId];
  return queueIds.map((queueId) => {
    const { timestamp = 0 } = options;
    const byTime = (): number =>
      timestamp < 0
        ? store.maxOffset(topic, queueId)
        : (store.queue(topic, queueId)?.offsetByTime(timestamp, 'LOWER') ?? 0);
    return { queue: { topic, brokerName: broker.name, queueId }, offset: options.offset ?? byTime() };
  });
}

function pushReset(
  broker: MockBroker,
  group: string,
  topic: string,
  offsets: readonly QueueOffset[],
  options: ResetOffsetOptions,
): void {
  const request = resetConsumerClientOffset.encode({
    topic,
    group,
    timestamp: options.timestamp ?? -1,
    isForce: true,
    offsets,
    form: options.form ?? 'object-keys',
  });
  for (const connection of broker.state.members.group(group)?.channels.keys() ?? []) connection.sendOneway(request);
}
