import { queryMessage } from '../../lib/protocol/requests/query-message.js';
import type { BrokerHandler } from './handler.js';

/** What the reference finds at most for a unique key. */
const MAX_FOR_UNIQUE_KEY = 32;

/** QUERY_MESSAGE (12): messages of a topic by one of their keys, or by their unique key. */
export const queryMessageHandler: BrokerHandler = {
  code: queryMessage.code,
  handle(broker, { command }) {
    const request = queryMessage.decode(command);
    const found = broker.store.byKey(request.topic, request.key, {
      limit: request.uniqueKey === true ? MAX_FOR_UNIQUE_KEY : request.maxNum,
      from: request.beginTimestamp,
      to: request.endTimestamp,
    });
    const last = found[found.length - 1];
    const reply = queryMessage.encodeReply({ body: Buffer.concat(found.map((entry) => entry.record)) });
    const extFields = {
      indexLastUpdateTimestamp: String(last?.storeTimestamp ?? 0),
      indexLastUpdatePhyoffset: String(last?.physicalOffset ?? 0),
    };
    return { ...reply, extFields };
  },
};
