import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { isLocked } from '../settings/broker-settings.js';
import { decodePropertiesText } from '../wire/properties-text.js';
import { refuse } from './handler.js';

/** Changing these is refused, as the reference does. */
const LOCKED = ['configBlackList', 'configStorePath', 'kvConfigPath', 'rocketmqHome'];

/**
 * UPDATE_NAMESRV_CONFIG (318): changes settings of the running name server. Only `orderMessageEnable` has an effect.
 *
 *     request  body properties, see properties-text.ts
 *     reply    0 | 16 a setting nobody may change; name servers of 4.9 take them all
 */
export const updateNamesrvConfigHandler: Handler<RouteInfo> = {
  code: RequestCode.UPDATE_NAMESRV_CONFIG,
  handle(routes, { command }) {
    const changes = decodePropertiesText(command.body);
    if (!routes.isV4 && isLocked(changes, LOCKED)) {
      return refuse(ResponseCode.NO_PERMISSION, 'Can not update config in black list.');
    }
    routes.settings.update(changes);
    return { code: ResponseCode.SUCCESS };
  },
};
