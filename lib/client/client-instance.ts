import debug from 'debug';
import type { Clock } from '../clock.js';
import { RouteError, StateError } from '../errors.js';
import type { ResolvedClientOptions } from '../options.js';
import type { RequestType } from '../protocol/requests/request-type.js';
import { MASTER_ID } from '../protocol/topic-route.js';
import { unregisterClient } from '../protocol/requests/unregister-client.js';
import { RemotingClient, type CallOptions } from '../remoting/remoting-client.js';
import { NameServers } from '../routing/name-servers.js';
import type { BrokerAddress } from '../routing/broker-addresses.js';
import { RouteTable } from '../routing/route-table.js';
import { serveBrokerRequests } from './broker-requests.js';
import type { ConsumerMember } from './consumer-member.js';
import { Heartbeats } from './heartbeats.js';

const log = debug('rocketmq:client');

/**
 * What the producers and consumers of one client id share: the connections, the routes, the heartbeat, and the requests
 * brokers send on their own. Lives from the first {@link ClientInstance.acquire} to the last {@link ClientInstance.release}.
 */
export class ClientInstance {
  static readonly #instances = new Set<ClientInstance>();

  readonly clientId: string;
  readonly clock: Clock;
  readonly remoting: RemotingClient;
  readonly nameServers: NameServers;
  readonly routes: RouteTable;
  readonly heartbeats: Heartbeats;
  readonly requestTimeoutMs: number;

  readonly #options: ResolvedClientOptions;
  /** When the connection to each broker was made, by the monotonic clock. */
  readonly #connectedAt = new Map<string, number>();
  /** By broker name, the address of its master as far as routes have told. */
  readonly #masters = new Map<string, string>();
  readonly #consumers = new Map<string, ConsumerMember>();
  /** Producer groups and how many producers of this instance use each. */
  readonly #producers = new Map<string, number>();
  #users = 0;
  #closing: Promise<void> | undefined;

