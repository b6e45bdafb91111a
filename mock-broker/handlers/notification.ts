import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';
import { optionalBoolean, requireInteger, requireText } from '../../lib/protocol/requests/request-type.js';
import type { BrokerState } from '../broker-state.js';
import type { Exchange } from '../server/exchange.js';
import { popRetryTopic } from '../wire/receipt-handle.js';
import { type BrokerHandler, NO_REMARK } from './handler.js';
import { brokerUnreadable, pollDeadline, popRefusal, withFields } from './pop-checks.js';

/**
 * NOTIFICATION (200054), consumer -> master: is there something to pop?
 *
 *     request  ext consumerGroup topic queueId pollTime bornTime order? attemptId?
 *     reply    0, ext hasMsg pollingFull: at once when there is, else when a message comes or the time is over
 */
export const notificationHandler: BrokerHandler = {
  code: RequestCode.NOTIFICATION,
  since: MqVersion.V5_0_0,
  handle(broker, exchange) {
    const request = decode(exchange.command);
    const refusal = brokerUnreadable(broker, 'peeking') ?? popRefusal(broker, exchange, request);
    if (refusal !== undefined) return withFields(refusal, fieldsOf(false, false));
    return execute(broker, exchange, request, pollDeadline(broker, request));
  },
};

interface NotificationRequest {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly pollTime: number;
  readonly bornTime: number;
  readonly order: boolean;
  readonly attemptId: string | undefined;
}

function decode({ extFields }: RemotingCommand): NotificationRequest {
  return {
    consumerGroup: requireText(extFields, 'consumerGroup'),
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    pollTime: requireInteger(extFields, 'pollTime'),
    bornTime: requireInteger(extFields, 'bornTime'),
    order: optionalBoolean(extFields, 'order') ?? false,
    attemptId: extFields['attemptId'],
  };
}

function execute(
  broker: BrokerState,
  exchange: Exchange,
  request: NotificationRequest,
  deadline: number,
): ResponseCommand | undefined {
  const hasMsg = hasSomething(broker, request);
  if (hasMsg || request.pollTime <= 0) return answer(hasMsg, false);
  const held = broker.pop.notifications.hold({
    group: request.consumerGroup,
    topic: request.topic,
    queueId: request.queueId,
    filter: undefined,
    expiresAt: deadline,
    channel: exchange.connection,
    resume: () => {
      const response = execute(broker, exchange, request, deadline);
      if (response !== undefined) exchange.respond(response);
    },
  });
  return held === 'HELD' ? undefined : answer(false, held === 'FULL');
}

function answer(hasMsg: boolean, pollingFull: boolean): ResponseCommand {
  return { code: ResponseCode.SUCCESS, remark: NO_REMARK, extFields: fieldsOf(hasMsg, pollingFull) };
}

function fieldsOf(hasMsg: boolean, pollingFull: boolean): Record<string, string> {
  return { hasMsg: String(hasMsg), pollingFull: String(pollingFull) };
}

function hasSomething(broker: BrokerState, request: NotificationRequest): boolean {
  const { topic, consumerGroup, queueId } = request;
  const isV2 = broker.settings.flag('enableRetryTopicV2');
  const found = queueId < 0 ? topicHas(broker, request, topic) : queueHas(broker, request, topic, queueId);
  return found || topicHas(broker, request, popRetryTopic(topic, consumerGroup, isV2));
}

function topicHas(broker: BrokerState, request: NotificationRequest, topic: string): boolean {
  const count = broker.topics.get(topic)?.readQueueNums ?? 0;
  return Array.from({ length: count }, (_, queueId) => queueId).some((id) => queueHas(broker, request, topic, id));
}

function queueHas(
  { pop, offsets, store }: BrokerState,
  request: NotificationRequest,
  topic: string,
  queueId: number,
): boolean {
  const group = request.consumerGroup;
  if (request.order && pop.orders.isBlocked({ group, topic: request.topic, queueId }, request.attemptId)) return false;
  const committed = offsets.query(group, topic, queueId) ?? store.minOffset(topic, queueId);
  const offset = Math.max(committed, pop.ledger.latestOffset({ group, topic, queueId }) ?? 0);
  return store.maxOffset(topic, queueId) > offset;
}
