import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody, messageQueueJson } from '../../lib/protocol/json-fields.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * QUERY_CONSUME_TIME_SPAN (303): how old the messages are that a group is at.
 *
 *     request  ext topic group
 *     reply    0, body {"consumeTimeSpanSet":[{"consumeTimeStamp","delayTime","maxTimeStamp","messageQueue",
 *              "minTimeStamp", and each time once more for people: "consumeTimeStampStr" ...}]}
 *              | 17
 */
export const queryConsumeTimeSpanHandler: BrokerHandler = {
  code: RequestCode.QUERY_CONSUME_TIME_SPAN,
  handle(broker, { command }) {
    const topic = requireText(command.extFields, 'topic');
    const group = requireText(command.extFields, 'group');
    const config = broker.topics.get(topic);
    if (config === undefined) return refuse(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
    const { offsets, store } = broker;
    const consumeTimeSpanSet = Array.from({ length: config.writeQueueNums }, (_, queueId) => {
      const maxOffset = store.maxOffset(topic, queueId);
      const consumerOffset = offsets.query(group, topic, queueId) ?? -1;
      const minTimeStamp = store.queue(topic, queueId)?.entries[0]?.storeTimestamp ?? -1;
      const storedAt = (offset: number): number => store.storeTimestamp(topic, queueId, offset);
      const consumeTimeStamp = consumerOffset > 0 ? storedAt(consumerOffset - 1) : minTimeStamp;
      const maxTimeStamp = storedAt(maxOffset - 1);
      return {
        consumeTimeStamp,
        consumeTimeStampStr: describeTime(consumeTimeStamp),
        delayTime: consumerOffset < maxOffset ? broker.now() - storedAt(consumerOffset) : 0,
        maxTimeStamp,
        maxTimeStampStr: describeTime(maxTimeStamp),
        messageQueue: messageQueueJson({ topic, brokerName: broker.name, queueId }),
        minTimeStamp,
        minTimeStampStr: describeTime(minTimeStamp),
      };
    });
    return { code: ResponseCode.SUCCESS, body: jsonBody({ consumeTimeSpanSet }) };
  },
};

/** `2026-11-21 14:49:37,339`, of the machine's own time zone. */
function describeTime(time: number): string {
  const date = new Date(time);
  const digits = (value: number, count = 2): string => String(value).padStart(count, '0');
  const day = [digits(date.getFullYear(), 4), digits(date.getMonth() + 1), digits(date.getDate())].join('-');
  const clock = [digits(date.getHours()), digits(date.getMinutes()), digits(date.getSeconds())].join(':');
  return `${day} ${clock},${digits(date.getMilliseconds(), 3)}`;
}
