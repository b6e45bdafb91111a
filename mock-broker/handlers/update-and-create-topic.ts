import { ResponseCode } from '../../lib/protocol/codes.js';
import { isSystemTopic } from '../../lib/protocol/namespace.js';
import { updateAndCreateTopic } from '../../lib/protocol/requests/update-and-create-topic.js';
import { topicNameProblem } from '../store/names.js';
import { type BrokerHandler, refuse } from './handler.js';

/** UPDATE_AND_CREATE_TOPIC (17), on this broker. */
export const updateAndCreateTopicHandler: BrokerHandler = {
  code: updateAndCreateTopic.code,
  handle(broker, { command }) {
    const request = updateAndCreateTopic.decode(command);
    const problem = topicNameProblem(request.topic) ?? systemTopicProblem(request.topic);
    if (problem !== undefined) return refuse(ResponseCode.INVALID_PARAMETER, problem);
    broker.topics.put({
      name: request.topic,
      readQueueNums: request.readQueueNums,
      writeQueueNums: request.writeQueueNums,
      perm: request.perm,
      sysFlag: request.topicSysFlag ?? 0,
      order: request.order ?? false,
    });
    return updateAndCreateTopic.encodeReply();
  },
};

/** Why a topic can be neither made nor deleted; undefined when it can. */
export function systemTopicProblem(topic: string): string | undefined {
  return isSystemTopic(topic) ? `The topic[${topic}] is conflict with system topic.` : undefined;
}
