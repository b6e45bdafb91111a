import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { ResponseCommand } from '../../lib/protocol/command.js';
import { buildSubscription } from '../../lib/protocol/subscription.js';
import type { BrokerState } from '../broker-state.js';
import { PopRun } from '../pop.js';
import type { Exchange } from '../server/exchange.js';
import { compileExpression, createFilter, isTagType, type MessageFilter } from '../store/filters.js';
import { decodePopMessage, encodePopMessageReply, type PopMessageReply, type PopMessageRequest } from '../wire/pop-message.js'; // prettier-ignore
import { type BrokerHandler, refuse } from './handler.js';
import { brokerUnreadable, pollDeadline, popRefusal, withFields } from './pop-checks.js';

/** POP_MESSAGE (200050): messages of one or all queues, and of the retry topic, now or when there are some. */
export const popMessageHandler: BrokerHandler = {
  code: RequestCode.POP_MESSAGE,
  since: MqVersion.V5_0_0,
  handle(broker, exchange) {
    const request = decodePopMessage(exchange.command, Date.now());
    const deadline = pollDeadline(broker, request);
    if (deadline < broker.now() - LATE_MS) {
      const remark = `the broker[${broker.options.advertisedHost}] pop message is timeout too much`;
      return withFields(refuse(ResponseCode.POLLING_TIMEOUT, remark), NOTHING);
    }
    const refusal =
      brokerUnreadable(broker, 'pop') ?? checkSize(broker, request) ?? popRefusal(broker, exchange, request);
    if (refusal !== undefined) return withFields(refusal, NOTHING);
    const filter = selectFilter(request);
    if (typeof filter === 'object') return withFields(filter, NOTHING);
    return execute({ broker, exchange, request, filter, deadline });
  },
};

/** A request that is older than its waiting time by more than this is not worth an answer. */
const LATE_MS = 500;
const MAX_MESSAGES = 32;
const NOTHING = { popTime: '0', invisibleTime: '0', reviveQid: '0', restNum: '0' };

interface Pop {
  readonly broker: BrokerState;
  readonly exchange: Exchange;
  readonly request: PopMessageRequest;
  readonly filter: MessageFilter | undefined;
  readonly deadline: number;
}

function checkSize(broker: BrokerState, { maxMsgNums }: PopMessageRequest): ResponseCommand | undefined {
  if (maxMsgNums <= MAX_MESSAGES) return undefined;
  const remark = `the broker[${broker.options.advertisedHost}] pop message's num is greater than 32`;
  return refuse(ResponseCode.INVALID_PARAMETER, remark);
}

/** undefined lets everything pass. */
function selectFilter({
  topic,
  expression,
  expressionType,
}: PopMessageRequest): MessageFilter | ResponseCommand | undefined {
  if (expression === undefined || expression === '') return undefined;
  const refusal = refuse(ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed");
  if (!isTagType(expressionType)) {
    const compiled = compileExpression(expression, 0);
    return compiled === undefined ? refusal : (message) => compiled.matches(message.properties());
  }
  try {
    return createFilter(buildSubscription(topic, expression), undefined);
  } catch {
    return refusal;
  }
}

/** Also what a pop does that waited. */
function execute(pop: Pop): ResponseCommand | undefined {
  const { broker, request, filter } = pop;
  const { consumerGroup, topic, queueId } = request;
  const run = new PopRun(broker, request, filter);
  run.execute();
  if (run.records.length > 0) {
    if (run.restNum > 0) broker.pop.polls.notify(topic, consumerGroup, queueId);
    return answer(request, run, 'FOUND');
  }
  const held = hold(pop);
  if (held === 'HELD') {
    if (run.skipped) broker.pop.polls.notify(topic, consumerGroup, queueId);
    return undefined;
  }
  return answer(request, run, held === 'FULL' ? 'POLLING_FULL' : 'POLLING_TIMEOUT');
}

function hold(pop: Pop): 'HELD' | 'FULL' | 'TIMEOUT' {
  const { broker, exchange, request, filter, deadline } = pop;
  if (request.pollTime <= 0) return 'TIMEOUT';
  return broker.pop.polls.hold({
    group: request.consumerGroup,
    topic: request.topic,
    queueId: request.queueId,
    filter,
    expiresAt: deadline,
    channel: exchange.connection,
    resume: () => {
      const response = execute(pop);
      if (response !== undefined) exchange.respond(response);
    },
  });
}

function answer(request: PopMessageRequest, run: PopRun, status: PopMessageReply['status']): ResponseCommand {
  return encodePopMessageReply({
    status,
    popTime: run.popTime,
    invisibleTime: request.invisibleTime,
    reviveQueueId: run.reviveQueueId,
    restNum: run.restNum,
    startOffsetInfo: run.startOffsetInfo,
    msgOffsetInfo: run.msgOffsetInfo,
    orderCountInfo: request.order ? run.orderCountInfo : undefined,
    body: Buffer.concat(run.records),
  });
}
