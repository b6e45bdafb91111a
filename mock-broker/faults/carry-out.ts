import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { ResponseCommand } from '../../lib/protocol/command.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { getConsumerListByGroup } from '../../lib/protocol/requests/get-consumer-list-by-group.js';
import { lockBatchMq } from '../../lib/protocol/requests/lock-batch-mq.js';
import { pullMessage } from '../../lib/protocol/requests/pull-message.js';
import { updateConsumerOffset } from '../../lib/protocol/requests/update-consumer-offset.js';
import type { BrokerState } from '../broker-state.js';
import type { Exchange } from '../server/exchange.js';
import { decodePopMessage, encodePopMessageReply } from '../wire/pop-message.js';
import { requestNames } from './request-names.js';
import type { FaultRule, LockAction, MembersAction, OffsetAction, PullAction } from './rule.js';

/** Faults that know what a request is about: they change what it does at a broker, or what is told of it. */

/** Carries a request out, the way its fault has it if that is of this kind. */
export function carryOut(
  broker: BrokerState,
  exchange: Exchange,
  handle: () => ResponseCommand | undefined,
): ResponseCommand | undefined {
  const rule = exchange.fault?.rule;
  const action = rule?.action;
  switch (action?.type) {
    case 'lock':
      return lock(broker, exchange, rule as FaultRule, action, handle);
    case 'offset':
      return offset(broker, exchange, action, handle);
    case 'members':
      exchange.rewriteReply((response) => changeMembers(response, action));
      return handle();
    case 'pull':
      return pull(broker, exchange, action, handle);
    default:
      return handle();
  }
}

type Handle = () => ResponseCommand | undefined;

const DEFAULT_THIEF = 'thief';

/** A rule that names a topic or a queue is about that queue alone; the others are locked as ever. */
function lock(
  broker: BrokerState,
  exchange: Exchange,
  rule: FaultRule,
  action: LockAction,
  handle: Handle,
): ReturnType<Handle> {
  // prettier-ignore
  const { consumerGroup, clientId, queues } = lockBatchMq.decode(exchange.command);
  const isMeant = ({ topic, queueId }: MessageQueue): boolean =>
    (rule.topic === undefined || rule.topic === topic) && (rule.queueId === undefined || rule.queueId === queueId);
  switch (action.do) {
    case 'refuse':
    case 'grant': {
      exchange.connection.clientId ??= clientId;
      const others = queues.filter((queue) => !isMeant(queue));
      const held = new Set(broker.locks.lock(consumerGroup, others, clientId));
      const granted = action.do === 'grant';
      return lockBatchMq.encodeReply({ lockedQueues: queues.filter((queue) => held.has(queue) || (granted && isMeant(queue))) }); // prettier-ignore
    }
    case 'steal':
      for (const queue of queues.filter(isMeant)) broker.locks.steal(consumerGroup, queue, action.by ?? DEFAULT_THIEF);
      break;
    case 'expire':
      broker.locks.expire(consumerGroup, isMeant);
      break;
    case 'forget':
      broker.locks.forget(consumerGroup, isMeant);
      break;
  }
  return handle();
}

function offset(broker: BrokerState, exchange: Exchange, action: OffsetAction, handle: Handle): ReturnType<Handle> {
  const names = requestNames(exchange.command);
  const [group = '', topic = '', queueId = 0] = [names.groups[0], names.topics[0], names.queueIds[0]];
  switch (action.do) {
    case 'refuse':
      return { code: ResponseCode.SYSTEM_ERROR, remark: 'the offset was not stored' };
    case 'lose': {
      if (exchange.command.code === RequestCode.UPDATE_CONSUMER_OFFSET) {
        return updateConsumerOffset.encodeReply({ ignored: false });
      }
      const before = broker.offsets.query(group, topic, queueId);
      const response = handle();
      if (before === undefined) broker.offsets.forget(group, topic, queueId);
      else if (!broker.offsets.hasReset(group, topic, queueId)) broker.offsets.commit(group, topic, queueId, before);
      return response;
    }
    case 'none':
      return { code: ResponseCode.QUERY_NOT_FOUND, remark: 'Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first' }; // prettier-ignore
    case 'moveMin':
      broker.expireBefore(topic, queueId, action.to ?? broker.store.maxOffset(topic, queueId));
      return handle();
    case 'rollBack': {
      const response = handle();
      const committed = broker.offsets.query(group, topic, queueId);
      if (committed !== undefined && !broker.offsets.hasReset(group, topic, queueId)) {
        broker.offsets.commit(group, topic, queueId, Math.max(0, committed - (action.by ?? 1)));
      }
      return response;
    }
  }
}

