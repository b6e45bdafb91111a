import { MqVersion, RequestCode } from '../../lib/protocol/codes.js';
import { isRetryTopic } from '../../lib/protocol/namespace.js';
import { allocateQueues } from '../store/allocation.js';
import { decodeQueryAssignment, encodeAssignments, type MessageRequestMode } from '../wire/query-assignment.js';
import type { BrokerHandler } from './handler.js';

/** QUERY_ASSIGNMENT (400): which queues of the whole cluster a member consumes, and whether it pulls or pops them. */
export const queryAssignmentHandler: BrokerHandler = {
  code: RequestCode.QUERY_ASSIGNMENT,
  since: MqVersion.V5_0_0,
  handle(broker, { command }) {
    const { topic, consumerGroup, clientId, strategyName, messageModel } = decodeQueryAssignment(command);
    const byDefault: MessageRequestMode = {
      topic,
      consumerGroup,
      // What the retry topic of a pulling group has is pulled.
      mode: !isRetryTopic(topic) && broker.settings.text('defaultMessageRequestMode') === 'POP' ? 'POP' : 'PULL',
      popShareQueueNum: Number(broker.settings.text('defaultPopShareQueueNum')),
    };
    const { mode, popShareQueueNum } = broker.pop.mode(topic, consumerGroup) ?? byDefault;
    const queues = broker.findQueues(topic);
    if (queues === undefined || messageModel === 'BROADCASTING') return encodeAssignments(queues, mode);
    if (!broker.settings.flag('serverLoadBalancerEnable')) return encodeAssignments(queues, mode);
    const clientIds = broker.members.group(consumerGroup)?.clientIds();
    if (clientIds === undefined) return encodeAssignments(undefined, mode);
    const share = mode === 'POP' ? popShareQueueNum : undefined;
    return encodeAssignments(allocateQueues({ strategyName, clientId, clientIds, queues, share }), mode);
  },
};
