import { RequestCode } from '../../lib/protocol/codes.js';
import { decodeShortNames } from '../../lib/protocol/requests/send-message-v2.js';
import type { BrokerHandler } from './handler.js';
import { receiveReply } from './send-reply-message.js';

/** SEND_REPLY_MESSAGE_V2 (325): SEND_REPLY_MESSAGE with its fields under one letter each. */
export const sendReplyMessageV2Handler: BrokerHandler = {
  code: RequestCode.SEND_REPLY_MESSAGE_V2,
  handle: (broker, exchange) => receiveReply(broker, exchange, decodeShortNames(exchange.command)),
};
