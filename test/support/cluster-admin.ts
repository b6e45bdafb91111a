import { asObject, parseJsonObject, textMapField } from '../../lib/protocol/json-fields.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../lib/protocol/command.js';
import { RawConnection, type RawOptions, type RawRequest } from './raw-connection.js';
import { until } from './until.js';

/** What tests ask of a real cluster's administration, by the protocol: milliseconds, where the Java tool takes seconds. */

export interface CreateTopicOptions {
  /** Only these brokers; all of the cluster by default. */
  readonly brokers?: readonly string[];
  /** Bits: 4 read, 2 write. Default 6. */
  readonly perm?: number;
  readonly readQueueNums?: number;
  readonly writeQueueNums?: number;
  /** 5.x: such as `{'message.type': 'FIFO'}`. A 4.x broker ignores it. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface CreateGroupOptions {
  readonly retryMaxTimes?: number;
  readonly consumeEnable?: boolean;
  readonly consumeBroadcastEnable?: boolean;
}

const UPDATE_BROKER_CONFIG = 25;

export class ClusterAdmin {
  readonly #namesrvAddr: string;
  readonly #raw: RawOptions;

  constructor(namesrvAddr: string, raw: RawOptions = {}) {
    this.#namesrvAddr = namesrvAddr;
    this.#raw = raw;
  }

  /** Master addresses by broker name, as the name server knows them now. */
  masters(): Promise<Map<string, string>> {
    return this.brokers(0);
  }

  /** The same for the brokers with this id. */
  async brokers(brokerId: number): Promise<Map<string, string>> {
    const reply = await this.ask(this.#namesrvAddr, { code: RequestCode.GET_BROKER_CLUSTER_INFO });
    const table = asObject(parseJsonObject(reply.body)['brokerAddrTable'] ?? {}, 'brokerAddrTable');
    const brokers = new Map<string, string>();
    for (const [name, data] of Object.entries(table)) {
      const address = textMapField(asObject(data, 'broker data'), 'brokerAddrs')[String(brokerId)];
      if (address !== undefined) brokers.set(name, address);
    }
    return brokers;
  }

  /** The protocol version the name server says it has: 513 is 5.5.0. */
  async protocolVersion(): Promise<number> {
    return (await this.ask(this.#namesrvAddr, { code: RequestCode.GET_BROKER_CLUSTER_INFO })).version;
  }

  /** Resolves when the broker answers requests. */
  async answers(address: string): Promise<void> {
    await RawConnection.once(
      address,
      { code: RequestCode.GET_MAX_OFFSET, ext: { topic: 'TBW102', queueId: 0 } },
      this.#raw,
    );
  }

  /** Makes a broker register in its name servers with all its topics, as it does when its permission is set. */
  async registerNow(address: string): Promise<void> {
    await this.ask(address, { code: UPDATE_BROKER_CONFIG, body: 'brokerPermission=6' });
  }

  async masterOf(brokerName: string): Promise<string> {
    const address = (await this.masters()).get(brokerName);
    if (address === undefined) throw new Error(`the name server knows no master of ${brokerName}`);
    return address;
  }

  /** Creates or changes a topic and waits until the name server's route says so. */
  async createTopic(name: string, queues: number, options: CreateTopicOptions = {}): Promise<void> {
    const readQueueNums = options.readQueueNums ?? queues;
    const writeQueueNums = options.writeQueueNums ?? queues;
    const perm = options.perm ?? 6;
    const masters = await this.masters();
    const brokers = options.brokers ?? [...masters.keys()];
    for (const broker of brokers) {
      const address = masters.get(broker);
      if (address === undefined) throw new Error(`the name server knows no master of ${broker}`);
      await this.ask(address, {
        code: RequestCode.UPDATE_AND_CREATE_TOPIC,
        ext: {
          topic: name,
          defaultTopic: 'TBW102',
          readQueueNums,
          writeQueueNums,
          perm,
          topicFilterType: 'SINGLE_TAG',
          topicSysFlag: 0,
          order: false,
          attributes: attributesText(options.attributes),
        },
      });
    }
    await until(`the route of ${name} on ${brokers.join(', ')}`, async () => {
      const queueDatas = await this.#queueDatas(name);
      const ready = brokers.every((broker) =>
        queueDatas.some(
          (data) =>
            data['brokerName'] === broker &&
            data['readQueueNums'] === readQueueNums &&
            data['writeQueueNums'] === writeQueueNums &&
            data['perm'] === perm,
        ),
      );
      return ready ? true : undefined;
    });
  }

  /** Creates or changes a consumer group on every master. */
  async createGroup(name: string, options: CreateGroupOptions = {}): Promise<void> {
    for (const address of (await this.masters()).values()) {
      await this.ask(address, {
        code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        body: {
          groupName: name,
          brokerId: 0,
          consumeBroadcastEnable: options.consumeBroadcastEnable ?? true,
          consumeEnable: options.consumeEnable ?? true,
          consumeFromMinEnable: true,
          notifyConsumerIdsChangedEnable: true,
          retryMaxTimes: options.retryMaxTimes ?? 16,
          retryQueueNums: 1,
          whichBrokerWhenConsumeSlowly: 1,
        },
      });
    }
  }

  /** One request to one address. @throws Error when the answer is no success */
  async ask(address: string, request: RawRequest): Promise<RemotingCommand> {
    const reply = await RawConnection.once(address, request, this.#raw);
    if (reply.code !== ResponseCode.SUCCESS) {
      throw new Error(`request ${request.code} to ${address} was answered with ${reply.code}: ${reply.remark ?? ''}`);
    }
    return reply;
  }

  async #queueDatas(topic: string): Promise<Record<string, unknown>[]> {
    const reply = await RawConnection.once(
      this.#namesrvAddr,
      { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, ext: { topic, acceptStandardJsonOnly: true } },
      this.#raw,
    );
    if (reply.code !== ResponseCode.SUCCESS) return [];
    const queueDatas = parseJsonObject(reply.body)['queueDatas'];
    return Array.isArray(queueDatas) ? (queueDatas as Record<string, unknown>[]) : [];
  }
}

function attributesText(attributes: CreateTopicOptions['attributes']): string | undefined {
  if (attributes === undefined) return undefined;
  return Object.entries(attributes)
    .map(([name, value]) => `+${name}=${value}`)
    .join(',');
}
