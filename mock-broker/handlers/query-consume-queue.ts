import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { requireInteger, requireText } from '../../lib/protocol/requests/request-type.js';
import { subscriptionJson } from '../../lib/protocol/subscription.js';
import type { BrokerState } from '../broker-state.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * QUERY_CONSUME_QUEUE (321): the index of a queue, entry by entry.
 *
 *     request  ext topic queueId index count consumerGroup?
 *     reply    0, body {"filterData"?,"maxQueueIndex","minQueueIndex",
 *              "queueData":[{"eval":false,"physicOffset","physicSize","tagsCode"}],"subscriptionData"?}
 *              | 1 nothing was ever stored in the queue
 */
export const queryConsumeQueueHandler: BrokerHandler = {
  code: RequestCode.QUERY_CONSUME_QUEUE,
  handle(broker, { command: { extFields } }) {
    const topic = requireText(extFields, 'topic');
    const queueId = requireInteger(extFields, 'queueId');
    const index = requireInteger(extFields, 'index');
    const count = requireInteger(extFields, 'count');
    const queue = broker.store.queue(topic, queueId);
    if (queue === undefined) return refuse(ResponseCode.SYSTEM_ERROR, `${queueId}@${topic} is not exist!`);
    if (index < queue.minOffset || index >= queue.maxOffset) {
      return { code: ResponseCode.SUCCESS, remark: `Index ${index} of ${queueId}@${topic} is not exist!` };
    }
    const wanted = queue.entries.filter(({ queueOffset }) => queueOffset >= index && queueOffset < index + count);
    const body = jsonBody({
      ...subscriptionPart(broker, topic, extFields['consumerGroup']),
      maxQueueIndex: queue.maxOffset,
      minQueueIndex: queue.minOffset,
      queueData: wanted.map((entry) => ({
        eval: false,
        physicOffset: entry.physicalOffset,
        physicSize: entry.size,
        tagsCode: entry.tagsCode,
      })),
    });
    // The reference forgets to take its default remark back.
    return { code: ResponseCode.SUCCESS, remark: 'not set any response code', body };
  },
};

function subscriptionPart(broker: BrokerState, topic: string, group: string | undefined): Record<string, unknown> {
  if (group === undefined) return {};
  const subscription = broker.members.subscription(group, topic);
  if (subscription === undefined) return { filterData: `${group}@${topic} is not online!` };
  // Java's word for a filter that is not there.
  return { filterData: 'null', subscriptionData: subscriptionJson(subscription) };
}
