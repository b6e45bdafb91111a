import { getEarliestMsgStoretime } from '../../lib/protocol/requests/get-earliest-msg-storetime.js';
import type { BrokerHandler } from './handler.js';

/** GET_EARLIEST_MSG_STORETIME (32): -1 for an empty queue. */
export const getEarliestMsgStoretimeHandler: BrokerHandler = {
  code: getEarliestMsgStoretime.code,
  handle(broker, { command }) {
    const { topic, queueId } = getEarliestMsgStoretime.decode(command);
    const timestamp = broker.store.queue(topic, queueId)?.entries[0]?.storeTimestamp ?? -1;
    return getEarliestMsgStoretime.encodeReply({ timestamp });
  },
};
