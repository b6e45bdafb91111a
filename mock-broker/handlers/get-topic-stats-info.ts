import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { encodeTopicStats, type TopicOffset } from '../wire/topic-stats.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * GET_TOPIC_STATS_INFO (202): where the topic's queues begin and end here.
 *
 *     request  ext topic
 *     reply    0, body see topic-stats.ts | 17
 */
export const getTopicStatsInfoHandler: BrokerHandler = {
  code: RequestCode.GET_TOPIC_STATS_INFO,
  handle(broker, { command }) {
    const topic = requireText(command.extFields, 'topic');
    const config = broker.topics.get(topic);
    if (config === undefined) return refuse(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
    const { store } = broker;
    const count = Math.max(config.readQueueNums, config.writeQueueNums);
    const offsets = Array.from({ length: count }, (_, queueId) => {
      const maxOffset = store.maxOffset(topic, queueId);
      const offset: TopicOffset = {
        lastUpdateTimestamp: maxOffset > 0 ? store.storeTimestamp(topic, queueId, maxOffset - 1) : 0,
        maxOffset,
        minOffset: store.minOffset(topic, queueId),
      };
      return [{ topic, brokerName: broker.name, queueId }, offset] as const;
    });
    const putTps = broker.options.isV4 ? undefined : broker.traffic.topicPutTps(topic);
    return { code: ResponseCode.SUCCESS, body: encodeTopicStats(offsets, putTps) };
  },
};
