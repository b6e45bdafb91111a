import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { isRetryTopic } from '../../lib/protocol/namespace.js';
import { decodeSetMessageRequestMode } from '../wire/query-assignment.js';
import { type BrokerHandler, refuse } from './handler.js';

/** SET_MESSAGE_REQUEST_MODE (401): whether members of the group pull or pop the topic, when they ask the broker. */
export const setMessageRequestModeHandler: BrokerHandler = {
  code: RequestCode.SET_MESSAGE_REQUEST_MODE,
  since: MqVersion.V5_0_0,
  handle(broker, { command }) {
    const request = decodeSetMessageRequestMode(command);
    if (isRetryTopic(request.topic)) {
      return refuse(ResponseCode.NO_PERMISSION, 'retry topic is not allowed to set mode');
    }
    if (broker.topics.get(request.topic) === undefined) {
      return refuse(ResponseCode.TOPIC_NOT_EXIST, `topic[${request.topic}] not exist`);
    }
    if (broker.groups.find(request.consumerGroup) === undefined) {
      return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, 'subscription group does not exist');
    }
    broker.pop.setMode(request);
    return { code: ResponseCode.SUCCESS };
  },
};
