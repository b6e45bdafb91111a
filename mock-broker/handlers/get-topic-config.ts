import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { topicConfigJson } from '../wire/topic-config.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * GET_TOPIC_CONFIG (351).
 *
 *     request  ext topic lo?
 *     reply    0, body see topic-config.ts | 17
 */
export const getTopicConfigHandler: BrokerHandler = {
  code: RequestCode.GET_TOPIC_CONFIG,
  since: MqVersion.V5_0_0,
  handle(broker, { command }) {
    const name = requireText(command.extFields, 'topic');
    const topic = broker.topics.get(name);
    if (topic === undefined) {
      return refuse(ResponseCode.TOPIC_NOT_EXIST, `No topic in this broker. topic: ${name}`);
    }
    return { code: ResponseCode.SUCCESS, body: jsonBody(topicConfigJson(topic, broker.options.isV4)) };
  },
};
