import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { subscriptionGroupJson } from '../wire/subscription-group.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * GET_SUBSCRIPTIONGROUP_CONFIG (352): makes the group up when that is allowed, as everything that asks for one does.
 *
 *     request  ext group
 *     reply    0, body see subscription-group.ts | 26
 */
export const getSubscriptionGroupConfigHandler: BrokerHandler = {
  code: RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG,
  since: MqVersion.V5_0_0,
  handle(broker, { command }) {
    const group = broker.groups.find(requireText(command.extFields, 'group'));
    if (group === undefined) return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, 'No group in this broker');
    return { code: ResponseCode.SUCCESS, body: jsonBody(subscriptionGroupJson(group, broker.options.isV4)) };
  },
};
