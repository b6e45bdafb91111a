import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { refuse } from './handler.js';

/**
 * PUT_KV_CONFIG (100).
 *
 *     request  ext namespace key value?(none: the key's value goes)
 *     reply    0 | 1
 */
export const putKvConfigHandler: Handler<RouteInfo> = {
  code: RequestCode.PUT_KV_CONFIG,
  handle(routes, { command: { extFields } }) {
    const { namespace, key, value } = extFields;
    if (namespace === undefined || key === undefined) {
      return refuse(ResponseCode.SYSTEM_ERROR, 'namespace or key is null');
    }
    routes.keyValues.put(namespace, key, value);
    return { code: ResponseCode.SUCCESS };
  },
};
