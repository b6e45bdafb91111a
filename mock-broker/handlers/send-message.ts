import { ResponseCode } from '../../lib/protocol/codes.js';
import type { ResponseCommand } from '../../lib/protocol/command.js';
import { decodeBatch } from '../../lib/protocol/message.js';
import { dlqTopic, isRetryTopic, isUnsendableTopic, RETRY_TOPIC_PREFIX } from '../../lib/protocol/namespace.js';
import { parseProperties, PropertyName } from '../../lib/protocol/properties.js';
import type { SendMessageReply, SendMessageRequest } from '../../lib/protocol/requests/send-message.js';
import { encodeSendReply, sendMessage } from '../../lib/protocol/requests/send-message.js';
import { Perm } from '../../lib/protocol/topic-route.js';
import type { BrokerState } from '../broker-state.js';
import { CLUSTER_NAME } from '../broker-state.js';
import type { Exchange } from '../server/exchange.js';
import type { MessageDraft } from '../store/message-store.js';
import { seeFaq, topicNameProblem } from '../store/names.js';
import type { PutResult } from '../store/put-message.js';
import { illegal, isIllegal, putHalfMessage, putMessage, TIMER_OUT_MS } from '../store/put-message.js';
import type { TopicConfig } from '../store/topics.js';
import { type BrokerHandler, refuse } from './handler.js';

/** SEND_MESSAGE (10). */
export const sendMessageHandler: BrokerHandler = {
  code: sendMessage.code,
  handle: (broker, exchange) => receiveMessage(broker, exchange, sendMessage.decode(exchange.command)),
};

/** Header fields that every answer to a send has, a refusal too. */
const REGION = 'DefaultRegion';
export const REGION_FIELDS = { MSG_REGION: REGION, TRACE_ON: 'true' };
/** Queues of a dead letter topic. */
const DLQ_QUEUE_NUMS = 1;
/** Since this version, 3.4.9, a client's own limit of retries replaces the group's. */
const VERSION_WITH_MAX_RECONSUME_TIMES = 121;
const MAX_BATCH_TOPIC_LENGTH = 127;

type Placement = { readonly topic: string; readonly queueId: number; readonly isDead: boolean };

/** What the three send requests do. */
export function receiveMessage(broker: BrokerState, exchange: Exchange, request: SendMessageRequest): ResponseCommand {
  if (request.body.length === 0 && !broker.options.isV4) {
    // What comes of not expecting it: no region fields either.
    return refuse(ResponseCode.SYSTEM_ERROR, 'java.lang.NullPointerException');
  }
  const answer = request.batch ? storeBatch(broker, exchange, request) : storeMessage(broker, exchange, request);
  return { ...answer, extFields: { ...answer.extFields, ...REGION_FIELDS } };
}

function storeMessage(broker: BrokerState, exchange: Exchange, request: SendMessageRequest): ResponseCommand {
  const topic = findTopic(broker, exchange, request);
  if ('code' in topic) return topic;
  const queueId = chooseQueue(request.queueId, topic);
  const placement = isRetryTopic(request.topic)
    ? placeRetry(broker, exchange, request, queueId)
    : { topic: request.topic, queueId, isDead: false };
  if ('code' in placement) return placement;

  const properties = parseProperties(request.properties);
  const uniqKey = (properties[PropertyName.UNIQ_KEY] ??= broker.ids.next(broker.now()));
  properties[PropertyName.CLUSTER] = CLUSTER_NAME;
  if (!broker.options.isV4) {
    delete properties[PropertyName.POP_CK];
    Object.assign(properties, REGION_FIELDS);
    // What is dead is not to be delayed. Brokers of 4.9 delay it all the same.
    if (placement.isDead) properties[PropertyName.DELAY] = '-1';
  }
  const draft = { ...draftOf(exchange, request), topic: placement.topic, queueId: placement.queueId, properties };
  const isHalf = properties[PropertyName.TRANSACTION_PREPARED] === 'true';
  const result = isHalf ? putHalfMessage(broker, draft) : putMessage(broker, draft);
  if (isHalf && 'entry' in result) broker.halves.add(result.entry);
  return answerPut(broker, result, { queueId, transactionId: uniqKey });
}