  /**
   * The instance of `clientId`, made when there is none yet. Every call must be matched by one of {@link release}. The
   * same id may be in use in two clusters at once; which cluster it is, the name servers tell.
   *
   * @throws StateError when the id is in use in this cluster with other credentials, TLS settings or name servers
   */
  static acquire(clientId: string, options: ResolvedClientOptions): ClientInstance {
    for (const existing of ClientInstance.#instances) {
      if (existing.clientId !== clientId || existing.#closing !== undefined) continue;
      if (mayShareConnections(existing.#options, options)) {
        existing.#users++;
        return existing;
      }
      if (areOfDifferentClusters(existing.#options, options)) continue;
      throw new StateError(
        `the client id ${clientId} is in use with other name servers, credentials or TLS settings; ` +
          'give this one an instanceName of its own',
        { clientId },
      );
    }
    const instance = new ClientInstance(clientId, options);
    ClientInstance.#instances.add(instance);
    return instance;
  }

  private constructor(clientId: string, options: ResolvedClientOptions) {
    this.clientId = clientId;
    this.clock = options.clock;
    this.requestTimeoutMs = options.mqClientApiTimeout;
    this.#options = options;
    this.#users = 1;
    this.remoting = new RemotingClient({
      clock: options.clock,
      connectTimeoutMs: options.connectTimeout,
      language: options.language,
      ...(options.tls !== undefined && { tls: options.tls }),
      ...(options.acl !== undefined && { acl: options.acl }),
      ...(options.namespaceV2 !== undefined && { namespaceV2: options.namespaceV2 }),
    });
    this.nameServers = new NameServers({
      remoting: this.remoting,
      clock: options.clock,
      ...(options.namesrvAddr !== undefined && { namesrvAddr: options.namesrvAddr }),
      ...(options.namesrvUrl !== undefined && { namesrvUrl: options.namesrvUrl }),
    });
    this.routes = new RouteTable({
      nameServers: this.nameServers,
      clock: options.clock,
      pollIntervalMs: options.pollNameServerInterval,
    });
    this.heartbeats = new Heartbeats(this, options.heartbeatBrokerInterval);
    serveBrokerRequests(this);
    this.remoting.on('connected', (address) => this.#connected(address));
    this.routes.on('changed', (topic) => {
      log('route of %s changed', topic);
      this.#lookForNewMasters();
      for (const consumer of this.#consumers.values()) consumer.rebalanceSoon('route changed');
    });
  }

  get consumers(): IterableIterator<ConsumerMember> {
    return this.#consumers.values();
  }

  get producerGroups(): IterableIterator<string> {
    return this.#producers.keys();
  }

  /** Whether others would go on using it after one {@link release}. */
  get isShared(): boolean {
    return this.#users > 1;
  }

  get hasConsumers(): boolean {
    return this.#consumers.size > 0;
  }

  consumer(group: string): ConsumerMember | undefined {
    return this.#consumers.get(group);
  }

  /** @throws StateError when a consumer of the group lives in this instance already: it would be one member, not two */
  registerConsumer(consumer: ConsumerMember): void {
    if (this.#consumers.has(consumer.consumerGroup)) {
      throw new StateError(
        `the group ${consumer.consumerGroup} has a consumer with client id ${this.clientId} in this process already; ` +
          'give the second one an instanceName of its own',
        { consumerGroup: consumer.consumerGroup, clientId: this.clientId },
      );
    }
    this.#consumers.set(consumer.consumerGroup, consumer);
    this.heartbeats.start();
  }

  registerProducer(group: string): void {
    this.#producers.set(group, (this.#producers.get(group) ?? 0) + 1);
    this.heartbeats.start();
  }

  /**
   * Leaves the group at every broker, if it is this consumer that is registered for it. Best effort: brokers drop a
   * silent member by themselves.
   */
  async unregisterConsumer(consumer: ConsumerMember, timeoutMs: number): Promise<void> {
    const { consumerGroup } = consumer;
    if (this.#consumers.get(consumerGroup) !== consumer) return;
    this.#consumers.delete(consumerGroup);
    await this.#unregister({ consumerGroup }, timeoutMs);
  }

  async unregisterProducer(group: string, timeoutMs: number): Promise<void> {
    const users = this.#producers.get(group);
    if (users === undefined) return;
    if (users > 1) {
      this.#producers.set(group, users - 1);
      return;
    }
    this.#producers.delete(group);
    await this.#unregister({ producerGroup: group }, timeoutMs);
  }

  /** Since when the connection to an address stands, by the monotonic clock; `undefined` when there is none. */
  connectedSince(address: string): number | undefined {
    return this.remoting.isConnected(address) ? this.#connectedAt.get(address) : undefined;
  }

  /** The address of the broker's master. @throws RouteError `ERR_ROCKETMQ_NO_BROKER` when the routes know none */
  masterAddress(brokerName: string): string {
    const address = this.routes.brokerAddress(brokerName);
    if (address !== undefined) return address;
    throw new RouteError(
      'ERR_ROCKETMQ_NO_BROKER',
      `broker ${brokerName} has no master in any known route; it is asked again when its route changes`,
      { brokerName },
    );
  }

  /**
   * Resolves when the broker's master has taken a heartbeat on the connection there is. A client that locks queues must
   * be listed as a member: others may give back the locks of one that is not.
   *
   * @throws RouteError when there is no master; whatever the heartbeat fails with
   */
  async introduce(brokerName: string): Promise<void> {
    const address = this.masterAddress(brokerName);
    if (this.heartbeats.isTaken(address)) return;
    await (this.heartbeats.underWay(address) ?? this.heartbeats.beat(address));
  }

  /** One request to a broker's master. */
  async callMaster<Request, Reply>(
    brokerName: string,
    type: RequestType<Request, Reply>,
    request: Request,
    timeoutMs: number = this.requestTimeoutMs,
    more: Pick<CallOptions, 'signal' | 'sendBefore'> = {},
  ): Promise<Reply> {
    return this.remoting.call(this.masterAddress(brokerName), type, request, { timeoutMs, ...more });
  }

  /** Gives the instance back. The last one closes all connections and timers. */
  async release(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return this.#closing;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    ClientInstance.#instances.delete(this);
    this.heartbeats.close();
    this.routes.close();
    this.nameServers.close();
    await this.remoting.close();
  }

  #connected(address: string): void {
    this.#connectedAt.set(address, this.clock.now());
    if (this.#closing !== undefined) return;
    const broker = this.routes.allBrokers().find((one) => one.address === address);
    // A master that no route names just now, or as a replica, may be named again with the connection still there.
    for (const [brokerName, master] of this.#masters) if (master === address) this.#doubtLocksAt(brokerName);
    if (broker !== undefined) this.#greet(broker);
  }

  /** A replica that became the master may have a connection already. */
  #lookForNewMasters(): void {
    for (const broker of this.routes.allBrokers()) {
      const { brokerName, brokerId, address } = broker;
      if (brokerId !== MASTER_ID) continue;
      const former = this.#masters.get(brokerName);
      this.#masters.set(brokerName, address);
      if (former === undefined || former === address || !this.remoting.isConnected(address)) continue;
      this.#doubtLocksAt(brokerName);
      this.#greet(broker);
    }
  }

  #doubtLocksAt(brokerName: string): void {
    for (const consumer of this.#consumers.values()) consumer.masterConnected(brokerName);
  }

  /** Tells a broker who is on the line before anything else is asked of it, then lets the consumers look after it. */
  #greet({ brokerName, address }: BrokerAddress): void {
    // The connection may have been made for a heartbeat, which goes first then.
    const beating = this.heartbeats.underWay(address) ?? this.heartbeats.beat(address);
    beating.then(
      () => {
        for (const consumer of this.#consumers.values()) consumer.brokerBack(brokerName);
      },
      (error: unknown) => log('heartbeat after connecting to %s failed: %s', address, error),
    );
  }

  async #unregister(groups: { consumerGroup?: string; producerGroup?: string }, timeoutMs: number): Promise<void> {
    const request = { clientId: this.clientId, ...groups };
    // A heartbeat under way still names the group, and would make a member of it that nobody is.
    await this.heartbeats.settled();
    // A broker without a connection has dropped this client with it: opening one only to say goodbye helps nobody.
    const known = this.routes.allBrokers().filter((broker) => this.remoting.isConnected(broker.address));
    const calls = known.map((broker) => this.remoting.call(broker.address, unregisterClient, request, { timeoutMs }));
    for (const result of await Promise.allSettled(calls)) {
      if (result.status === 'rejected') log('unregister failed: %s', result.reason);
    }
  }
}

/** Whether connections of the one would have been made just so by the other. A function says what it is by itself only. */
function mayShareConnections(a: ResolvedClientOptions, b: ResolvedClientOptions): boolean {
  return (
    connectionFingerprint(a) === connectionFingerprint(b) && a.tls?.checkServerIdentity === b.tls?.checkServerIdentity
  );
}

/** Equal for options that may share connections, as far as they are data. */
function connectionFingerprint(options: ResolvedClientOptions): string {
  const { namesrvAddr, namesrvUrl, namespaceV2, tls, acl } = options;
  const addresses = namesrvAddr?.toSorted();
  return JSON.stringify({ addresses, namesrvUrl, namespaceV2, tls, acl }, (_key, value: unknown) =>
    Buffer.isBuffer(value) ? value.toString('base64') : value,
  );
}

/** Whether it is certain that these are not two ways to the same brokers, as far as addresses can tell. */
function areOfDifferentClusters(a: ResolvedClientOptions, b: ResolvedClientOptions): boolean {
  if (a.namesrvAddr !== undefined && b.namesrvAddr !== undefined) {
    return !a.namesrvAddr.some((address) => b.namesrvAddr?.includes(address));
  }
  return a.namesrvUrl !== undefined && b.namesrvUrl !== undefined && a.namesrvUrl !== b.namesrvUrl;
}
