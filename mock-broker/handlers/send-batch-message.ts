import { sendBatchMessage } from '../../lib/protocol/requests/send-batch-message.js';
import type { BrokerHandler } from './handler.js';
import { receiveMessage } from './send-message.js';

/** SEND_BATCH_MESSAGE (320). */
export const sendBatchMessageHandler: BrokerHandler = {
  code: sendBatchMessage.code,
  handle: (broker, exchange) => receiveMessage(broker, exchange, sendBatchMessage.decode(exchange.command)),
};