function changeMembers(response: ResponseCommand, { remove = [], add = [] }: MembersAction): ResponseCommand {
  const body = response.code === ResponseCode.SUCCESS ? response.body : undefined;
  const { consumerIdList = [] } =
    body === undefined ? {} : (JSON.parse(body.toString()) as { consumerIdList?: string[] });
  const consumerIds = [...consumerIdList.filter((id) => !remove.includes(id)), ...add];
  return consumerIds.length === 0 && body === undefined
    ? response
    : getConsumerListByGroup.encodeReply({ consumerIds });
}

function pull(broker: BrokerState, exchange: Exchange, action: PullAction, handle: Handle): ReturnType<Handle> {
  if (exchange.command.code === RequestCode.POP_MESSAGE && action.do === 'empty') return nothingToPop(broker, exchange);
  if (action.do === 'flowControl')
    return { code: ResponseCode.FLOW_CONTROL, remark: 'the broker is busy, flow control' };
  if (action.do === 'disorder') {
    exchange.rewriteReply((response) => ({ ...response, ...(response.body && { body: reversed(response.body) }) }));
    return handle();
  }
  const { topic, queueId, queueOffset } = pullMessage.decode(exchange.command);
  const minOffset = broker.store.minOffset(topic, queueId);
  const standing = {
    minOffset,
    maxOffset: broker.store.maxOffset(topic, queueId),
    suggestWhichBrokerId: (broker.master ?? broker).suggestedBrokerId,
    body: Buffer.alloc(0),
  };
  switch (action.do) {
    case 'empty':
      return pullMessage.encodeReply({ ...standing, status: 'NO_NEW_MSG', nextBeginOffset: queueOffset });
    case 'illegalOffset': {
      const nextBeginOffset = action.offset ?? minOffset;
      return pullMessage.encodeReply({ ...standing, status: 'OFFSET_ILLEGAL', nextBeginOffset });
    }
    case 'wrongNextOffset':
      exchange.rewriteReply((response) => withNextOffset(response, action.delta ?? 1));
      return handle();
  }
}

function nothingToPop(broker: BrokerState, exchange: Exchange): ResponseCommand {
  return encodePopMessageReply({
    status: 'POLLING_TIMEOUT',
    popTime: broker.now(),
    invisibleTime: decodePopMessage(exchange.command, broker.now()).invisibleTime,
    reviveQueueId: 0,
    restNum: 0,
    startOffsetInfo: '',
    msgOffsetInfo: '',
    orderCountInfo: undefined,
    body: Buffer.alloc(0),
  });
}

function withNextOffset(response: ResponseCommand, delta: number): ResponseCommand {
  const next = response.extFields?.['nextBeginOffset'];
  if (next === undefined) return response;
  return { ...response, extFields: { ...response.extFields, nextBeginOffset: String(Number(next) + delta) } };
}

/** Stored records, the last one first. */
function reversed(body: Buffer): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at + 4 <= body.length;) {
    const size = body.readInt32BE(at);
    if (size < 4 || at + size > body.length) return body;
    records.unshift(body.subarray(at, at + size));
    at += size;
  }
  return Buffer.concat(records);
}
