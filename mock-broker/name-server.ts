import { type BrokerData, Perm, type QueueData, type TopicRouteData } from '../lib/protocol/topic-route.js';
import type { MessageQueue } from '../lib/protocol/message-queue.js';
import type { MockBroker } from './broker.js';
import { CLUSTER_NAME } from './broker-state.js';
import { nameServerHandlers } from './handlers/index.js';
import { notSupported } from './server/exchange.js';
import { MockServer, type ServerEnvironment } from './server/server.js';
import { NAME_SERVER_DEFAULTS } from './settings/name-server-defaults.js';
import { Settings } from './settings/settings.js';
import { KeyValues } from './store/key-values.js';

/** Where operators' tools put the layouts of ordered topics. */
const ORDER_TOPIC_CONFIG = 'ORDER_TOPIC_CONFIG';

/** What name servers know: where each topic's queues are. Read from the brokers at each request, so never stale. */
export class RouteInfo {
  /** Whether requests are answered the way 4.9 does. */
  readonly isV4: boolean;
  readonly #brokers: readonly MockBroker[];
  /** Fixed layouts, by topic. */
  readonly orderTopicConfs: Map<string, string>;
  /** What operators put there. */
  readonly keyValues: KeyValues;
  /** What operators can change while it runs. */
  readonly settings: Settings;
  /** Brokers whose topics routes call read only. */
  readonly #withoutWrite: Set<string>;
  /** Where one name server knows it differently. */
  readonly #own: OwnRoutes | undefined;

  /**
   * @param shared what name servers have in common; made when it is left out
   * @param own what this one has for itself
   */
  constructor(brokers: readonly MockBroker[], isV4: boolean, shared?: RouteInfo, own?: OwnRoutes) {
    this.isV4 = isV4;
    this.#brokers = brokers;
    this.orderTopicConfs = shared?.orderTopicConfs ?? new Map<string, string>();
    this.keyValues = shared?.keyValues ?? new KeyValues();
    this.settings = shared?.settings ?? new Settings(NAME_SERVER_DEFAULTS, {});
    this.#withoutWrite = shared?.withoutWrite ?? new Set<string>();
    this.#own = own;
  }

  /** @internal */
  get withoutWrite(): Set<string> {
    return this.#withoutWrite;
  }

