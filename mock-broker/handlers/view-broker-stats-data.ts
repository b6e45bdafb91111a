import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * VIEW_BROKER_STATS_DATA (315): one statistic, over the last minute, hour and day.
 *
 *     request  ext statsName("TOPIC_PUT_NUMS", "GROUP_GET_NUMS" ...) statsKey(topic, topic@group, cluster)
 *     reply    0, body {"statsDay":{"avgpt","sum","tps"},"statsHour":...,"statsMinute":...}
 *              | 1 nothing was counted under these names
 */
export const viewBrokerStatsDataHandler: BrokerHandler = {
  code: RequestCode.VIEW_BROKER_STATS_DATA,
  handle(broker, { command }) {
    const name = command.extFields['statsName'] ?? 'null';
    const key = command.extFields['statsKey'] ?? 'null';
    const view = broker.traffic.view(name, key);
    if (view === undefined) return refuse(ResponseCode.SYSTEM_ERROR, `The stats <${name}> <${key}> not exist`);
    return { code: ResponseCode.SUCCESS, body: jsonBody(view) };
  },
};
