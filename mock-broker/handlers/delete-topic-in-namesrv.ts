import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';

/**
 * DELETE_TOPIC_IN_NAMESRV (216): forgets the topic's routes. The mock's name servers keep none, they ask the brokers;
 * a topic that its brokers have deleted is gone already.
 *
 *     request  ext topic
 *     reply    0
 */
export const deleteTopicInNamesrvHandler: Handler<RouteInfo> = {
  code: RequestCode.DELETE_TOPIC_IN_NAMESRV,
  handle: () => ({ code: ResponseCode.SUCCESS }),
};
