import { stringifyMessageQueueMap } from '../../lib/protocol/json-fields.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';

/**
 * How far a consumer group is.
 *
 *     {"consumeTps":0.0,
 *      "offsetTable":{MessageQueue:{"brokerOffset","consumerOffset","lastTimestamp","pullOffset"}}}
 *
 * The keys are bare objects, see `stringifyMessageQueueMap`.
 */
export interface OffsetWrapper {
  /** The offset the queue's next message gets. */
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  /** Where the latest pull ended. Brokers of 4.9 don't tell. */
  readonly pullOffset?: number;
  /** When the last message consumed was stored, ms since 1970; 0 when there is none. */
  readonly lastTimestamp: number;
}

export interface ConsumeStats {
  readonly consumeTps: number;
  readonly offsets: readonly (readonly [MessageQueue, OffsetWrapper])[];
}

export function encodeConsumeStats(stats: ConsumeStats): Buffer {
  return Buffer.from(consumeStatsText(stats));
}

/**
 * The same for all groups of a broker.
 *
 *     body  {"brokerAddr","consumeStatsList":[{group:[ConsumeStats]}],"totalDiff","totalInflightDiff"(not 4.9)}
 */
export function encodeConsumeStatsList(
  brokerAddr: string,
  groups: Iterable<readonly [string, readonly ConsumeStats[]]>,
  isV4: boolean,
): Buffer {
  const texts: string[] = [];
  let totalDiff = 0;
  let totalInflightDiff = 0;
  for (const [group, list] of groups) {
    texts.push(`{${JSON.stringify(group)}:[${list.map(consumeStatsText).join(',')}]}`);
    for (const [, offset] of list.flatMap((stats) => stats.offsets)) {
      totalDiff += offset.brokerOffset - offset.consumerOffset;
      totalInflightDiff += (offset.pullOffset ?? 0) - offset.consumerOffset;
    }
  }
  const list = `"consumeStatsList":[${texts.join(',')}]`;
  const totals = `"totalDiff":${totalDiff}${isV4 ? '' : `,"totalInflightDiff":${totalInflightDiff}`}`;
  return Buffer.from(`{"brokerAddr":${JSON.stringify(brokerAddr)},${list},${totals}}`);
}

function consumeStatsText({ consumeTps, offsets }: ConsumeStats): string {
  return `{"consumeTps":${consumeTps},"offsetTable":${stringifyMessageQueueMap(offsets)}}`;
}
