import { EventEmitter } from 'node:events';
import createDebug from 'debug';
import pLimit from 'p-limit';
import type { Clock, Timer } from '../clock.js';
import { BrokerError, RouteError } from '../errors.js';
import { ResponseCode } from '../protocol/codes.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import { getRouteInfoByTopic } from '../protocol/requests/get-routeinfo-by-topic.js';
import { isStaticTopic, MASTER_ID, type TopicRouteData } from '../protocol/topic-route.js';
import { rethrowLater } from '../remoting/rethrow.js';
import { BrokerAddresses, type BrokerAddress } from './broker-addresses.js';
import type { NameServers } from './name-servers.js';
import { compareNames, publishQueues, subscribeQueues } from './topic-queues.js';

const log = createDebug('rocketmq:routing');

/** The reference's pollNameServerInterval. */
const POLL_INTERVAL_MS = 30_000;
/** The reference's timeout of a route request. */
const REQUEST_TIMEOUT_MS = 3_000;
/** Requests under way at once in a poll: a client of thousands of topics shall not flood its name server. */
const POLL_CONCURRENCY = 8;

export interface RouteTableOptions {
  readonly nameServers: NameServers;
  readonly clock: Clock;
  /** Milliseconds between the polls of tracked topics. @default 30000 */
  readonly pollIntervalMs?: number | undefined;
  /** Milliseconds a route request may take, over all name servers. @default 3000 */
  readonly requestTimeoutMs?: number | undefined;
}

/** A topic's route and the queues that follow from it. Replaced as a whole when it changes, never modified. */
export interface TopicRoute {
  readonly topic: string;
  readonly data: TopicRouteData;
  /** Where messages can be sent to. */
  readonly publishQueues: readonly MessageQueue[];
  /** Where messages can be consumed from, in the order of allocation. */
  readonly subscribeQueues: readonly MessageQueue[];
}

export interface RouteEvents {
  /** A topic's route became known or is another than before. */
  changed: [topic: string, route: TopicRoute];
  /** A poll could not read a topic's route. What was known of it stays. */
  refreshFailed: [topic: string, error: Error];
}

/**
 * What is known of topics and brokers. A topic is read by {@link fetch} and, while it is tracked, again every 30 s.
 */
export class RouteTable extends EventEmitter<RouteEvents> {
  readonly #nameServers: NameServers;
  readonly #clock: Clock;
  readonly #pollIntervalMs: number;
  readonly #requestTimeoutMs: number;
  readonly #routes = new Map<string, TopicRoute>();
  readonly #fetches = new Map<string, Promise<TopicRoute>>();
  readonly #tracked = new Map<string, number>();
  readonly #brokers = new BrokerAddresses();
  #pollTimer: Timer;
  #closed = false;

