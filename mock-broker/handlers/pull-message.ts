import { ResponseCode } from '../../lib/protocol/codes.js';
import type { ResponseCommand } from '../../lib/protocol/command.js';
import type { PullMessageReply, PullMessageRequest, PullStatus } from '../../lib/protocol/requests/pull-message.js';
import { pullMessage } from '../../lib/protocol/requests/pull-message.js';
import type { SubscriptionData } from '../../lib/protocol/subscription.js';
import { buildSubscription } from '../../lib/protocol/subscription.js';
import { PullSysFlag } from '../../lib/protocol/sys-flag.js';
import { Perm } from '../../lib/protocol/topic-route.js';
import type { BrokerState } from '../broker-state.js';
import type { Exchange } from '../server/exchange.js';
import type { FindResult, FindStatus } from '../store/consume-queue.js';
import type { ExpressionFilter, MessageFilter } from '../store/filters.js';
import { compileExpression, createFilter, isTagType } from '../store/filters.js';
import type { GroupConfig } from '../store/groups.js';
import { seeFaq } from '../store/names.js';
import { filterUnsupported } from './check-client-config.js';
import { type BrokerHandler, refuse } from './handler.js';

/** PULL_MESSAGE (11): the checks in the reference's order, then the store's answer, now or when there is one. */
export const pullMessageHandler: BrokerHandler = {
  code: pullMessage.code,
  handle: (broker, exchange) => executePull(broker, exchange, true),
};

/** Why a pull is forbidden; travels in the answer. */
const Forbidden = { BROKER: '1', GROUP: '2', TOPIC: '3', BROADCASTING: '4' } as const;

/** @param isFirst the first time; a pull that was held is executed a second time, which neither commits nor holds */
function executePull(broker: BrokerState, exchange: Exchange, isFirst: boolean): ResponseCommand | undefined {
  const request = pullMessage.decode(exchange.command);
  const refusal = checkAccess(broker, exchange, request);
  if (refusal !== undefined) return refusal;
  const filter = selectFilter(broker, request);
  if (typeof filter !== 'function') return filter;

  const { consumerGroup, topic, queueId, queueOffset, sysFlag } = request;
  const resetOffset = broker.offsets.takeReset(consumerGroup, topic, queueId);
  const result = resetOffset === undefined ? find(broker, request, filter) : undefined;
  // What a replica is told to commit its master overwrites soon after.
  if (isFirst && (sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0 && broker.master === undefined) {
    broker.offsets.commit(consumerGroup, topic, queueId, request.commitOffset);
  }
  if (result === undefined) {
    return answer(broker, request, 'OFFSET_ILLEGAL', 'OFFSET_RESET', resetOffset ?? 0);
  }
  const status = isSentBack(broker, result) ? 'NO_MATCHED_MSG' : pullStatus(result.status, queueOffset);
  if (status === 'NO_NEW_MSG' && isFirst && (sysFlag & PullSysFlag.SUSPEND) !== 0) {
    hold(broker, exchange, request, filter);
    return undefined;
  }
  broker.offsets.notePulled(consumerGroup, topic, queueId, result.nextBeginOffset);
  const body = Buffer.concat(result.entries.map((entry) => entry.record));
  if (body.length > 0) broker.traffic.delivered(consumerGroup, topic, countOf(result), body.length);
  return answer(broker, request, status, result.status, result.nextBeginOffset, body);
}

function countOf(result: FindResult): number {
  return result.entries.reduce((count, entry) => count + entry.count, 0);
}

/** Whether a replica that has nothing to give sends the client back to its master. */
function isSentBack({ master }: BrokerState, result: FindResult): boolean {
  return master !== undefined && master.registered && master.suggestedBrokerId === 0 && result.status !== 'FOUND';
}

function find(broker: BrokerState, request: PullMessageRequest, filter: MessageFilter): FindResult {
  const { topic, queueId, queueOffset, maxMsgNums } = request;
  const queue = broker.store.queue(topic, queueId);
  // The reference makes a queue up when it is asked for one.
  if (queue === undefined) return { status: 'NO_MESSAGE_IN_QUEUE', nextBeginOffset: 0, entries: [] };
  return queue.find(queueOffset, maxMsgNums, filter);
}

/** What the client is told of the store's result. */
function pullStatus(status: FindStatus, queueOffset: number): PullStatus {
  switch (status) {
    case 'FOUND':
      return 'FOUND';
    case 'NO_MATCHED_MESSAGE':
      return 'NO_MATCHED_MSG';
    case 'NO_MESSAGE_IN_QUEUE':
      return queueOffset === 0 ? 'NO_NEW_MSG' : 'OFFSET_ILLEGAL';
    case 'OFFSET_OVERFLOW_ONE':
      return 'NO_NEW_MSG';
    case 'OFFSET_OVERFLOW_BADLY':
    case 'OFFSET_TOO_SMALL':
      return 'OFFSET_ILLEGAL';
  }
}

function answer(
  broker: BrokerState,
  request: PullMessageRequest,
  status: PullStatus,
  remark: string,
  nextBeginOffset: number,
  body: Buffer = Buffer.alloc(0),
): ResponseCommand {
  const { topic, queueId } = request;
  const reply: PullMessageReply = {
    status,
    nextBeginOffset,
    minOffset: broker.store.minOffset(topic, queueId),
    maxOffset: broker.store.maxOffset(topic, queueId),
    suggestWhichBrokerId: (broker.master ?? broker).suggestedBrokerId,
    ...(!broker.options.isV4 && { topicSysFlag: broker.topics.get(topic)?.sysFlag ?? 0, groupSysFlag: 0 }),
    body,
    remark,
  };
  return pullMessage.encodeReply(reply);
}

function hold(broker: BrokerState, exchange: Exchange, request: PullMessageRequest, filter: MessageFilter): void {
  broker.holds.hold({
    topic: request.topic,
    queueId: request.queueId,
    offset: request.queueOffset,
    filter,
    expiresAt: broker.now() + request.suspendTimeoutMillis,
    channel: exchange.connection,
    resume: () => {
      const response = executePull(broker, exchange, false);
      if (response !== undefined) exchange.respond(response);
    },
  });
}

/** The checks before anything is looked at in the store; undefined when the pull is let through. */
function checkAccess(
  broker: BrokerState,
  exchange: Exchange,
  request: PullMessageRequest,
): ResponseCommand | undefined {
  const { consumerGroup, topic, queueId } = request;
  if ((broker.permission & Perm.READ) === 0) {
    const remark = `the broker[${broker.options.advertisedHost}] pulling message is forbidden`;
    return forbid(broker, Forbidden.BROKER, remark);
  }
  const group = broker.groups.find(consumerGroup);
  if (group === undefined) {
    const remark = `subscription group [${consumerGroup}] does not exist, ${seeFaq(broker.options.isV4)}`;
    return refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark);
  }
  if (!group.consumeEnable)
    return forbid(broker, Forbidden.GROUP, `subscription group no permission, ${consumerGroup}`);
  const config = broker.topics.get(topic);
  if (config === undefined) {
    return refuse(
      ResponseCode.TOPIC_NOT_EXIST,
      `topic[${topic}] not exist, apply first please! ${seeFaq(broker.options.isV4)}`,
    );
  }
  if ((config.perm & Perm.READ) === 0) {
    return forbid(broker, Forbidden.TOPIC, `the topic[${topic}] pulling message is forbidden`);
  }
  if (queueId < 0 || queueId >= config.readQueueNums) {
    const remark = `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${config.readQueueNums}] consumer:[/${exchange.connection.remote}]`;
    return refuse(broker.options.isV4 ? ResponseCode.SYSTEM_ERROR : ResponseCode.INVALID_PARAMETER, remark);
  }
  return undefined;
}

