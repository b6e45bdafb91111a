import { parseOffsetMessageId } from '../../lib/protocol/message-id.js';
import { consumeMessageDirectly } from '../../lib/protocol/requests/consume-message-directly.js';
import type { BrokerState } from '../broker-state.js';
import { callConsumer } from './call-consumer.js';
import type { BrokerHandler } from './handler.js';

/**
 * CONSUME_MESSAGE_DIRECTLY (309), of an operator: the message with this id is given to one client, whose answer is
 * passed back.
 */
export const consumeMessageDirectlyHandler: BrokerHandler = {
  code: consumeMessageDirectly.code,
  handle(broker, exchange) {
    const request = consumeMessageDirectly.decode(exchange.command);
    const { consumerGroup: group, clientId = 'null', topic } = request;
    const body = storedMessage(broker, request.msgId);
    const extFields = {
      ...exchange.command.extFields,
      brokerName: broker.name,
      ...(topic !== undefined && { topicSysFlag: String(broker.topics.get(topic)?.sysFlag ?? 0) }),
      groupSysFlag: String(broker.groups.find(group)?.groupSysFlag ?? 0),
    };
    callConsumer(broker, exchange, { group, clientId }, { code: consumeMessageDirectly.code, extFields, body });
    return undefined;
  },
};

/** Its record; empty when there is no such message here. @throws ValidationError when the id is none */
function storedMessage(broker: BrokerState, msgId: string | undefined): Buffer {
  if (msgId === undefined) return Buffer.alloc(0);
  const { commitLogOffset } = parseOffsetMessageId(msgId);
  return broker.store.entryAt(commitLogOffset)?.record ?? Buffer.alloc(0);
}
