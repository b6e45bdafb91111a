import { searchOffsetByTimestamp } from '../../lib/protocol/requests/search-offset-by-timestamp.js';
import type { BrokerHandler } from './handler.js';

/** SEARCH_OFFSET_BY_TIMESTAMP (29). */
export const searchOffsetByTimestampHandler: BrokerHandler = {
  code: searchOffsetByTimestamp.code,
  handle(broker, { command }) {
    const { topic, queueId, timestamp, boundaryType } = searchOffsetByTimestamp.decode(command);
    const offset = broker.store.queue(topic, queueId)?.offsetByTime(timestamp, boundaryType ?? 'LOWER') ?? 0;
    return searchOffsetByTimestamp.encodeReply({ offset });
  },
};
