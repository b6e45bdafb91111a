import type { JsonObject } from '../../lib/protocol/json-fields.js';
import type { GroupConfig } from '../store/groups.js';

/**
 * A consumer group's configuration.
 *
 *     {"attributes":{},"brokerId","consumeBroadcastEnable","consumeEnable","consumeFromMinEnable",
 *      "consumeMessageOrderly","consumeTimeoutMinute","groupName","groupRetryPolicy":{"type":"CUSTOMIZED"},
 *      "groupSysFlag","notifyConsumerIdsChangedEnable","retryMaxTimes","retryQueueNums",
 *      "whichBrokerWhenConsumeSlowly"}
 *
 * Brokers of 4.9 have fewer settings.
 */
export function subscriptionGroupJson(group: GroupConfig, isV4: boolean): JsonObject {
  const { name: groupName, attributes, consumeMessageOrderly, consumeTimeoutMinute, groupSysFlag, ...rest } = group;
  const { retryPolicy: groupRetryPolicy, ...settings } = rest;
  if (isV4) return { groupName, ...settings };
  return {
    attributes,
    consumeMessageOrderly,
    consumeTimeoutMinute,
    groupName,
    groupRetryPolicy,
    groupSysFlag,
    ...settings,
  };
}
