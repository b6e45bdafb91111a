import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { type BrokerHandler, refuse } from './handler.js';
import { systemTopicProblem } from './update-and-create-topic.js';

/**
 * DELETE_TOPIC_IN_BROKER (215): the topic with its messages and everybody's offsets in it.
 *
 *     request  ext topic
 *     reply    0
 */
export const deleteTopicInBrokerHandler: BrokerHandler = {
  code: RequestCode.DELETE_TOPIC_IN_BROKER,
  handle(broker, { command }) {
    const topic = command.extFields['topic'] ?? '';
    if (topic.trim() === '') return refuse(ResponseCode.INVALID_PARAMETER, 'The specified topic is blank.');
    const problem = systemTopicProblem(broker, topic);
    if (problem !== undefined) return refuse(ResponseCode.INVALID_PARAMETER, problem);
    broker.deleteTopic(topic);
    return { code: ResponseCode.SUCCESS };
  },
};