function storeBatch(broker: BrokerState, exchange: Exchange, request: SendMessageRequest): ResponseCommand {
  const topic = findTopic(broker, exchange, request);
  if ('code' in topic) return topic;
  if (request.topic.length > MAX_BATCH_TOPIC_LENGTH) {
    return refuse(ResponseCode.MESSAGE_ILLEGAL, `message topic length too long ${request.topic.length}`);
  }
  if (isRetryTopic(request.topic)) {
    return refuse(ResponseCode.MESSAGE_ILLEGAL, `batch request does not support retry group ${request.topic}`);
  }
  const queueId = chooseQueue(request.queueId, topic);
  const template = { ...draftOf(exchange, request), queueId };
  // Parts keep exactly the properties they came with: the batch's own are not given to them.
  const drafts = decodeBatch(request.body).map((part): MessageDraft => ({
    ...template,
    body: part.body,
    flag: part.flag,
    properties: parseProperties(part.properties),
  }));
  if (drafts.some((draft) => isIllegal(draft, broker.options.isV4))) {
    const { code, remark } = illegal();
    return refuse(code, remark);
  }
  const entries = drafts.map((draft) => broker.store.append(draft));
  const first = entries[0];
  if (first === undefined) return refuse(ResponseCode.MESSAGE_ILLEGAL, 'the batch is empty');
  return encodeSendReply({
    ...sendOk(broker, queueId, parseProperties(request.properties)[PropertyName.UNIQ_KEY]),
    offsetMsgId: entries.map((entry) => broker.store.offsetMsgId(entry)).join(','),
    queueOffset: first.queueOffset,
  });
}

/** The topic to store in, created when that is allowed; else the refusal. */
export function findTopic(
  broker: BrokerState,
  exchange: Exchange,
  request: SendMessageRequest,
): TopicConfig | ResponseCommand {
  const { topic: name, defaultTopic, defaultTopicQueueNums, queueId } = request;
  const problem = topicNameProblem(name);
  if (problem !== undefined) return refuse(invalidCode(broker), broker.options.isV4 ? shortened(problem) : problem);
  if (isUnsendableTopic(name)) {
    return refuse(ResponseCode.NO_PERMISSION, `Sending message to topic[${name}] is forbidden.`);
  }
  const topic =
    broker.topics.get(name) ??
    broker.topics.createFrom(name, defaultTopic, defaultTopicQueueNums, 0) ??
    (isRetryTopic(name) ? broker.topics.putIfAbsent(name, 1) : undefined);
  if (topic === undefined) {
    return refuse(
      ResponseCode.TOPIC_NOT_EXIST,
      `topic[${name}] not exist, apply first please!${seeFaq(broker.options.isV4)}`,
    );
  }
  // Whether the topic may be written to is not looked at: only routes tell producers.
  if (queueId >= Math.max(topic.readQueueNums, topic.writeQueueNums)) {
    const remark = `request queueId[${queueId}] is illegal, ${describeTopic(topic, broker.options.isV4)} Producer: ${exchange.connection.remote}`;
    return refuse(invalidCode(broker), remark);
  }
  return topic;
}

/** Brokers of 4.9 have no code of its own for this. */
function invalidCode(broker: BrokerState): number {
  return broker.options.isV4 ? ResponseCode.SYSTEM_ERROR : ResponseCode.INVALID_PARAMETER;
}

/** Their words for a bad name. */
function shortened(problem: string): string {
  if (problem.includes('illegal characters')) {
    return 'The specified topic contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$';
  }
  return problem.includes('longer') ? 'The specified topic is longer than topic max length.' : problem;
}

