import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';

/**
 * DELETE_KV_CONFIG (102).
 *
 *     request  ext namespace key
 *     reply    0
 */
export const deleteKvConfigHandler: Handler<RouteInfo> = {
  code: RequestCode.DELETE_KV_CONFIG,
  handle(routes, { command: { extFields } }) {
    routes.keyValues.delete(extFields['namespace'] ?? '', extFields['key'] ?? '');
    return { code: ResponseCode.SUCCESS };
  },
};
