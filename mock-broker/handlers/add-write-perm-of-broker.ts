import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';

/**
 * ADD_WRITE_PERM_OF_BROKER (327): takes WIPE_WRITE_PERM_OF_BROKER back.
 *
 *     request  ext brokerName
 *     reply    0, ext addTopicCount
 */
export const addWritePermOfBrokerHandler: Handler<RouteInfo> = {
  code: RequestCode.ADD_WRITE_PERM_OF_BROKER,
  handle(routes, { command }) {
    const count = routes.addWritePermission(command.extFields['brokerName'] ?? '');
    return { code: ResponseCode.SUCCESS, extFields: { addTopicCount: String(count) } };
  },
};
