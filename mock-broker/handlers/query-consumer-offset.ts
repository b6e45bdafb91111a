import { ResponseCode } from '../../lib/protocol/codes.js';
import { queryConsumerOffset } from '../../lib/protocol/requests/query-consumer-offset.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * QUERY_CONSUMER_OFFSET (14). A group without an offset is told 0 while the queue's first message is still at hand,
 * so a new group starts a young topic from its beginning, unless it forbids that.
 */
export const queryConsumerOffsetHandler: BrokerHandler = {
  code: queryConsumerOffset.code,
  handle(broker, { command }) {
    const { consumerGroup, topic, queueId, setZeroIfNotFound } = queryConsumerOffset.decode(command);
    const offset = broker.offsets.query(consumerGroup, topic, queueId);
    if (offset !== undefined && offset >= 0) return queryConsumerOffset.encodeReply({ offset });
    const { isV4 } = broker.options;
    if (setZeroIfNotFound === false && !isV4) {
      return refuse(ResponseCode.QUERY_NOT_FOUND, 'Not found, do not set to zero, maybe this group boot first');
    }
    // In 4.9 an empty queue, or none at all, counts as young too.
    const isYoung = isV4 ? broker.store.minOffset(topic, queueId) === 0 : broker.store.holdsOffsetZero(topic, queueId);
    if (isYoung) return queryConsumerOffset.encodeReply({ offset: 0 });
    return refuse(ResponseCode.QUERY_NOT_FOUND, 'Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first');
  },
};
