import { optionalBoolean, requireSuccess } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import {
  arrayField,
  asObject,
  booleanField,
  jsonBody,
  optionalIntegerField,
  optionalTextField,
} from '../json-fields.js';
import { parseJsonObject, textField } from '../json-fields.js';
import { parseSubscription, subscriptionJson } from '../subscription.js';
import type { SubscriptionData } from '../subscription.js';

/**
 * HEART_BEAT (34), client -> every broker it knows: who I am and what my groups subscribe to.
 *
 *     request  body {"clientID","heartbeatFingerprint":0,"withoutSub":false,
 *                    "producerDataSet":[{"groupName"}],
 *                    "consumerDataSet":[{"groupName","consumeType","messageModel","consumeFromWhere","unitMode",
 *                                        "subscriptionDataSet":[SubscriptionData]}]}
 *     reply    0, ext IS_SUPPORT_HEART_BEAT_V2? IS_SUB_CHANGE?; the header's version is the broker's
 */
export interface HeartBeatRequest {
  readonly clientId: string;
  readonly producerGroups: readonly string[];
  readonly consumers: readonly ConsumerData[];
  /** Not 0 only in the shortened heartbeats of a client that uses version 2 of them. Default 0. */
  readonly fingerprint?: number | undefined;
  /** The subscriptions are left out, the broker keeps those it has. Default false. */
  readonly withoutSub?: boolean | undefined;
}

export type ConsumeType = 'CONSUME_ACTIVELY' | 'CONSUME_PASSIVELY' | 'CONSUME_POP';
export type MessageModel = 'CLUSTERING' | 'BROADCASTING';
export type ConsumeFromWhere = 'CONSUME_FROM_LAST_OFFSET' | 'CONSUME_FROM_FIRST_OFFSET' | 'CONSUME_FROM_TIMESTAMP';

/** One consumer group of a client. */
export interface ConsumerData {
  readonly groupName: string;
  /** A {@link ConsumeType}, or a name only newer clients know. */
  readonly consumeType: string;
  /** A {@link MessageModel}, or a name only newer clients know. */
  readonly messageModel: string;
  /** A {@link ConsumeFromWhere}, or a name of an older client. */
  readonly consumeFromWhere: string;
  readonly unitMode: boolean;
  readonly subscriptions: readonly SubscriptionData[];
}

export interface HeartBeatReply {
  /** The broker's `MQVersion` ordinal. Not part of the encoded reply: the sender's header carries it. */
  readonly version: number;
  /** The set of topics of a group has changed. */
  readonly isSubChange: boolean;
  readonly supportV2: boolean;
}

export const heartBeat: RequestType<HeartBeatRequest, HeartBeatReply> = {
  code: RequestCode.HEART_BEAT,

  encode: (request) => ({
    code: RequestCode.HEART_BEAT,
    body: jsonBody({
      clientID: request.clientId,
      consumerDataSet: request.consumers.map(consumerJson),
      heartbeatFingerprint: request.fingerprint ?? 0,
      producerDataSet: request.producerGroups.map((groupName) => ({ groupName })),
      withoutSub: request.withoutSub ?? false,
    }),
  }),

  decode: ({ body }) => {
    const object = parseJsonObject(body);
    return {
      clientId: textField(object, 'clientID'),
      producerGroups: arrayField(object, 'producerDataSet').map((producer) =>
        textField(asObject(producer, 'producerDataSet'), 'groupName'),
      ),
      consumers: arrayField(object, 'consumerDataSet').map(parseConsumer),
      fingerprint: optionalIntegerField(object, 'heartbeatFingerprint') ?? 0,
      withoutSub: booleanField(object, 'withoutSub', false),
    };
  },

  encodeReply: (reply) => ({
    code: ResponseCode.SUCCESS,
    extFields: {
      IS_SUPPORT_HEART_BEAT_V2: String(reply.supportV2),
      IS_SUB_CHANGE: String(reply.isSubChange),
    },
  }),

  decodeReply: (command) => {
    const { extFields, version } = requireSuccess(RequestCode.HEART_BEAT, command);
    return {
      version,
      isSubChange: optionalBoolean(extFields, 'IS_SUB_CHANGE') ?? false,
      supportV2: optionalBoolean(extFields, 'IS_SUPPORT_HEART_BEAT_V2') ?? false,
    };
  },
};

function consumerJson(consumer: ConsumerData): unknown {
  return {
    consumeFromWhere: consumer.consumeFromWhere,
    consumeType: consumer.consumeType,
    groupName: consumer.groupName,
    messageModel: consumer.messageModel,
    subscriptionDataSet: consumer.subscriptions.map(subscriptionJson),
    unitMode: consumer.unitMode,
  };
}

function parseConsumer(value: unknown): ConsumerData {
  const object = asObject(value, 'consumerDataSet');
  return {
    groupName: textField(object, 'groupName'),
    consumeType: optionalTextField(object, 'consumeType') ?? 'CONSUME_PASSIVELY',
    messageModel: optionalTextField(object, 'messageModel') ?? 'CLUSTERING',
    consumeFromWhere: optionalTextField(object, 'consumeFromWhere') ?? 'CONSUME_FROM_LAST_OFFSET',
    unitMode: booleanField(object, 'unitMode', false),
    subscriptions: arrayField(object, 'subscriptionDataSet').map(parseSubscription),
  };
}
