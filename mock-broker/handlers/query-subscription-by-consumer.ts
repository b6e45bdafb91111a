import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { subscriptionJson } from '../../lib/protocol/subscription.js';
import type { BrokerHandler } from './handler.js';

/**
 * QUERY_SUBSCRIPTION_BY_CONSUMER (345): what a group wants of a topic.
 *
 *     request  ext group topic
 *     reply    0, body {"group","subscriptionData"?:SubscriptionData,"topic"}
 */
export const querySubscriptionByConsumerHandler: BrokerHandler = {
  code: RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER,
  since: MqVersion.V5_0_0,
  handle(broker, { command }) {
    const group = requireText(command.extFields, 'group');
    const topic = requireText(command.extFields, 'topic');
    const subscription = broker.members.subscription(group, topic);
    const subscriptionData = subscription === undefined ? undefined : subscriptionJson(subscription);
    return { code: ResponseCode.SUCCESS, body: jsonBody({ group, subscriptionData, topic }) };
  },
};
