import { searchOffsetByTimestamp } from '../../lib/protocol/requests/search-offset-by-timestamp.js';
import type { BrokerHandler } from './handler.js';

/** SEARCH_OFFSET_BY_TIMESTAMP (29). */
export const searchOffsetByTimestampHandler: BrokerHandler = {
  code: searchOffsetByTimestamp.code,
  handle(broker, { command }) {
    const { topic, queueId, timestamp, boundaryType } = searchOffsetByTimestamp.decode(command);
    const queue = broker.store.queue(topic, queueId);
    const found = queue?.offsetByTime(timestamp, boundaryType ?? 'LOWER') ?? 0;
    // Brokers of 4.9 answer a time after the last message with that message.
    const isPastEnd = found > 0 && found === queue?.maxOffset;
    const offset = broker.options.isV4 && isPastEnd ? found - 1 : found;
    return searchOffsetByTimestamp.encodeReply({ offset });
  },
};
