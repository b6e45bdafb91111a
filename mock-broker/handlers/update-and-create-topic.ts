import { ResponseCode } from '../../lib/protocol/codes.js';
import { updateAndCreateTopic } from '../../lib/protocol/requests/update-and-create-topic.js';
import type { BrokerState } from '../broker-state.js';
import { AttributeProblem, type Attributes, changeAttributes, parseAttributeChanges, TOPIC_ATTRIBUTES } from '../store/attributes.js'; // prettier-ignore
import { topicNameProblem } from '../store/names.js';
import { type BrokerHandler, refuse } from './handler.js';

/** UPDATE_AND_CREATE_TOPIC (17), on this broker. */
export const updateAndCreateTopicHandler: BrokerHandler = {
  code: updateAndCreateTopic.code,
  handle(broker, { command }) {
    const request = updateAndCreateTopic.decode(command);
    const problem = topicNameProblem(request.topic) ?? systemTopicProblem(broker, request.topic);
    if (problem !== undefined) return refuse(ResponseCode.INVALID_PARAMETER, problem);
    let attributes: Attributes | undefined;
    try {
      attributes = attributesOf(broker, request.topic, request.attributes);
    } catch (error) {
      if (error instanceof AttributeProblem) return refuse(ResponseCode.SYSTEM_ERROR, error.message);
      throw error;
    }
    if (attributes?.['message.type'] === 'MIXED') {
      return refuse(ResponseCode.INVALID_PARAMETER, 'MIXED message type is not supported.');
    }
    broker.topics.put({
      name: request.topic,
      readQueueNums: request.readQueueNums,
      writeQueueNums: request.writeQueueNums,
      perm: request.perm,
      sysFlag: request.topicSysFlag ?? 0,
      order: request.order ?? false,
      ...(attributes !== undefined && { attributes }),
    });
    // The reference forgets to take its default remark back.
    return { ...updateAndCreateTopic.encodeReply(), remark: 'not set any response code' };
  },
};

/** Brokers of 4.9 know no attributes. */
function attributesOf(broker: BrokerState, topic: string, changes: string | undefined): Attributes | undefined {
  if (broker.options.isV4 || changes === undefined) return undefined;
  return changeAttributes(TOPIC_ATTRIBUTES, broker.topics.get(topic)?.attributes, parseAttributeChanges(changes));
}

/** Why a topic can be neither made nor deleted; undefined when it can. */
export function systemTopicProblem(broker: BrokerState, topic: string): string | undefined {
  return broker.topics.isSystem(topic) ? `The topic[${topic}] is conflict with system topic.` : undefined;
}
