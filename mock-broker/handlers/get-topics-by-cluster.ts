import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { CLUSTER_NAME } from '../broker-state.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { encodeTopicList } from '../wire/topic-list.js';

/**
 * GET_TOPICS_BY_CLUSTER (224): the topics of a cluster's brokers; none for a cluster nobody knows.
 *
 *     request  ext cluster
 *     reply    0, body see topic-list.ts
 */
export const getTopicsByClusterHandler: Handler<RouteInfo> = {
  code: RequestCode.GET_TOPICS_BY_CLUSTER,
  handle(routes, { command }) {
    const topics = command.extFields['cluster'] === CLUSTER_NAME ? routes.topics() : [];
    return { code: ResponseCode.SUCCESS, body: encodeTopicList(topics) };
  },
};
