import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { BrokerState } from '../broker-state.js';
import { notifyWhenFree } from '../pop.js';
import type { PopQueue } from '../store/pop-ledger.js';
import type { AckRequest } from '../wire/ack-message.js';
import { decodeAckMessage } from '../wire/ack-message.js';
import { ORDER_REVIVE_QUEUE } from '../wire/receipt-handle.js';
import { type BrokerHandler, refuse } from './handler.js';
import { poppedRefusal } from './pop-checks.js';

/** ACK_MESSAGE (200051): a popped message is done. One that is not out any more is acknowledged without a word. */
export const ackMessageHandler: BrokerHandler = {
  code: RequestCode.ACK_MESSAGE,
  since: MqVersion.V5_0_0,
  handle(broker, exchange) {
    const request = decodeAckMessage(exchange.command);
    const { topic, queueId, offset } = request;
    const refusal = poppedRefusal(broker, exchange, request);
    if (refusal !== undefined) return refusal;
    if (!isStored(broker, request)) {
      const { store } = broker;
      const remark = `offset is illegal, key:${topic}@${queueId}, commit:${offset}, store:${store.minOffset(topic, queueId)}~${store.maxOffset(topic, queueId)}`;
      return refuse(ResponseCode.NO_MESSAGE, remark);
    }
    acknowledge(broker, request);
    return { code: ResponseCode.SUCCESS };
  },
};

/** Whether the offset is one of the queue, or the one the next message gets. */
export function isStored({ store }: BrokerState, { topic, queueId, offset }: AckRequest): boolean {
  return offset >= store.minOffset(topic, queueId) && offset <= store.maxOffset(topic, queueId);
}

export function acknowledge(broker: BrokerState, request: AckRequest): void {
  const { consumerGroup: group, topic, queueId, offset, popTime, reviveQueueId } = request;
  const queue: PopQueue = { group, topic, queueId };
  if (reviveQueueId !== ORDER_REVIVE_QUEUE) {
    broker.pop.ledger.ack(queue, offset, popTime);
    return;
  }
  if (offset < (broker.offsets.query(group, topic, queueId) ?? -1)) return;
  const next = broker.pop.orders.ack(queue, offset, popTime);
  if (next === undefined) return;
  if (!broker.offsets.hasReset(group, topic, queueId)) broker.offsets.commit(group, topic, queueId, next);
  notifyWhenFree(broker, queue);
}