  /** The same for one name server that may know some of it differently. */
  withOwn(own: OwnRoutes): RouteInfo {
    return new RouteInfo(this.#brokers, this.isV4, this, own);
  }

  /** undefined when no registered broker has the topic. */
  route(topic: string): TopicRouteData | undefined {
    if (this.#own?.has(topic) === true) return this.#own.route(topic);
    const queueDatas: QueueData[] = [];
    const brokers: MockBroker[] = [];
    for (const broker of this.#registered()) {
      const config = broker.state.topics.get(topic);
      if (config === undefined) continue;
      const { readQueueNums, writeQueueNums, sysFlag: topicSysFlag } = config;
      const allowed = broker.state.permission & (this.#withoutWrite.has(broker.name) ? ~Perm.WRITE : ~0);
      const perm = config.perm & (allowed | Perm.INHERIT);
      queueDatas.push({ brokerName: broker.name, readQueueNums, writeQueueNums, perm, topicSysFlag });
      brokers.push(broker);
    }
    if (brokers.length === 0) return undefined;
    return {
      orderTopicConf: this.#orderTopicConf(topic),
      queueDatas,
      brokerDatas: brokers.map(brokerData),
    };
  }

  /** All topics of registered brokers, the brokers' own included. */
  topics(): string[] {
    return [...new Set(this.#registered().flatMap((broker) => broker.state.topics.all().map(({ name }) => name)))];
  }

  /** Has routes say that a broker's topics may not be written to. Returns how many topics that are. */
  wipeWritePermission(brokerName: string): number {
    this.#withoutWrite.add(brokerName);
    return this.#topicCount(brokerName);
  }

  /** Takes {@link wipeWritePermission} back. */
  addWritePermission(brokerName: string): number {
    this.#withoutWrite.delete(brokerName);
    return this.#topicCount(brokerName);
  }

  /** The queues of a topic that may be read; undefined when no registered broker has the topic. */
  readableQueues(topic: string): MessageQueue[] | undefined {
    return this.route(topic)?.queueDatas.flatMap(({ brokerName, readQueueNums, perm }) => {
      const count = (perm & Perm.READ) === 0 ? 0 : readQueueNums;
      return Array.from({ length: count }, (_, queueId) => ({ topic, brokerName, queueId }));
    });
  }

  /** All registered brokers, whatever topics they have. */
  brokerDatas(): BrokerData[] {
    return this.#own?.brokerDatas ?? this.#registered().map(brokerData);
  }

  #topicCount(brokerName: string): number {
    return (
      this.#registered()
        .find(({ name }) => name === brokerName)
        ?.state.topics.all().length ?? 0
    );
  }

  /** Layouts that tools have put there count only where the name server is told to look at them, as with the reference. */
  #orderTopicConf(topic: string): string | undefined {
    const own = this.orderTopicConfs.get(topic);
    if (own !== undefined || !this.settings.flag('orderMessageEnable')) return own;
    return this.keyValues.get(ORDER_TOPIC_CONFIG, topic);
  }

  #registered(): MockBroker[] {
    return this.#brokers.filter((broker) => instances(broker).length > 0);
  }
}

/** What one name server has for itself: routes somebody gave it, and those of the moment it was frozen. */
class OwnRoutes {
  /** undefined for a topic that it doesn't know. */
  readonly overrides = new Map<string, TopicRouteData | undefined>();
  #frozen: ReadonlyMap<string, TopicRouteData | undefined> | undefined;
  #brokerDatas: BrokerData[] | undefined;

  get brokerDatas(): BrokerData[] | undefined {
    return this.#brokerDatas;
  }

  get frozen(): boolean {
    return this.#frozen !== undefined;
  }

  has(topic: string): boolean {
    return this.overrides.has(topic) || this.frozen;
  }

  route(topic: string): TopicRouteData | undefined {
    return this.overrides.has(topic) ? this.overrides.get(topic) : this.#frozen?.get(topic);
  }

  freeze(routes: RouteInfo): void {
    this.#frozen = new Map(routes.topics().map((topic) => [topic, routes.route(topic)]));
    this.#brokerDatas = routes.brokerDatas();
  }

  thaw(): void {
    this.#frozen = undefined;
    this.#brokerDatas = undefined;
  }
}

/** One name server. Several of them share what they know, but for what they were told to know differently. */
export class MockNameServer {
  readonly #server: MockServer;
  readonly #shared: RouteInfo;
  readonly #own = new OwnRoutes();
  readonly #advertisedHost: string;

  /** @internal */
  constructor(shared: RouteInfo, advertisedHost: string, environment: ServerEnvironment, port: number) {
    this.#advertisedHost = advertisedHost;
    this.#shared = shared;
    const routes = shared.withOwn(this.#own);
    this.#server = new MockServer(
      environment,
      {
        name: 'namesrv',
        handle: (exchange) => {
          const handler = nameServerHandlers.get(exchange.command.code);
          if (handler !== undefined) return handler.handle(routes, exchange);
          // A name server of 4.9 does not answer what it does not know.
          return routes.isV4 ? undefined : notSupported(exchange.command.code);
        },
        onClosed: () => undefined,
      },
      port,
    );
  }

  /** `host:port`, as clients are told. */
  get address(): string {
    return `${this.#advertisedHost}:${this.#server.port}`;
  }

  get running(): boolean {
    return this.#server.running;
  }

  /** Whether it says what it said when it was {@link freeze frozen}. */
  get frozen(): boolean {
    return this.#own.frozen;
  }

  /** The topics of which {@link override} has it say something. */
  get overrides(): readonly string[] {
    return [...this.#own.overrides.keys()];
  }

  /** What this name server says of a topic, or would if nothing were told it. */
  route(topic: string): TopicRouteData | undefined {
    return this.#shared.withOwn(this.#own).route(topic);
  }

  /**
   * Has this name server, and no other, say this of a topic.
   *
   * @param route undefined for "no such topic"
   */
  override(topic: string, route: TopicRouteData | undefined): void {
    this.#own.overrides.set(topic, route);
  }

  /** Takes {@link override} back: of a topic, or of all. */
  clearOverride(topic?: string): void {
    if (topic === undefined) this.#own.overrides.clear();
    else this.#own.overrides.delete(topic);
  }

  /** From now on it goes on saying what it says now, whatever happens to brokers and topics. */
  freeze(): void {
    this.#own.freeze(this.#shared);
  }

  /** Has it say again how things are. */
  thaw(): void {
    this.#own.thaw();
  }

  /** Listens; on the port it had before, if it had one. */
  start(): Promise<void> {
    return this.#server.start();
  }

  /** Closes all connections and the port. */
  stop(): Promise<void> {
    return this.#server.stop();
  }
}

/** The master and replicas of a name that clients can find. */
function instances(broker: MockBroker): MockBroker[] {
  return [broker, ...broker.replicas].filter((instance) => instance.registered);
}

function brokerData(broker: MockBroker): BrokerData {
  return {
    cluster: CLUSTER_NAME,
    brokerName: broker.name,
    brokerAddrs: Object.fromEntries(instances(broker).map(({ brokerId, address }) => [brokerId, address])),
    enableActingMaster: false,
  };
}
