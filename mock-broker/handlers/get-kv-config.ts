import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { refuse } from './handler.js';

/**
 * GET_KV_CONFIG (101).
 *
 *     request  ext namespace key
 *     reply    0, ext value | 22
 */
export const getKvConfigHandler: Handler<RouteInfo> = {
  code: RequestCode.GET_KV_CONFIG,
  handle(routes, { command: { extFields } }) {
    const namespace = extFields['namespace'] ?? 'null';
    const key = extFields['key'] ?? 'null';
    const value = routes.keyValues.get(namespace, key);
    if (value === undefined) {
      return refuse(ResponseCode.QUERY_NOT_FOUND, `No config item, Namespace: ${namespace} Key: ${key}`);
    }
    return { code: ResponseCode.SUCCESS, extFields: { value } };
  },
};
