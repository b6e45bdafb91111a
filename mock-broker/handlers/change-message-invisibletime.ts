import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { ResponseCommand } from '../../lib/protocol/command.js';
import { requireInteger } from '../../lib/protocol/requests/request-type.js';
import { notifyWhenFree } from '../pop.js';
import type { PopQueue } from '../store/pop-ledger.js';
import { decodeAckMessage } from '../wire/ack-message.js';
import { ORDER_REVIVE_QUEUE } from '../wire/receipt-handle.js';
import { type BrokerHandler, NO_REMARK } from './handler.js';
import { poppedRefusal, withFields } from './pop-checks.js';

/**
 * CHANGE_MESSAGE_INVISIBLETIME (200053), consumer -> master: a popped message is to come back at another time than it
 * would have.
 *
 *     request  ext as of ACK_MESSAGE, and invisibleTime: from now, in ms
 *     reply    0, ext popTime invisibleTime reviveQid: what the message's handle is made of from now on
 *              13 no such queue | 17 no such topic | 208 no such message
 */
export const changeMessageInvisibleTimeHandler: BrokerHandler = {
  code: RequestCode.CHANGE_MESSAGE_INVISIBLETIME,
  since: MqVersion.V5_0_0,
  handle(broker, exchange) {
    const request = decodeAckMessage(exchange.command);
    const invisibleTime = requireInteger(exchange.command.extFields, 'invisibleTime');
    const { consumerGroup: group, topic, queueId, offset, popTime, reviveQueueId } = request;
    const refusal = poppedRefusal(broker, exchange, request);
    if (refusal !== undefined) return withFields(refusal, fieldsOf(0, 0, 0));
    const { store, pop, offsets } = broker;
    if (offset < store.minOffset(topic, queueId) || offset >= store.maxOffset(topic, queueId)) {
      return { code: ResponseCode.NO_MESSAGE, remark: NO_REMARK, extFields: fieldsOf(0, 0, 0) };
    }
    const queue: PopQueue = { group, topic, queueId };
    const now = broker.now();
    if (reviveQueueId !== ORDER_REVIVE_QUEUE) {
      // The message is out anew, whether it still was or not.
      pop.ledger.ack(queue, offset, popTime);
      pop.ledger.extend(queue, offset, now, invisibleTime);
      return changed(now, invisibleTime, reviveQueueId);
    }
    if (offset < (offsets.query(group, topic, queueId) ?? -1)) return changed(0, 0, 0);
    pop.orders.setVisibleAt(queue, offset, popTime, now + invisibleTime);
    notifyWhenFree(broker, queue);
    return changed(popTime, now + invisibleTime - popTime, reviveQueueId);
  },
};

function changed(popTime: number, invisibleTime: number, reviveQueueId: number): ResponseCommand {
  const extFields = fieldsOf(popTime, invisibleTime, reviveQueueId);
  return { code: ResponseCode.SUCCESS, remark: NO_REMARK, extFields };
}

function fieldsOf(popTime: number, invisibleTime: number, reviveQueueId: number): Record<string, string> {
  return { popTime: String(popTime), invisibleTime: String(invisibleTime), reviveQid: String(reviveQueueId) };
}
