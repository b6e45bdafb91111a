import { ResponseCode } from '../../lib/protocol/codes.js';
import { updateAndCreateSubscriptionGroup } from '../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { groupNameProblem } from '../store/names.js';
import { type BrokerHandler, refuse } from './handler.js';

/** UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200), on this broker. */
export const updateAndCreateSubscriptionGroupHandler: BrokerHandler = {
  code: updateAndCreateSubscriptionGroup.code,
  handle(broker, { command }) {
    const request = updateAndCreateSubscriptionGroup.decode(command);
    const problem = groupNameProblem(request.groupName);
    if (problem !== undefined) return refuse(ResponseCode.INVALID_PARAMETER, problem);
    broker.groups.put(request.groupName, {
      consumeEnable: request.consumeEnable ?? true,
      consumeBroadcastEnable: request.consumeBroadcastEnable ?? true,
      retryQueueNums: request.retryQueueNums ?? 1,
      retryMaxTimes: request.retryMaxTimes ?? 16,
      notifyConsumerIdsChangedEnable: request.notifyConsumerIdsChangedEnable ?? true,
    });
    return updateAndCreateSubscriptionGroup.encodeReply();
  },
};