function forbid(broker: BrokerState, type: string, remark: string): ResponseCommand {
  const refusal = refuse(ResponseCode.NO_PERMISSION, remark);
  return broker.options.isV4 ? refusal : { ...refusal, extFields: { forbiddenType: type } };
}

/** The filter the pull goes by, or why there is none. */
function selectFilter(broker: BrokerState, request: PullMessageRequest): MessageFilter | ResponseCommand {
  const isInRequest = (request.sysFlag & PullSysFlag.SUBSCRIPTION) !== 0;
  const found = isInRequest ? subscriptionInRequest(request) : subscriptionOfGroup(broker, request);
  if (!('subscription' in found)) return found;
  const { subscription, expression } = found;
  if (isInRequest && !broker.options.isV4) broker.members.notePulledWith(request.consumerGroup, subscription);
  if (!isTagType(subscription.expressionType) && !broker.settings.flag('enablePropertyFilter')) {
    return filterUnsupported(subscription.expressionType);
  }
  return createFilter(subscription, expression);
}

interface FoundSubscription {
  readonly subscription: SubscriptionData;
  readonly expression: ExpressionFilter | undefined;
}

/** The pull brings its own subscription. */
function subscriptionInRequest(request: PullMessageRequest): FoundSubscription | ResponseCommand {
  const { topic, subscription: text, subVersion } = request;
  const isTag = isTagType(request.expressionType);
  try {
    const built = buildSubscription(topic, isTag ? text : undefined, 'TAG', subVersion);
    if (isTag) return { subscription: built, expression: undefined };
    if (text === undefined || text === '') throw new RangeError('an expression is missing');
    const subscription = { ...built, subString: text, expressionType: request.expressionType ?? 'SQL92' };
    return { subscription, expression: compileExpression(text, subVersion) };
  } catch {
    return refuse(ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed");
  }
}

/** The subscription is the one of the group's heartbeats. */
function subscriptionOfGroup(broker: BrokerState, request: PullMessageRequest): FoundSubscription | ResponseCommand {
  const { consumerGroup, topic, subVersion } = request;
  const group = broker.members.group(consumerGroup);
  if (group === undefined) {
    return refuse(
      ResponseCode.SUBSCRIPTION_NOT_EXIST,
      `the consumer's group info not exist${seeFaq(broker.options.isV4)}`,
    );
  }
  const config: GroupConfig | undefined = broker.groups.find(consumerGroup);
  if (config?.consumeBroadcastEnable === false && group.messageModel === 'BROADCASTING') {
    const remark = `the consumer group[${consumerGroup}] can not consume by broadcast way`;
    return forbid(broker, Forbidden.BROADCASTING, remark);
  }
  const subscription = group.subscriptions.get(topic);
  if (subscription === undefined) {
    return refuse(
      ResponseCode.SUBSCRIPTION_NOT_EXIST,
      `the consumer's subscription not exist${seeFaq(broker.options.isV4)}`,
    );
  }
  if (subscription.subVersion < subVersion) {
    return refuse(ResponseCode.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest");
  }
  if (isTagType(subscription.expressionType)) return { subscription, expression: undefined };
  const expression = broker.expressions.get(topic, consumerGroup);
  if (expression === undefined) {
    const remark = "The broker's consumer filter data is not exist!Your expression may be wrong!";
    return refuse(ResponseCode.FILTER_DATA_NOT_EXIST, remark);
  }
  if (expression.clientVersion < subVersion) {
    return refuse(ResponseCode.FILTER_DATA_NOT_LATEST, "the consumer's consumer filter data not latest");
  }
  return { subscription, expression };
}
