import type { JsonObject } from './json-fields.js';
import { arrayField, asObject, asString, booleanField, integerField, objectField } from './json-fields.js';
import { optionalIntegerField, optionalTextField, parseJsonObject, textField } from './json-fields.js';
import { ProtocolError } from '../errors.js';

/**
 * Where a topic's queues are: what name servers answer a route request with.
 *
 *     {"orderTopicConf":"broker-a:4;broker-b:4",
 *      "queueDatas":[{"brokerName","readQueueNums","writeQueueNums","perm","topicSysFlag"}],
 *      "brokerDatas":[{"cluster","brokerName","brokerAddrs":{"0":"host:port"},"enableActingMaster"}],
 *      "filterServerTable":{}, "topicQueueMappingByBroker":{...}}
 *
 * The keys of `brokerAddrs` come unquoted to a client of a version below 401 that did not ask for standard JSON.
 */

/** Bits of {@link QueueData.perm}. */
export const Perm = { INHERIT: 1, WRITE: 2, READ: 4, PRIORITY: 8 } as const;

/** The broker id of a master; replicas have greater ones. */
export const MASTER_ID = 0;

export interface QueueData {
  readonly brokerName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** Bits of {@link Perm}. */
  readonly perm: number;
  readonly topicSysFlag: number;
}

export interface BrokerData {
  readonly cluster: string;
  readonly brokerName: string;
  /** Broker id -> `host:port`. */
  readonly brokerAddrs: Readonly<Record<number, string>>;
  readonly enableActingMaster: boolean;
}

export interface TopicRouteData {
  /** `broker:queues` joined by `;`: a fixed layout for ordered topics that outlives brokers. */
  readonly orderTopicConf?: string | undefined;
  readonly queueDatas: readonly QueueData[];
  readonly brokerDatas: readonly BrokerData[];
  /** The broker names of a static topic's mapping; absent for any other topic. */
  readonly staticTopicBrokers?: readonly string[] | undefined;
}

/** Whether the topic's queues are logical ones, mapped to brokers by a table. */
export function isStaticTopic(route: TopicRouteData): boolean {
  return route.staticTopicBrokers !== undefined && route.staticTopicBrokers.length > 0;
}

/** @throws ProtocolError when the body can't be read */
export function decodeTopicRoute(body: Buffer): TopicRouteData {
  const object = parseJsonObject(body);
  const staticTopicBrokers = Object.keys(objectField(object, 'topicQueueMappingByBroker'));
  return {
    orderTopicConf: optionalTextField(object, 'orderTopicConf'),
    queueDatas: arrayField(object, 'queueDatas').map(parseQueueData),
    brokerDatas: arrayField(object, 'brokerDatas').map(parseBrokerData),
    staticTopicBrokers: staticTopicBrokers.length === 0 ? undefined : staticTopicBrokers,
  };
}

/** @param options.unquotedKeys write the keys of `brokerAddrs` as the reference does for old clients, default false */
export function encodeTopicRoute(route: TopicRouteData, options: { unquotedKeys?: boolean } = {}): Buffer {
  const standard = JSON.stringify({
    brokerDatas: route.brokerDatas.map(brokerDataJson),
    filterServerTable: {},
    ...(route.orderTopicConf !== undefined && { orderTopicConf: route.orderTopicConf }),
    queueDatas: route.queueDatas,
    ...(route.staticTopicBrokers !== undefined && {
      topicQueueMappingByBroker: Object.fromEntries(route.staticTopicBrokers.map((name) => [name, {}])),
    }),
  });
  return Buffer.from(options.unquotedKeys === true ? unquoteIntegerKeys(standard) : standard);
}

export function parseBrokerData(value: unknown): BrokerData {
  const object = asObject(value, 'brokerDatas');
  const brokerAddrs: Record<number, string> = {};
  for (const [id, address] of Object.entries(objectField(object, 'brokerAddrs'))) {
    if (!/^\d{1,15}$/.test(id)) {
      throw new ProtocolError('ERR_ROCKETMQ_FIELD_MALFORMED', 'a key of brokerAddrs is no broker id', { key: id });
    }
    brokerAddrs[Number(id)] = asString(address, 'brokerAddrs');
  }
  return {
    cluster: optionalTextField(object, 'cluster') ?? '',
    brokerName: textField(object, 'brokerName'),
    brokerAddrs,
    enableActingMaster: booleanField(object, 'enableActingMaster', false),
  };
}

export function brokerDataJson(data: BrokerData): JsonObject {
  return {
    brokerAddrs: data.brokerAddrs,
    brokerName: data.brokerName,
    cluster: data.cluster,
    enableActingMaster: data.enableActingMaster,
  };
}

function parseQueueData(value: unknown): QueueData {
  const object = asObject(value, 'queueDatas');
  return {
    brokerName: textField(object, 'brokerName'),
    readQueueNums: integerField(object, 'readQueueNums'),
    writeQueueNums: integerField(object, 'writeQueueNums'),
    perm: integerField(object, 'perm'),
    topicSysFlag: optionalIntegerField(object, 'topicSysFlag') ?? 0,
  };
}

/** `{"0":` -> `{0:`. Only a key is followed by a colon, and only a broker id consists of digits. */
export function unquoteIntegerKeys(json: string): string {
  return json.replace(/([{,])"(\d+)":/g, '$1$2:');
}
