import { ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../lib/protocol/command.js';
import { asObject, parseJsonObject, textMapField } from '../../lib/protocol/json-fields.js';
import { updateAndCreateSubscriptionGroup } from '../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import type { BrokerState } from '../broker-state.js';
import { AttributeProblem, type Attributes, changeAttributes, GROUP_ATTRIBUTES } from '../store/attributes.js';
import { groupNameProblem } from '../store/names.js';
import { type BrokerHandler, refuse } from './handler.js';

const DEFAULT_RETRY_POLICY = { type: 'CUSTOMIZED' };

/** UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200), on this broker. */
export const updateAndCreateSubscriptionGroupHandler: BrokerHandler = {
  code: updateAndCreateSubscriptionGroup.code,
  handle(broker, { command }) {
    const request = updateAndCreateSubscriptionGroup.decode(command);
    const problem = groupNameProblem(request.groupName);
    if (problem !== undefined) return refuse(ResponseCode.INVALID_PARAMETER, problem);
    let attributes: Attributes;
    try {
      attributes = attributesOf(broker, request.groupName, command);
    } catch (error) {
      if (error instanceof AttributeProblem) return refuse(ResponseCode.SYSTEM_ERROR, error.message);
      throw error;
    }
    const { groupRetryPolicy } = parseJsonObject(command.body);
    broker.groups.put(request.groupName, {
      consumeEnable: request.consumeEnable ?? true,
      consumeFromMinEnable: request.consumeFromMinEnable ?? true,
      consumeBroadcastEnable: request.consumeBroadcastEnable ?? true,
      consumeMessageOrderly: request.consumeMessageOrderly ?? false,
      retryQueueNums: request.retryQueueNums ?? 1,
      retryMaxTimes: request.retryMaxTimes ?? 16,
      notifyConsumerIdsChangedEnable: request.notifyConsumerIdsChangedEnable ?? true,
      brokerId: request.brokerId ?? 0,
      whichBrokerWhenConsumeSlowly: request.whichBrokerWhenConsumeSlowly ?? 1,
      groupSysFlag: request.groupSysFlag ?? 0,
      consumeTimeoutMinute: request.consumeTimeoutMinute ?? 15,
      // What came before counts no more, unlike with attributes.
      retryPolicy: asObject(groupRetryPolicy ?? DEFAULT_RETRY_POLICY, 'groupRetryPolicy'),
      attributes,
    });
    return updateAndCreateSubscriptionGroup.encodeReply();
  },
};

/** The attributes after the changes in a request, by names with a sign before them. */
function attributesOf(broker: BrokerState, group: string, command: RemotingCommand): Attributes {
  const changes = new Map(Object.entries(textMapField(parseJsonObject(command.body), 'attributes')));
  return changeAttributes(GROUP_ATTRIBUTES, broker.groups.get(group)?.attributes, changes);
}
