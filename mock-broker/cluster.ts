import { StateError, ValidationError } from '../lib/errors.js';
import type { RemotingCommand, RequestCommand } from '../lib/protocol/command.js';
import { decodeMessages, type StoredMessage } from '../lib/protocol/message.js';
import { MessageIdGenerator } from '../lib/protocol/message-id.js';
import type { MessageQueue } from '../lib/protocol/message-queue.js';
import type { QueueOffset } from '../lib/protocol/requests/offset-table.js';
import type { SubscriptionData } from '../lib/protocol/subscription.js';
import { MASTER_ID } from '../lib/protocol/topic-route.js';
import type { MockAdmin, MockAdminOptions } from './admin/server.js';
import { MockBroker } from './broker.js';
import type { MockClock } from './clock.js';
import { Faults } from './faults/faults.js';
import { Journal } from './journal.js';
import { JournalFile } from './journal-file.js';
import { MockNameServer, RouteInfo } from './name-server.js';
import { type BrokerOptions, checkTopic, freeBrokerName, type GroupOptions, type MockClusterOptions, type ResolvedOptions, resolveOptions, type TopicOptions } from './options.js'; // prettier-ignore
import { type ResetOffsetOptions, resetOffsetAt } from './reset-offset.js';
import { Producer, type ProducedMessage, type ProduceResult } from './produce.js';
import type { Connection } from './server/connection.js';
import type { ServerEnvironment } from './server/server.js';
import type { QueueLock } from './store/locks.js';
import type { Violation, ViolationKind } from './watchdogs/violation.js';
import { Watchdogs } from './watchdogs/watchdogs.js';

export type { ResetOffsetOptions } from './reset-offset.js';

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

const DEFAULT_CALL_TIMEOUT_MS = 10_000;

/** A whole RocketMQ cluster in this process: name servers and brokers, on real ports, that speak the real protocol. */
export class MockCluster {
  readonly clock: MockClock;
  /** Every frame that came and went. */
  readonly journal: Journal;
  /** What is to go wrong. */
  readonly faults = new Faults();
  readonly nameServers: readonly MockNameServer[];
  readonly #brokers: MockBroker[];
  readonly #environment: ServerEnvironment;
  readonly #watchdogs: Watchdogs | undefined;
  readonly #journalFile: JournalFile | undefined;
  readonly #options: ResolvedOptions;
  readonly #routes: RouteInfo;
  readonly #producer: Producer;
  readonly #admins: MockAdmin[] = [];

