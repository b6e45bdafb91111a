import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { dataVersionJson } from '../wire/data-version.js';
import { topicConfigJson } from '../wire/topic-config.js';
import type { BrokerHandler } from './handler.js';

/**
 * GET_ALL_TOPIC_CONFIG (21): every topic of the broker, its own included.
 *
 *     request  nothing
 *     reply    0, ext totalTopicNum, body {"dataVersion","mappingDataVersion","topicConfigTable":{topic:TopicConfig},
 *              "topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{}}
 *
 * Brokers of 4.9 answer with the version and the table alone.
 */
export const getAllTopicConfigHandler: BrokerHandler = {
  code: RequestCode.GET_ALL_TOPIC_CONFIG,
  handle(broker) {
    const topics = broker.topics.all();
    const { startedAt } = broker.traffic;
    const { isV4 } = broker.options;
    const table = {
      dataVersion: dataVersionJson(broker.topics.changes, startedAt, isV4),
      topicConfigTable: Object.fromEntries(topics.map((topic) => [topic.name, topicConfigJson(topic, isV4)])),
    };
    if (isV4) return { code: ResponseCode.SUCCESS, body: jsonBody(table) };
    return {
      code: ResponseCode.SUCCESS,
      extFields: { totalTopicNum: String(topics.length) },
      body: jsonBody({
        ...table,
        mappingDataVersion: dataVersionJson(0, startedAt, isV4),
        topicQueueMappingDetailMap: {},
        topicQueueMappingInfoMap: {},
      }),
    };
  },
};
