import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';

/**
 * WIPE_WRITE_PERM_OF_BROKER (205): routes say from now on that none of the broker's topics may be written to.
 *
 *     request  ext brokerName
 *     reply    0, ext wipeTopicCount
 */
export const wipeWritePermOfBrokerHandler: Handler<RouteInfo> = {
  code: RequestCode.WIPE_WRITE_PERM_OF_BROKER,
  handle(routes, { command }) {
    const count = routes.wipeWritePermission(command.extFields['brokerName'] ?? '');
    return { code: ResponseCode.SUCCESS, extFields: { wipeTopicCount: String(count) } };
  },
};
