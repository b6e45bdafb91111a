import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { encodeTopicList } from '../wire/topic-list.js';

/**
 * GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206): every topic of every broker, the brokers' own included.
 *
 *     request  nothing
 *     reply    0, body see topic-list.ts
 */
export const getAllTopicListFromNameserverHandler: Handler<RouteInfo> = {
  code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
  handle: (routes) => ({ code: ResponseCode.SUCCESS, body: encodeTopicList(routes.topics()) }),
};
