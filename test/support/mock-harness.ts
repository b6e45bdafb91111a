import { encodeProperties } from '../../lib/protocol/properties.js';
import type { ConsumerData } from '../../lib/protocol/requests/heart-beat.js';
import { heartBeat } from '../../lib/protocol/requests/heart-beat.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import type { PullMessageRequest } from '../../lib/protocol/requests/pull-message.js';
import type { SendMessageReply, SendMessageRequest } from '../../lib/protocol/requests/send-message.js';
import { sendMessageV2 } from '../../lib/protocol/requests/send-message-v2.js';
import { buildSubscription } from '../../lib/protocol/subscription.js';
import { MockCluster, type MockClusterOptions, type ViolationKind } from '../../mock-broker/index.js';
import { stopProvoked } from './provoked.js';
import { RawClient, type RawClientOptions } from './raw-client.js';

/** A mock cluster with raw connections to it, all of which end with it. */
export class MockHarness {
  readonly cluster: MockCluster;
  readonly #clients: RawClient[] = [];
  #provoked: readonly ViolationKind[] = [];

  private constructor(cluster: MockCluster) {
    this.cluster = cluster;
  }

  /** A cluster with the topic `Orders` of 4 queues, unless said otherwise; what watchdogs find fails the test. */
  static async start(options: MockClusterOptions = {}): Promise<MockHarness> {
    return new MockHarness(
      await MockCluster.start({ topics: { Orders: { queues: 4 } }, watchdogs: 'throw', ...options }),
    );
  }

  /** A connection to a broker. */
  connect(options: RawClientOptions = {}, brokerIndex = 0): Promise<RawClient> {
    const broker = this.cluster.brokers[brokerIndex];
    if (broker === undefined) throw new Error(`there is no broker ${brokerIndex}`);
    return this.connectTo(broker.address, options);
  }

  connectNameServer(options: RawClientOptions = {}): Promise<RawClient> {
    return this.connectTo(this.cluster.namesrvAddr.split(';')[0] ?? '', options);
  }

  /** This test has these rules broken on purpose: what watchdogs find of it is no failure, and must be found. */
  provokes(...kinds: readonly ViolationKind[]): void {
    this.#provoked = kinds;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await stopProvoked(this.cluster, this.#provoked);
  }

  async connectTo(address: string, options: RawClientOptions = {}): Promise<RawClient> {
    const client = await RawClient.connect(address, options);
    this.#clients.push(client);
    return client;
  }
}

export const TOPIC = 'Orders';
export const GROUP = 'billing';

export function queueOf(queueId: number, brokerName = 'broker-a', topic = TOPIC): MessageQueue {
  return { topic, brokerName, queueId };
}

/** A pull from the start of queue 0, that is not held and brings its own subscription to everything. */
export function pullOf(change: Partial<PullMessageRequest> = {}): PullMessageRequest {
  return {
    consumerGroup: GROUP,
    topic: TOPIC,
    queueId: 0,
    queueOffset: 0,
    maxMsgNums: 32,
    sysFlag: 4,
    commitOffset: 0,
    suspendTimeoutMillis: 0,
    subscription: '*',
    subVersion: 1,
    expressionType: 'TAG',
    ...change,
  };
}

/** The same, to be held for 15 s. */
export function holdOf(change: Partial<PullMessageRequest> = {}): PullMessageRequest {
  return pullOf({ sysFlag: 6, suspendTimeoutMillis: 15_000, ...change });
}

export function messageOf(
  change: Partial<Omit<SendMessageRequest, 'properties'>> & { properties?: Record<string, string> } = {},
): SendMessageRequest {
  const { properties = {}, ...rest } = change;
  return {
    producerGroup: 'producers',
    topic: TOPIC,
    defaultTopic: 'TBW102',
    defaultTopicQueueNums: 4,
    queueId: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    flag: 0,
    properties: encodeProperties(properties),
    reconsumeTimes: 0,
    unitMode: false,
    batch: false,
    body: Buffer.from('body'),
    ...rest,
  };
}

export function send(client: RawClient, change?: Parameters<typeof messageOf>[0]): Promise<SendMessageReply> {
  return client.call(sendMessageV2, messageOf(change));
}

/** A heartbeat of one clustering consumer of {@link GROUP}, subscribed to everything of the topics. */
export async function beat(
  client: RawClient,
  clientId: string,
  topics: readonly string[] = [TOPIC],
  change: Partial<ConsumerData> = {},
  subVersion = 1,
): Promise<void> {
  await client.call(heartBeat, {
    clientId,
    producerGroups: [],
    consumers: [
      {
        groupName: GROUP,
        consumeType: 'CONSUME_PASSIVELY',
        messageModel: 'CLUSTERING',
        consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
        unitMode: false,
        subscriptions: topics.map((topic) => buildSubscription(topic, '*', 'TAG', subVersion)),
        ...change,
      },
    ],
  });
}
