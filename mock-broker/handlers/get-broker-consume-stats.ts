import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { optionalBoolean } from '../../lib/protocol/requests/request-type.js';
import { consumeStats } from '../store/consume-stats.js';
import { encodeConsumeStatsList } from '../wire/consume-stats.js';
import type { BrokerHandler } from './handler.js';

/**
 * GET_BROKER_CONSUME_STATS (317): how far every group is in every topic.
 *
 *     request  ext isOrder("true" for topics of a fixed order only)
 *     reply    0, body see consume-stats.ts
 */
export const getBrokerConsumeStatsHandler: BrokerHandler = {
  code: RequestCode.GET_BROKER_CONSUME_STATS,
  handle(broker, { command }) {
    const onlyOrdered = optionalBoolean(command.extFields, 'isOrder') ?? false;
    const groups = broker.groups.all().map(({ name: group }) => {
      const stats = broker.offsets.topicsOf(group).flatMap((topic) => {
        const config = broker.topics.get(topic);
        if (config === undefined || (onlyOrdered && !config.order) || broker.members.ignores(group, topic)) return [];
        return [consumeStats(broker, group, topic, config.writeQueueNums, { withPulled: false })];
      });
      return [group, stats] as const;
    });
    return { code: ResponseCode.SUCCESS, body: encodeConsumeStatsList(broker.address, groups, broker.options.isV4) };
  },
};
