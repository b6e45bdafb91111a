import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { encodeTopicList } from '../wire/topic-list.js';
import type { BrokerHandler } from './handler.js';

/**
 * GET_SYSTEM_TOPIC_LIST_FROM_BROKER (305): the topics nobody may make or delete.
 *
 *     request  nothing
 *     reply    0, body see topic-list.ts
 */
export const getSystemTopicListFromBrokerHandler: BrokerHandler = {
  code: RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER,
  handle(broker) {
    return { code: ResponseCode.SUCCESS, body: encodeTopicList(broker.topics.systemTopics()) };
  },
};