  private constructor(options: ResolvedOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.#watchdogs = options.watchdogs === false ? undefined : new Watchdogs(options.watchdogs);
    this.journal = new Journal(options.journalLimit, this.#watchdogs !== undefined);
    this.#journalFile = options.journalFile === undefined ? undefined : new JournalFile(options.journalFile);
    if (this.#journalFile !== undefined) this.journal.subscribe((entry) => this.#journalFile?.add(entry));
    let connections = 0;
    this.#environment = {
      host: options.host,
      clock: options.clock,
      journal: this.journal,
      faults: this.faults,
      version: options.version,
      serializeType: options.serializeType,
      tls: options.tls,
      watchdogs: this.#watchdogs,
      nextConnectionId: () => ++connections,
    };
    this.#brokers = [];
    this.#routes = new RouteInfo(this.#brokers, options.isV4);
    for (const [index, broker] of options.brokers.entries()) {
      this.#makeBroker(broker, options.brokerPort === 0 ? 0 : options.brokerPort + index);
    }
    this.nameServers = Array.from({ length: options.nameServers }, (_, index) => {
      return new MockNameServer(
        this.#routes,
        options.advertisedHost,
        this.#environment,
        index === 0 ? options.port : 0,
      );
    });
    const ids = new MessageIdGenerator('127.0.0.1');
    this.#producer = new Producer(this.#brokers, () => ids.next(this.clock.now()));
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
      const { http = false } = options;
      if (http !== false) await cluster.startAdmin(http === true ? {} : http);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** What it was started with. @internal */
  get options(): ResolvedOptions {
    return this.#options;
  }

  /** The masters; each knows its replicas. */
  get brokers(): readonly MockBroker[] {
    return this.#brokers;
  }

  /**
   * What the watchdogs found, the first thousand: each with the frames that prove it.
   */
  get violations(): readonly Violation[] {
    return this.#watchdogs?.violations ?? [];
  }

  /** How many violations of each kind there were; undefined without watchdogs. */
  get violationCounts(): Readonly<Record<ViolationKind, number>> | undefined {
    return this.#watchdogs?.counts;
  }

  /**
   * Calls back with each violation as it is found.
   *
   * @returns what ends that
   */
  onViolation(listener: (violation: Violation) => void): () => void {
    return this.#watchdogs?.onViolation(listener) ?? (() => undefined);
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

  /**
   * Adds a broker and starts it. It has the groups the cluster was started with, and no topics but those every broker has:
   * `createTopic` and `updateTopic` give it some.
   *
   * @param options `name`: the next of broker-a, broker-b and so on by default. `port`: 0, any free one, by default
   * @throws ValidationError for a name that is taken; rejects when the port is taken
   */
  async addBroker(options: Partial<BrokerOptions> & { readonly port?: number } = {}): Promise<MockBroker> {
    const { replicas = 0, port = 0, name = freeBrokerName(this.#brokers.map((broker) => broker.name)) } = options;
    if (name === '' || this.#brokers.some((broker) => broker.name === name)) {
      throw new ValidationError('brokerName', name, 'a name no other broker has');
    }
    const broker = this.#makeBroker({ name, replicas }, port);
    for (const [group, config] of Object.entries(this.#options.groups)) broker.state.groups.put(group, config);
    try {
      await Promise.all([broker, ...broker.replicas].map((instance) => instance.start()));
    } catch (error) {
      await this.removeBroker(name);
      throw error;
    }
    return broker;
  }

  /**
   * Stops a broker and its replicas for good, with all they have.
   *
   * @throws ValidationError when there is no broker of that name
   */
  async removeBroker(name: string): Promise<void> {
    const broker = this.broker(name);
    await Promise.all([broker, ...broker.replicas].map((instance) => instance.stop()));
    // Somebody else may have removed it meanwhile.
    const index = this.#brokers.indexOf(broker);
    if (index !== -1) this.#brokers.splice(index, 1);
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
    for (const broker of this.brokers) {
      this.#watchdogs?.offsetsMoved(broker.state, undefined, name);
      broker.state.deleteTopic(name);
    }
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
    this.broker(queue.brokerName).state.expireBefore(queue.topic, queue.queueId, beforeOffset);
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
    const { state } = this.broker(queue.brokerName);
    state.offsets.commit(group, queue.topic, queue.queueId, offset);
    this.#watchdogs?.offsetsMoved(state, group, queue.topic);
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
      this.#watchdogs?.offsetsMoved(broker.state, group, topic);
      return resetOffsetAt(broker, group, topic, options);
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

  /**
   * Starts the control plane over HTTP, with the console page; it ends with the cluster.
   *
   * @throws ValidationError for a host that others can reach without a token; rejects when the port is taken
   */
  async startAdmin(options: MockAdminOptions = {}): Promise<MockAdmin> {
    // What most clusters don't need is not loaded before.
    const { startAdmin } = await import('./admin/server.js');
    const admin = await startAdmin(this, options);
    this.#admins.push(admin);
    return admin;
  }

  /** The control planes that were started. */
  get admins(): readonly MockAdmin[] {
    return this.#admins;
  }

  /**
   * Closes all connections and ports; nothing of the cluster keeps the process alive after that. Idempotent.
   *
   * @throws WatchdogError, once everything is closed, when `watchdogs` is `'throw'` and something was found
   */
  async stop(): Promise<void> {
    this.journal.close();
    this.faults.close();
    await Promise.all([...this.#admins, ...this.#servers()].map((server) => server.stop()));
    this.#journalFile?.close();
    this.#watchdogs?.check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #makeBroker({ name, replicas }: Required<BrokerOptions>, port: number): MockBroker {
    const broker = new MockBroker(this.#options, this.#environment, { name, port, brokerId: MASTER_ID });
    for (let count = 0; count < replicas; count++) broker.addReplica(this.#environment);
    for (const { state } of [broker, ...broker.replicas]) {
      state.findQueues = (topic) => this.#routes.readableQueues(topic);
    }
    this.#brokers.push(broker);
    return broker;
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
