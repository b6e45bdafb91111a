import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { optionalBoolean, requireText } from '../../lib/protocol/requests/request-type.js';
import type { BrokerHandler } from './handler.js';

/**
 * DELETE_SUBSCRIPTIONGROUP (207): the configuration of a group, and its offsets if that is asked for.
 *
 *     request  ext groupName cleanOffset?("false")
 *     reply    0
 */
export const deleteSubscriptionGroupHandler: BrokerHandler = {
  code: RequestCode.DELETE_SUBSCRIPTIONGROUP,
  handle(broker, { command }) {
    const group = requireText(command.extFields, 'groupName');
    broker.deleteGroup(group, { cleanOffsets: optionalBoolean(command.extFields, 'cleanOffset') ?? false });
    return { code: ResponseCode.SUCCESS };
  },
};
