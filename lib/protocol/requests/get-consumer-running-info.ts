import { optionalBoolean, requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { arrayField, asObject, booleanField, integerField, messageQueueMapField } from '../json-fields.js';
import { stringifyMessageQueueMap, numberField, objectField, optionalIntegerField } from '../json-fields.js';
import { optionalTextField, parseJsonObject, textMapField } from '../json-fields.js';
import type { MessageQueue } from '../message-queue.js';
import { setProperty } from '../own-property.js';
import { parseSubscription, subscriptionJson } from '../subscription.js';
import type { SubscriptionData } from '../subscription.js';

/**
 * GET_CONSUMER_RUNNING_INFO (307), broker -> consumer: what an operator's tools show about it.
 *
 *     request  ext consumerGroup clientId jstackEnable?
 *     reply    0, body {"jstack"?,"mqPopTable":{},"mqTable":{MessageQueue:ProcessQueueInfo},"properties":{},
 *                       "statusTable":{topic:ConsumeStatus},"subscriptionSet":[SubscriptionData],"userConsumerInfo":{}}
 *              | 1 the group is not here
 *
 * The keys of `mqTable` are bare objects, see `stringifyMessageQueueMap`.
 */
export interface GetConsumerRunningInfoRequest {
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly jstackEnable?: boolean | undefined;
}

export interface GetConsumerRunningInfoReply {
  /** `PROP_NAMESERVER_ADDR`, `PROP_CONSUME_TYPE`, `PROP_CLIENT_VERSION`, `PROP_CONSUMEORDERLY` and others. */
  readonly properties: Readonly<Record<string, string>>;
  readonly subscriptions: readonly SubscriptionData[];
  readonly queues: readonly { readonly queue: MessageQueue; readonly info: ProcessQueueInfo }[];
  readonly statusByTopic: Readonly<Record<string, ConsumeStatus>>;
  readonly userConsumerInfo?: Readonly<Record<string, string>> | undefined;
  /** What the consumer is doing, as text, when it was asked for. */
  readonly jstack?: string | undefined;
}

/** Field names are those of the wire. Times are ms since 1970. */
export interface ProcessQueueInfo {
  readonly commitOffset: number;
  readonly cachedMsgMinOffset: number;
  readonly cachedMsgMaxOffset: number;
  readonly cachedMsgCount: number;
  readonly cachedMsgSizeInMiB: number;
  readonly transactionMsgMinOffset: number;
  readonly transactionMsgMaxOffset: number;
  readonly transactionMsgCount: number;
  readonly locked: boolean;
  readonly tryUnlockTimes: number;
  readonly lastLockTimestamp: number;
  /** The wire's own spelling. */
  readonly droped: boolean;
  readonly lastPullTimestamp: number;
  readonly lastConsumeTimestamp: number;
}

/** RT in milliseconds, TPS in messages a second. */
export interface ConsumeStatus {
  readonly pullRT: number;
  readonly pullTPS: number;
  readonly consumeRT: number;
  readonly consumeOKTPS: number;
  readonly consumeFailedTPS: number;
  readonly consumeFailedMsgs: number;
}

export const getConsumerRunningInfo: RequestType<GetConsumerRunningInfoRequest, GetConsumerRunningInfoReply> = {
  code: RequestCode.GET_CONSUMER_RUNNING_INFO,

  encode: (request) => ({
    code: RequestCode.GET_CONSUMER_RUNNING_INFO,
    extFields: {
      consumerGroup: request.consumerGroup,
      clientId: request.clientId,
      jstackEnable: String(request.jstackEnable ?? false),
    },
  }),

  decode: ({ extFields }) => ({
    consumerGroup: requireText(extFields, 'consumerGroup'),
    clientId: requireText(extFields, 'clientId'),
    jstackEnable: optionalBoolean(extFields, 'jstackEnable') ?? false,
  }),

  encodeReply: (info) => ({
    code: ResponseCode.SUCCESS,
    body: Buffer.from(stringifyInfo(info)),
  }),

  decodeReply: (command) => {
    const object = parseJsonObject(requireSuccess(RequestCode.GET_CONSUMER_RUNNING_INFO, command).body);
    const statusByTopic: Record<string, ConsumeStatus> = {};
    for (const [topic, status] of Object.entries(objectField(object, 'statusTable'))) {
      setProperty(statusByTopic, topic, parseConsumeStatus(status));
    }
    return {
      properties: textMapField(object, 'properties'),
      subscriptions: arrayField(object, 'subscriptionSet').map(parseSubscription),
      queues: messageQueueMapField(object, 'mqTable', parseProcessQueueInfo).map((entry) => {
        return { queue: entry.queue, info: entry.value };
      }),
      statusByTopic,
      userConsumerInfo: textMapField(object, 'userConsumerInfo'),
      jstack: optionalTextField(object, 'jstack'),
    };
  },
};

function stringifyInfo(info: GetConsumerRunningInfoReply): string {
  const queues = stringifyMessageQueueMap(info.queues.map((entry) => [entry.queue, entry.info]));
  const rest = JSON.stringify({
    mqPopTable: {},
    properties: info.properties,
    statusTable: info.statusByTopic,
    subscriptionSet: info.subscriptions.map(subscriptionJson),
    userConsumerInfo: info.userConsumerInfo ?? {},
    jstack: info.jstack,
  });
  return `{"mqTable":${queues},${rest.slice(1)}`;
}

function parseProcessQueueInfo(value: unknown): ProcessQueueInfo {
  const object = asObject(value, 'mqTable');
  const integer = (name: string): number => optionalIntegerField(object, name) ?? 0;
  return {
    commitOffset: integerField(object, 'commitOffset'),
    cachedMsgMinOffset: integer('cachedMsgMinOffset'),
    cachedMsgMaxOffset: integer('cachedMsgMaxOffset'),
    cachedMsgCount: integer('cachedMsgCount'),
    cachedMsgSizeInMiB: integer('cachedMsgSizeInMiB'),
    transactionMsgMinOffset: integer('transactionMsgMinOffset'),
    transactionMsgMaxOffset: integer('transactionMsgMaxOffset'),
    transactionMsgCount: integer('transactionMsgCount'),
    locked: booleanField(object, 'locked', false),
    tryUnlockTimes: integer('tryUnlockTimes'),
    lastLockTimestamp: integer('lastLockTimestamp'),
    droped: booleanField(object, 'droped', false),
    lastPullTimestamp: integer('lastPullTimestamp'),
    lastConsumeTimestamp: integer('lastConsumeTimestamp'),
  };
}

function parseConsumeStatus(value: unknown): ConsumeStatus {
  const object = asObject(value, 'statusTable');
  return {
    pullRT: numberField(object, 'pullRT'),
    pullTPS: numberField(object, 'pullTPS'),
    consumeRT: numberField(object, 'consumeRT'),
    consumeOKTPS: numberField(object, 'consumeOKTPS'),
    consumeFailedTPS: numberField(object, 'consumeFailedTPS'),
    consumeFailedMsgs: numberField(object, 'consumeFailedMsgs'),
  };
}
