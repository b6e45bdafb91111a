import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { encodeSendReply, sendReplyDecoder } from './send-message.js';
import type { SendMessageReply, SendMessageRequest } from './send-message.js';
import { decodeShortNames, encodeShortNames } from './send-message-v2.js';

/**
 * SEND_BATCH_MESSAGE (320), producer -> master: several messages to consecutive offsets of one queue.
 *
 *     request  ext as of SEND_MESSAGE_V2, m = "true"
 *              body = *mini record, see `encodeBatch`
 *     reply    as of SEND_MESSAGE; msgId joined by commas, queueOffset of the first
 */
export const sendBatchMessage: RequestType<SendMessageRequest, SendMessageReply> = {
  code: RequestCode.SEND_BATCH_MESSAGE,
  encode: (request) => encodeShortNames(RequestCode.SEND_BATCH_MESSAGE, request),
  decode: decodeShortNames,
  encodeReply: encodeSendReply,
  decodeReply: sendReplyDecoder(RequestCode.SEND_BATCH_MESSAGE),
};
