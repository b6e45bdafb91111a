import { stringifyMessageQueueMap } from '../../lib/protocol/json-fields.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';

/**
 * Where the queues of a topic begin and end.
 *
 *     body  {"offsetTable":{MessageQueue:{"lastUpdateTimestamp","maxOffset","minOffset"}},"topicPutTps":0.0}
 *
 * The keys are bare objects, see `stringifyMessageQueueMap`. Brokers of 4.9 leave the rate out.
 */
export interface TopicOffset {
  readonly minOffset: number;
  readonly maxOffset: number;
  /** When the latest message was stored, ms since 1970; 0 for an empty queue. */
  readonly lastUpdateTimestamp: number;
}

/** @param putTps messages per second; undefined to leave it out */
export function encodeTopicStats(
  offsets: Iterable<readonly [MessageQueue, TopicOffset]>,
  putTps: number | undefined,
): Buffer {
  const rate = putTps === undefined ? '' : `,"topicPutTps":${putTps}`;
  return Buffer.from(`{"offsetTable":${stringifyMessageQueueMap(offsets)}${rate}}`);
}
