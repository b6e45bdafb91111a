import { getMinOffset } from '../../lib/protocol/requests/get-min-offset.js';
import type { BrokerHandler } from './handler.js';

/** GET_MIN_OFFSET (31). */
export const getMinOffsetHandler: BrokerHandler = {
  code: getMinOffset.code,
  handle(broker, { command }) {
    const { topic, queueId } = getMinOffset.decode(command);
    const reply = getMinOffset.encodeReply({ offset: broker.store.minOffset(topic, queueId) });
    // Brokers of 5.x say nothing here in as many words.
    return broker.options.isV4 ? reply : { ...reply, remark: '' };
  },
};
