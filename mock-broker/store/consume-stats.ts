import type { BrokerState } from '../broker-state.js';
import type { ConsumeStats, OffsetWrapper } from '../wire/consume-stats.js';

/**
 * How far a group is in the queues of a topic.
 *
 * @param options.withPulled false leaves out what is pulled and not committed yet, as some answers of the reference do
 */
export function consumeStats(
  broker: BrokerState,
  group: string,
  topic: string,
  queues: number,
  { withPulled = true }: { withPulled?: boolean } = {},
): ConsumeStats {
  const { offsets, store, traffic } = broker;
  return {
    consumeTps: traffic.groupGetTps(group, topic),
    offsets: Array.from({ length: queues }, (_, queueId) => {
      const consumerOffset = Math.max(0, offsets.query(group, topic, queueId) ?? 0);
      const pulled = offsets.pulled(group, topic, queueId) ?? 0;
      const wrapper: OffsetWrapper = {
        brokerOffset: store.maxOffset(topic, queueId),
        consumerOffset,
        lastTimestamp: consumerOffset > 0 ? Math.max(0, store.storeTimestamp(topic, queueId, consumerOffset - 1)) : 0,
        ...(!broker.options.isV4 && { pullOffset: withPulled ? Math.max(consumerOffset, pulled) : 0 }),
      };
      return [{ topic, brokerName: broker.name, queueId }, wrapper] as const;
    }),
  };
}
