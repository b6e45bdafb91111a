import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { encodePropertiesText } from '../wire/properties-text.js';

/**
 * GET_NAMESRV_CONFIG (319).
 *
 *     request  nothing
 *     reply    0, body properties, see properties-text.ts
 */
export const getNamesrvConfigHandler: Handler<RouteInfo> = {
  code: RequestCode.GET_NAMESRV_CONFIG,
  handle: (routes) => ({ code: ResponseCode.SUCCESS, body: encodePropertiesText(routes.settings.entries()) }),
};
