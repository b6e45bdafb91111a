import { optionalBoolean, optionalInteger, requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import type { RemotingCommand, RequestCommand } from '../command.js';
import { RequestCode } from '../codes.js';
import { encodeSendReply, sendReplyDecoder } from './send-message.js';
import type { SendMessageReply, SendMessageRequest } from './send-message.js';

/**
 * SEND_MESSAGE_V2 (310), producer -> master: SEND_MESSAGE with its fields under one letter each.
 *
 *     request  ext a producerGroup, b topic, c defaultTopic, d defaultTopicQueueNums, e queueId, f sysFlag,
 *                  g bornTimestamp, h flag, i properties?, j reconsumeTimes?, k unitMode?, l maxReconsumeTimes?,
 *                  m batch?, n brokerName?
 *              body = the message's body
 *     reply    as of SEND_MESSAGE
 */
export const sendMessageV2: RequestType<SendMessageRequest, SendMessageReply> = {
  code: RequestCode.SEND_MESSAGE_V2,
  encode: (request) => encodeShortNames(RequestCode.SEND_MESSAGE_V2, request),
  decode: decodeShortNames,
  encodeReply: encodeSendReply,
  decodeReply: sendReplyDecoder(RequestCode.SEND_MESSAGE_V2),
};

export function encodeShortNames(code: number, request: SendMessageRequest): RequestCommand {
  return {
    code,
    extFields: {
      a: request.producerGroup,
      b: request.topic,
      c: request.defaultTopic,
      d: String(request.defaultTopicQueueNums),
      e: String(request.queueId),
      f: String(request.sysFlag),
      g: String(request.bornTimestamp),
      h: String(request.flag),
      i: request.properties,
      j: String(request.reconsumeTimes),
      k: String(request.unitMode),
      l: request.maxReconsumeTimes?.toString(),
      m: String(request.batch),
      n: request.brokerName,
    },
    body: request.body,
  };
}

export function decodeShortNames({ extFields, body }: RemotingCommand): SendMessageRequest {
  return {
    producerGroup: requireText(extFields, 'a'),
    topic: requireText(extFields, 'b'),
    defaultTopic: requireText(extFields, 'c'),
    defaultTopicQueueNums: requireInteger(extFields, 'd'),
    queueId: requireInteger(extFields, 'e'),
    sysFlag: requireInteger(extFields, 'f'),
    bornTimestamp: requireInteger(extFields, 'g'),
    flag: requireInteger(extFields, 'h'),
    properties: extFields['i'] ?? '',
    reconsumeTimes: optionalInteger(extFields, 'j') ?? 0,
    unitMode: optionalBoolean(extFields, 'k') ?? false,
    maxReconsumeTimes: optionalInteger(extFields, 'l'),
    batch: optionalBoolean(extFields, 'm') ?? false,
    brokerName: extFields['n'],
    body,
  };
}
