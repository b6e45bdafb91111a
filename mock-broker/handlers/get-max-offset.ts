import { getMaxOffset } from '../../lib/protocol/requests/get-max-offset.js';
import type { BrokerHandler } from './handler.js';

/** GET_MAX_OFFSET (30): 0 for a queue or topic that is not there. */
export const getMaxOffsetHandler: BrokerHandler = {
  code: getMaxOffset.code,
  handle(broker, { command }) {
    const { topic, queueId } = getMaxOffset.decode(command);
    return getMaxOffset.encodeReply({ offset: broker.store.maxOffset(topic, queueId) });
  },
};
