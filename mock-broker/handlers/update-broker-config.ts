import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { isLocked } from '../settings/broker-settings.js';
import { decodePropertiesText } from '../wire/properties-text.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * UPDATE_BROKER_CONFIG (25): changes settings of the running broker.
 *
 *     request  body properties, see properties-text.ts
 *     reply    0 | 16 a setting nobody may change; brokers of 4.9 take them all
 */
export const updateBrokerConfigHandler: BrokerHandler = {
  code: RequestCode.UPDATE_BROKER_CONFIG,
  handle(broker, { command }) {
    const changes = decodePropertiesText(command.body);
    if (!broker.options.isV4 && isLocked(changes))
      return refuse(ResponseCode.NO_PERMISSION, 'Can not update config in black list.');
    broker.settings.update(changes);
    const permission = Number(changes.get('brokerPermission') ?? Number.NaN);
    if (Number.isInteger(permission)) broker.permission = permission;
    return { code: ResponseCode.SUCCESS };
  },
};