/**
 * Where a message for a group's retry topic really goes: to its dead letters when it was tried too often, or when the
 * group holds queue locks, which shows that it consumes in order and must not be made to wait.
 */
function placeRetry(
  broker: BrokerState,
  exchange: Exchange,
  request: SendMessageRequest,
  queueId: number,
): Placement | ResponseCommand {
  const groupName = request.topic.slice(RETRY_TOPIC_PREFIX.length);
  const group = broker.groups.find(groupName);
  if (group === undefined) {
    return refuse(
      ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
      `subscription group not exist, ${groupName} ${seeFaq(broker.options.isV4)}`,
    );
  }
  const ownLimit = exchange.command.version >= VERSION_WITH_MAX_RECONSUME_TIMES ? request.maxReconsumeTimes : undefined;
  const isOrdered = broker.options.dlqWhileLocked && broker.locks.isHeld(groupName);
  if (request.reconsumeTimes <= (ownLimit ?? group.retryMaxTimes) && !isOrdered) {
    return { topic: request.topic, queueId, isDead: false };
  }
  const topic = broker.topics.putIfAbsent(dlqTopic(groupName), DLQ_QUEUE_NUMS);
  return { topic: topic.name, queueId: 0, isDead: true };
}

export function chooseQueue(queueId: number, topic: TopicConfig): number {
  return queueId < 0 ? Math.floor(Math.random() * topic.writeQueueNums) : queueId;
}

function draftOf(exchange: Exchange, request: SendMessageRequest): Omit<MessageDraft, 'properties'> {
  return {
    topic: request.topic,
    queueId: request.queueId,
    body: request.body,
    flag: request.flag,
    sysFlag: request.sysFlag,
    bornTimestamp: request.bornTimestamp,
    bornHost: exchange.connection.remote,
    reconsumeTimes: request.reconsumeTimes,
  };
}

function answerPut(
  broker: BrokerState,
  result: PutResult,
  reply: { queueId: number; transactionId: string },
): ResponseCommand {
  if ('refused' in result) return refuse(result.refused.code, result.refused.remark);
  return encodeSendReply({
    ...sendOk(broker, reply.queueId, reply.transactionId),
    offsetMsgId: broker.store.offsetMsgId(result.entry),
    queueOffset: result.entry.queueOffset,
    recallHandle: recallHandle(broker, result.draft, reply.transactionId),
  });
}

/** What a message that waits for a point in time could be called back by: `v1 topic broker time id`, base64url. */
function recallHandle(broker: BrokerState, draft: MessageDraft, uniqKey: string): string | undefined {
  const { [TIMER_OUT_MS]: outAt, [PropertyName.REAL_TOPIC]: topic } = draft.properties;
  if (outAt === undefined || topic === undefined || isRetryTopic(topic)) return undefined;
  const text = ['v1', topic, broker.name, String(Number(outAt) + 1), uniqKey].join(' ');
  return Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

function sendOk(
  broker: BrokerState,
  queueId: number,
  transactionId: string | undefined,
): Pick<SendMessageReply, 'status' | 'queueId' | 'transactionId'> {
  return { status: 'SEND_OK', queueId, transactionId: broker.options.isV4 ? undefined : transactionId };
}

/** A topic's configuration as the reference writes it into remarks. */
function describeTopic(topic: TopicConfig, isV4: boolean): string {
  const perm = `${(topic.perm & Perm.READ) === 0 ? '-' : 'R'}${(topic.perm & Perm.WRITE) === 0 ? '-' : 'W'}${(topic.perm & Perm.INHERIT) === 0 ? '-' : 'X'}`;
  return `TopicConfig [topicName=${topic.name}, readQueueNums=${topic.readQueueNums}, writeQueueNums=${topic.writeQueueNums}, perm=${perm}, topicFilterType=SINGLE_TAG, topicSysFlag=${topic.sysFlag}, order=${topic.order}${isV4 ? '' : ', attributes={}'}]`;
}
