import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import type { BrokerState } from '../broker-state.js';
import { consumeStats } from '../store/consume-stats.js';
import { encodeConsumeStats } from '../wire/consume-stats.js';
import type { BrokerHandler } from './handler.js';

/**
 * GET_CONSUME_STATS (208): how far a group is in one topic, in several, or in all it has committed offsets in.
 *
 *     request  ext consumerGroup topic? topicList?(";" between them)
 *     reply    0, body see consume-stats.ts
 */
export const getConsumeStatsHandler: BrokerHandler = {
  code: RequestCode.GET_CONSUME_STATS,
  handle(broker, { command: { extFields } }) {
    const group = requireText(extFields, 'consumerGroup');
    const topics = topicsOf(broker, group, extFields['topic'] ?? '', extFields['topicList'] ?? '');
    const stats = topics.flatMap((topic) => {
      const config = broker.topics.get(topic);
      return config === undefined ? [] : [consumeStats(broker, group, topic, config.readQueueNums)];
    });
    const consumeTps = stats.reduce((sum, one) => sum + one.consumeTps, 0);
    const body = encodeConsumeStats({ consumeTps, offsets: stats.flatMap((one) => one.offsets) });
    return { code: ResponseCode.SUCCESS, body };
  },
};

/** A list of topics is taken as it is; else topics that a connected group has no subscription to are left out. */
function topicsOf(broker: BrokerState, group: string, topic: string, topicList: string): string[] {
  const wanted = topicList.split(';').filter((name) => name !== '');
  if (wanted.length > 0) return wanted;
  const candidates = topic.trim() === '' ? broker.offsets.topicsOf(group) : [topic];
  return candidates.filter((name) => !broker.members.ignores(group, name));
}