  constructor(options: RouteTableOptions) {
    super();
    this.#nameServers = options.nameServers;
    this.#clock = options.clock;
    this.#pollIntervalMs = options.pollIntervalMs ?? POLL_INTERVAL_MS;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  }

  /**
   * Asks a name server for a topic's route; callers at the same time share one request. A topic the name servers no
   * longer know keeps the route it had.
   *
   * @throws RouteError `ERR_ROCKETMQ_TOPIC_NOT_FOUND`, `ERR_ROCKETMQ_STATIC_TOPIC`, `ERR_ROCKETMQ_NO_NAME_SERVER`
   * @throws BrokerError for another refusal
   * @throws ProtocolError when the answer can't be read
   */
  fetch(topic: string): Promise<TopicRoute> {
    let fetching = this.#fetches.get(topic);
    if (fetching === undefined) {
      fetching = this.#fetch(topic).finally(() => this.#fetches.delete(topic));
      this.#fetches.set(topic, fetching);
    }
    return fetching;
  }

  /** The route as last read, undefined when it never was. */
  get(topic: string): TopicRoute | undefined {
    return this.#routes.get(topic);
  }

  /** Has a topic read again every 30 s from now on. Counted: it is over after as many {@link untrack}s. */
  track(topic: string): void {
    if (this.#closed) return;
    this.#tracked.set(topic, (this.#tracked.get(topic) ?? 0) + 1);
    this.#pollTimer ??= this.#clock.setTimeout(this.#poll, this.#pollIntervalMs);
  }

  /** Takes a {@link track} back. A topic nobody tracks any more is forgotten, and brokers only it named with it. */
  untrack(topic: string): void {
    const count = this.#tracked.get(topic);
    if (count === undefined) return;
    if (count > 1) {
      this.#tracked.set(topic, count - 1);
      return;
    }
    this.#tracked.delete(topic);
    this.#routes.delete(topic);
    this.#retainBrokers();
  }

  /** Reads all tracked topics now. Failures are told by `refreshFailed` and don't reject. */
  async refreshAll(): Promise<void> {
    const limit = pLimit(POLL_CONCURRENCY);
    await Promise.all([...this.#tracked.keys()].map((topic) => limit(() => this.#refresh(topic))));
  }

  /** The address of a broker by its id, the master's by default. Undefined while no route names it. */
  brokerAddress(brokerName: string, brokerId: number = MASTER_ID): string | undefined {
    return this.#brokers.get(brokerName, brokerId);
  }

  /** The broker with the preferred id, else its master, else the replica with the lowest id. */
  anyBrokerAddress(brokerName: string, preferId: number): { address: string; brokerId: number } | undefined {
    return this.#brokers.any(brokerName, preferId);
  }

  /** Every broker the known routes name, replicas too. */
  allBrokers(): BrokerAddress[] {
    return this.#brokers.all();
  }

  /** Ends the poll. Fetches under way end by themselves, without events. */
  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#pollTimer);
    this.#pollTimer = undefined;
    this.#tracked.clear();
  }

  readonly #poll = (): void => {
    void this.refreshAll().finally(() => {
      this.#pollTimer =
        this.#closed || this.#tracked.size === 0 ? undefined : this.#clock.setTimeout(this.#poll, this.#pollIntervalMs);
    });
  };

  async #refresh(topic: string): Promise<void> {
    if (!this.#tracked.has(topic)) return;
    try {
      await this.fetch(topic);
    } catch (error) {
      log('the route of %s could not be read: %O', topic, error);
      if (error instanceof Error) this.#tell(() => this.emit('refreshFailed', topic, error));
    }
  }

  async #fetch(topic: string): Promise<TopicRoute> {
    let data: TopicRouteData;
    try {
      data = await this.#nameServers.call(
        getRouteInfoByTopic,
        { topic, acceptStandardJsonOnly: true },
        { timeoutMs: this.#requestTimeoutMs },
      );
    } catch (error) {
      if (!(error instanceof BrokerError && error.responseCode === ResponseCode.TOPIC_NOT_EXIST)) throw error;
      return this.#unknown(topic, error);
    }
    if (isStaticTopic(data)) throw staticTopic(topic);
    return this.#learn({
      topic,
      data,
      publishQueues: publishQueues(topic, data),
      subscribeQueues: subscribeQueues(topic, data),
    });
  }

  #unknown(topic: string, error: BrokerError): TopicRoute {
    const known = this.#routes.get(topic);
    if (known !== undefined) {
      log('no name server knows %s any more; its last route is kept', topic);
      return known;
    }
    throw new RouteError(
      'ERR_ROCKETMQ_TOPIC_NOT_FOUND',
      `topic ${topic} does not exist: create it, or send to it where brokers create topics by themselves ` +
        '(autoCreateTopicEnable)',
      { topic },
      error,
    );
  }

  #learn(route: TopicRoute): TopicRoute {
    const known = this.#routes.get(route.topic);
    this.#brokers.learn(route.data.brokerDatas);
    if (known !== undefined && fingerprint(known.data) === fingerprint(route.data)) return known;
    this.#routes.set(route.topic, route);
    this.#retainBrokers();
    this.#tell(() => this.emit('changed', route.topic, route));
    return route;
  }

  #retainBrokers(): void {
    this.#brokers.retain([...this.#routes.values()].map((route) => route.data));
  }

  #tell(emit: () => void): void {
    if (this.#closed) return;
    try {
      emit();
    } catch (error) {
      rethrowLater(error);
    }
  }
}

/** Equal for routes that say the same, in whatever order. */
function fingerprint(data: TopicRouteData): string {
  return JSON.stringify([
    data.orderTopicConf ?? '',
    data.queueDatas
      .toSorted((a, b) => compareNames(a.brokerName, b.brokerName))
      .map((q) => [q.brokerName, q.readQueueNums, q.writeQueueNums, q.perm, q.topicSysFlag]),
    data.brokerDatas
      .toSorted((a, b) => compareNames(a.brokerName, b.brokerName))
      .map((b) => [b.brokerName, b.cluster, b.brokerAddrs, b.enableActingMaster]),
  ]);
}

function staticTopic(topic: string): RouteError {
  return new RouteError(
    'ERR_ROCKETMQ_STATIC_TOPIC',
    `topic ${topic} is a static one: its queues are mapped to brokers by a table, which this client can't follow; ` +
      'use a topic without a queue mapping',
    { topic },
  );
}
