import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { encodeKvTable } from '../wire/kv-table.js';
import { refuse } from './handler.js';

/**
 * GET_KVLIST_BY_NAMESPACE (219).
 *
 *     request  ext namespace
 *     reply    0, body see kv-table.ts | 22
 */
export const getKvlistByNamespaceHandler: Handler<RouteInfo> = {
  code: RequestCode.GET_KVLIST_BY_NAMESPACE,
  handle(routes, { command }) {
    const namespace = command.extFields['namespace'] ?? 'null';
    const table = routes.keyValues.all(namespace);
    if (table === undefined) {
      return refuse(ResponseCode.QUERY_NOT_FOUND, `No config item, Namespace: ${namespace}`);
    }
    return { code: ResponseCode.SUCCESS, body: encodeKvTable(table) };
  },
};
