import type { JsonObject } from '../../lib/protocol/json-fields.js';
import type { TopicConfig } from '../store/topics.js';

/**
 * A topic's configuration.
 *
 *     {"attributes":{},"order":false,"perm":6,"readQueueNums":8,"topicFilterType":"SINGLE_TAG","topicName",
 *      "topicSysFlag":0,"writeQueueNums":8}
 *
 * Brokers of 4.9 know no attributes.
 */
export function topicConfigJson(topic: TopicConfig, isV4: boolean): JsonObject {
  return {
    ...(!isV4 && { attributes: topic.attributes }),
    order: topic.order,
    perm: topic.perm,
    readQueueNums: topic.readQueueNums,
    topicFilterType: 'SINGLE_TAG',
    topicName: topic.name,
    topicSysFlag: topic.sysFlag,
    writeQueueNums: topic.writeQueueNums,
  };
}
