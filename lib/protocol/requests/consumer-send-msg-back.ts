import { optionalBoolean, optionalInteger, requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { decodeEmptyReply, encodeEmptyReply } from './empty-reply.js';

/**
 * CONSUMER_SEND_MSG_BACK (36), consumer -> broker: have the broker put a message it holds into the group's retry topic.
 * Ordered consumers of the reference send the message themselves instead.
 *
 *     request  ext offset group delayLevel originMsgId? originTopic? unitMode? maxReconsumeTimes? bname?
 *     reply    0
 */
export interface ConsumerSendMsgBackRequest {
  /** Commit log offset. */
  readonly offset: number;
  readonly group: string;
  /** 0: the broker chooses by the times of delivery; -1: at once to the dead letters. */
  readonly delayLevel: number;
  readonly originMsgId?: string | undefined;
  readonly originTopic?: string | undefined;
  readonly unitMode?: boolean | undefined;
  readonly maxReconsumeTimes?: number | undefined;
  readonly brokerName?: string | undefined;
}

export const consumerSendMsgBack: RequestType<ConsumerSendMsgBackRequest, void> = {
  code: RequestCode.CONSUMER_SEND_MSG_BACK,

  encode: (request) => ({
    code: RequestCode.CONSUMER_SEND_MSG_BACK,
    extFields: {
      offset: String(request.offset),
      group: request.group,
      delayLevel: String(request.delayLevel),
      originMsgId: request.originMsgId,
      originTopic: request.originTopic,
      unitMode: String(request.unitMode ?? false),
      maxReconsumeTimes: request.maxReconsumeTimes?.toString(),
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    offset: requireInteger(extFields, 'offset'),
    group: requireText(extFields, 'group'),
    delayLevel: requireInteger(extFields, 'delayLevel'),
    originMsgId: extFields['originMsgId'],
    originTopic: extFields['originTopic'],
    unitMode: optionalBoolean(extFields, 'unitMode') ?? false,
    maxReconsumeTimes: optionalInteger(extFields, 'maxReconsumeTimes'),
    brokerName: extFields['bname'],
  }),

  encodeReply: encodeEmptyReply,
  decodeReply: decodeEmptyReply(RequestCode.CONSUMER_SEND_MSG_BACK),
};
