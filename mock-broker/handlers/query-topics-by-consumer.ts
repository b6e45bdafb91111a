import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { encodeTopicList } from '../wire/topic-list.js';
import type { BrokerHandler } from './handler.js';

/**
 * QUERY_TOPICS_BY_CONSUMER (343): the topics a group has committed offsets in.
 *
 *     request  ext group
 *     reply    0, body see topic-list.ts
 */
export const queryTopicsByConsumerHandler: BrokerHandler = {
  code: RequestCode.QUERY_TOPICS_BY_CONSUMER,
  since: MqVersion.V5_0_0,
  handle(broker, { command }) {
    const topics = broker.offsets.topicsOf(requireText(command.extFields, 'group'));
    return { code: ResponseCode.SUCCESS, body: encodeTopicList(topics, broker.address) };
  },
};
