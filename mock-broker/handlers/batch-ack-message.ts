import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { decodeBatchAckMessage } from '../wire/ack-message.js';
import { acknowledge, isStored } from './ack-message.js';
import type { BrokerHandler } from './handler.js';

/** BATCH_ACK_MESSAGE (200151): popped messages are done. Those that are not there are passed over. */
export const batchAckMessageHandler: BrokerHandler = {
  code: RequestCode.BATCH_ACK_MESSAGE,
  since: MqVersion.V5_0_0,
  handle(broker, { command }) {
    const requests = decodeBatchAckMessage(command);
    if (requests.length === 0) return { code: ResponseCode.NO_MESSAGE };
    for (const request of requests) if (isStored(broker, request)) acknowledge(broker, request);
    return { code: ResponseCode.SUCCESS };
  },
};
