import { type BrokerData, Perm, type QueueData, type TopicRouteData } from '../lib/protocol/topic-route.js';
import type { MockBroker } from './broker.js';
import { CLUSTER_NAME } from './broker-state.js';
import { nameServerHandlers } from './handlers/index.js';
import { notSupported } from './server/exchange.js';
import { MockServer, type ServerEnvironment } from './server/server.js';

/** What name servers know: where each topic's queues are. Read from the brokers at each request, so never stale. */
export class RouteInfo {
  /** Whether requests are answered the way 4.9 does. */
  readonly isV4: boolean;
  readonly #brokers: readonly MockBroker[];
  /** Fixed layouts, by topic. */
  readonly orderTopicConfs = new Map<string, string>();

  constructor(brokers: readonly MockBroker[], isV4: boolean) {
    this.isV4 = isV4;
    this.#brokers = brokers;
  }

  /** undefined when no registered broker has the topic. */
  route(topic: string): TopicRouteData | undefined {
    const queueDatas: QueueData[] = [];
    const brokers: MockBroker[] = [];
    for (const broker of this.#registered()) {
      const config = broker.state.topics.get(topic);
      if (config === undefined) continue;
      const { readQueueNums, writeQueueNums, sysFlag: topicSysFlag } = config;
      const perm = config.perm & (broker.state.permission | Perm.INHERIT);
      queueDatas.push({ brokerName: broker.name, readQueueNums, writeQueueNums, perm, topicSysFlag });
      brokers.push(broker);
    }
    if (brokers.length === 0) return undefined;
    return {
      orderTopicConf: this.orderTopicConfs.get(topic),
      queueDatas,
      brokerDatas: brokers.map(brokerData),
      staticTopicBrokers: [],
    };
  }

  /** All registered brokers, whatever topics they have. */
  brokerDatas(): BrokerData[] {
    return this.#registered().map(brokerData);
  }

  #registered(): MockBroker[] {
    return this.#brokers.filter((broker) => instances(broker).length > 0);
  }
}

/** One name server. Several of them share what they know. */
export class MockNameServer {
  readonly #server: MockServer;
  readonly #advertisedHost: string;

  /** @internal */
  constructor(routes: RouteInfo, advertisedHost: string, environment: ServerEnvironment, port: number) {
    this.#advertisedHost = advertisedHost;
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
