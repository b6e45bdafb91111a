import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { CLUSTER_NAME } from '../broker-state.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { encodeTopicList } from '../wire/topic-list.js';

/**
 * GET_SYSTEM_TOPIC_LIST_FROM_NS (304): the names of clusters and brokers, which are topics too, and one broker to ask
 * for the others.
 *
 *     request  nothing
 *     reply    0, body see topic-list.ts
 */
export const getSystemTopicListFromNsHandler: Handler<RouteInfo> = {
  code: RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS,
  handle(routes) {
    const brokers = routes.brokerDatas();
    const names = brokers.length === 0 ? [] : [CLUSTER_NAME, ...brokers.map(({ brokerName }) => brokerName)];
    const address = Object.values(brokers[0]?.brokerAddrs ?? {})[0];
    return { code: ResponseCode.SUCCESS, body: encodeTopicList(names, address) };
  },
};
