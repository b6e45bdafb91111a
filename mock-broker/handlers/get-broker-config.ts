import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { BrokerState } from '../broker-state.js';
import { dataVersionJson } from '../wire/data-version.js';
import { encodePropertiesText } from '../wire/properties-text.js';
import type { BrokerHandler } from './handler.js';

/**
 * GET_BROKER_CONFIG (26).
 *
 *     request  nothing
 *     reply    0, ext version (JSON), body properties, see properties-text.ts
 */
export const getBrokerConfigHandler: BrokerHandler = {
  code: RequestCode.GET_BROKER_CONFIG,
  handle(broker) {
    const { settings, traffic } = broker;
    return {
      code: ResponseCode.SUCCESS,
      extFields: { version: JSON.stringify(dataVersionJson(settings.changes, traffic.startedAt, broker.options.isV4)) },
      body: encodePropertiesText(settings.entries().map(([name, value]) => [name, liveValue(broker, name) ?? value])),
    };
  },
};

/** What the mock knows better than its settings. */
function liveValue(broker: BrokerState, name: string): string | undefined {
  switch (name) {
    case 'brokerPermission':
      return String(broker.permission);
    case 'listenPort':
      return broker.address.slice(broker.address.lastIndexOf(':') + 1);
    default:
      return undefined;
  }
}
