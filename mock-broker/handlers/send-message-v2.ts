import { sendMessageV2 } from '../../lib/protocol/requests/send-message-v2.js';
import type { BrokerHandler } from './handler.js';
import { receiveMessage } from './send-message.js';

/** SEND_MESSAGE_V2 (310). */
export const sendMessageV2Handler: BrokerHandler = {
  code: sendMessageV2.code,
  handle: (broker, exchange) => receiveMessage(broker, exchange, sendMessageV2.decode(exchange.command)),
};
