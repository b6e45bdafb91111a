import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { booleanField, jsonBody, optionalIntegerField, parseJsonObject, textField } from '../json-fields.js';
import { decodeEmptyReply, encodeEmptyReply } from './empty-reply.js';

/**
 * UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200), operator -> broker: settings of a consumer group.
 *
 *     request  body {"groupName","consumeEnable","consumeFromMinEnable","consumeBroadcastEnable",
 *                    "consumeMessageOrderly","retryQueueNums","retryMaxTimes","brokerId",
 *                    "whichBrokerWhenConsumeSlowly","notifyConsumerIdsChangedEnable","groupSysFlag",
 *                    "consumeTimeoutMinute"}
 *     reply    0
 *
 * What is left out gets the reference's default, which stands beside each field.
 */
export interface UpdateAndCreateSubscriptionGroupRequest {
  readonly groupName: string;
  /** Default true. */
  readonly consumeEnable?: boolean | undefined;
  /** Default true. */
  readonly consumeFromMinEnable?: boolean | undefined;
  /** Default true. */
  readonly consumeBroadcastEnable?: boolean | undefined;
  /** Default false. */
  readonly consumeMessageOrderly?: boolean | undefined;
  /** Queues of the retry topic. Default 1. */
  readonly retryQueueNums?: number | undefined;
  /** Deliveries over the retry topic before a message goes to the dead letters. Default 16. */
  readonly retryMaxTimes?: number | undefined;
  /** Default 0. */
  readonly brokerId?: number | undefined;
  /** The broker id to suggest to slow consumers. Default 1. */
  readonly whichBrokerWhenConsumeSlowly?: number | undefined;
  /** Default true. */
  readonly notifyConsumerIdsChangedEnable?: boolean | undefined;
  /** Default 0. */
  readonly groupSysFlag?: number | undefined;
  /** Default 15. */
  readonly consumeTimeoutMinute?: number | undefined;
}

export const updateAndCreateSubscriptionGroup: RequestType<UpdateAndCreateSubscriptionGroupRequest, void> = {
  code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,

  encode: (request) => ({
    code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
    body: jsonBody({
      brokerId: request.brokerId ?? 0,
      consumeBroadcastEnable: request.consumeBroadcastEnable ?? true,
      consumeEnable: request.consumeEnable ?? true,
      consumeFromMinEnable: request.consumeFromMinEnable ?? true,
      consumeMessageOrderly: request.consumeMessageOrderly ?? false,
      consumeTimeoutMinute: request.consumeTimeoutMinute ?? 15,
      groupName: request.groupName,
      groupSysFlag: request.groupSysFlag ?? 0,
      notifyConsumerIdsChangedEnable: request.notifyConsumerIdsChangedEnable ?? true,
      retryMaxTimes: request.retryMaxTimes ?? 16,
      retryQueueNums: request.retryQueueNums ?? 1,
      whichBrokerWhenConsumeSlowly: request.whichBrokerWhenConsumeSlowly ?? 1,
    }),
  }),

  decode: ({ body }) => {
    const object = parseJsonObject(body);
    return {
      brokerId: optionalIntegerField(object, 'brokerId') ?? 0,
      consumeBroadcastEnable: booleanField(object, 'consumeBroadcastEnable', true),
      consumeEnable: booleanField(object, 'consumeEnable', true),
      consumeFromMinEnable: booleanField(object, 'consumeFromMinEnable', true),
      consumeMessageOrderly: booleanField(object, 'consumeMessageOrderly', false),
      consumeTimeoutMinute: optionalIntegerField(object, 'consumeTimeoutMinute') ?? 15,
      groupName: textField(object, 'groupName'),
      groupSysFlag: optionalIntegerField(object, 'groupSysFlag') ?? 0,
      notifyConsumerIdsChangedEnable: booleanField(object, 'notifyConsumerIdsChangedEnable', true),
      retryMaxTimes: optionalIntegerField(object, 'retryMaxTimes') ?? 16,
      retryQueueNums: optionalIntegerField(object, 'retryQueueNums') ?? 1,
      whichBrokerWhenConsumeSlowly: optionalIntegerField(object, 'whichBrokerWhenConsumeSlowly') ?? 1,
    };
  },

  encodeReply: encodeEmptyReply,
  decodeReply: decodeEmptyReply(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP),
};
