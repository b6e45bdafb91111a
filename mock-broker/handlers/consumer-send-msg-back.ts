import { ResponseCode } from '../../lib/protocol/codes.js';
import { dlqTopic, retryTopic } from '../../lib/protocol/namespace.js';
import { PropertyName } from '../../lib/protocol/properties.js';
import { consumerSendMsgBack } from '../../lib/protocol/requests/consumer-send-msg-back.js';
import { Perm } from '../../lib/protocol/topic-route.js';
import { seeFaq } from '../store/names.js';
import { putMessage } from '../store/put-message.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * CONSUMER_SEND_MSG_BACK (36): the message goes once more through the group's retry topic, later each time, or to its
 * dead letters when it was tried too often or the client asks for it.
 */
export const consumerSendMsgBackHandler: BrokerHandler = {
  code: consumerSendMsgBack.code,
  handle(broker, { command }) {
    const request = consumerSendMsgBack.decode(command);
    const group = broker.groups.find(request.group);
    if (group === undefined) {
      const remark = `subscription group not exist, ${request.group} ${seeFaq(broker.options.isV4)}`;
      return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark);
    }
    if ((broker.permission & Perm.WRITE) === 0) {
      const remark = `the broker[${broker.options.advertisedHost}] sending message is forbidden`;
      return refuse(ResponseCode.NO_PERMISSION, remark);
    }
    if (group.retryQueueNums <= 0) return consumerSendMsgBack.encodeReply();
    const retry = broker.topics.putIfAbsent(retryTopic(request.group), group.retryQueueNums);
    if ((retry.perm & Perm.WRITE) === 0) {
      return refuse(ResponseCode.NO_PERMISSION, `the topic[${retry.name}] sending message is forbidden`);
    }
    const original = broker.store.draftAt(request.offset);
    if (original === undefined) {
      return refuse(ResponseCode.SYSTEM_ERROR, `look message by offset failed, ${request.offset}`);
    }
    const { draft, offsetMsgId } = original;
    const isDead = draft.reconsumeTimes >= (request.maxReconsumeTimes ?? group.retryMaxTimes) || request.delayLevel < 0;
    const level = isDead ? 0 : request.delayLevel === 0 ? 3 + draft.reconsumeTimes : request.delayLevel;
    const topic = isDead ? broker.topics.putIfAbsent(dlqTopic(request.group), 1) : retry;
    const result = putMessage(broker, {
      ...draft,
      topic: topic.name,
      queueId: Math.floor(Math.random() * topic.writeQueueNums),
      reconsumeTimes: draft.reconsumeTimes + 1,
      properties: {
        ...draft.properties,
        [PropertyName.RETRY_TOPIC]: draft.properties[PropertyName.RETRY_TOPIC] ?? draft.topic,
        [PropertyName.ORIGIN_MESSAGE_ID]: draft.properties[PropertyName.ORIGIN_MESSAGE_ID] ?? offsetMsgId,
        [PropertyName.WAIT]: 'false',
        [PropertyName.DELAY]: String(level),
      },
    });
    return 'refused' in result
      ? refuse(ResponseCode.SYSTEM_ERROR, result.refused.remark)
      : consumerSendMsgBack.encodeReply();
  },
};
