import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { dataVersionJson } from '../wire/data-version.js';
import { subscriptionGroupJson } from '../wire/subscription-group.js';
import type { BrokerHandler } from './handler.js';

/**
 * GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201): every group the broker has a configuration of.
 *
 *     request  nothing
 *     reply    0, ext totalGroupNum (not 4.9), body {"dataVersion","forbiddenTable":{},
 *              "subscriptionGroupTable":{group:SubscriptionGroupConfig}}
 */
export const getAllSubscriptionGroupConfigHandler: BrokerHandler = {
  code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
  handle(broker) {
    const groups = broker.groups.all();
    const { isV4 } = broker.options;
    const table = groups.map((group) => [group.name, subscriptionGroupJson(group, isV4)] as const);
    return {
      code: ResponseCode.SUCCESS,
      ...(!isV4 && { extFields: { totalGroupNum: String(groups.length) } }),
      body: jsonBody({
        dataVersion: dataVersionJson(broker.groups.changes, broker.traffic.startedAt, isV4),
        ...(!isV4 && { forbiddenTable: {} }),
        subscriptionGroupTable: Object.fromEntries(table),
      }),
    };
  },
};
