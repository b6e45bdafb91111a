import type { OffsetTableForm, QueueOffset } from '../lib/protocol/requests/offset-table.js';
import { resetConsumerClientOffset } from '../lib/protocol/requests/reset-consumer-client-offset.js';
import type { MockBroker } from './broker.js';

/** Having a group consume from another place, at one broker. */

/** Where to have a group consume from. */
export interface ResetOffsetOptions {
  /** `server`: the next pull of each queue is answered with it. `push`: the members are told. */
  readonly mode: 'server' | 'push';
  /** The first message stored then or later; negative for the end of the queue. One of this and `offset` is needed. */
  readonly timestamp?: number;
  /** Exactly there. */
  readonly offset?: number;
  /** @default all brokers that have the topic */
  readonly brokerName?: string;
  /** @default all queues */
  readonly queueId?: number;
  /** How a pushed table is written. @default 'object-keys', as the reference does */
  readonly form?: OffsetTableForm;
}

/** Resets the group's offsets of a topic at one broker. Returns where to, by queue. */
export function resetOffsetAt(
  broker: MockBroker,
  group: string,
  topic: string,
  options: ResetOffsetOptions,
): QueueOffset[] {
  const offsets = resetOffsets(broker, topic, options);
  if (options.mode === 'push') pushReset(broker, group, topic, offsets, options);
  else for (const { queue, offset } of offsets) broker.state.offsets.assignReset(group, topic, queue.queueId, offset);
  return offsets;
}

function resetOffsets(broker: MockBroker, topic: string, options: ResetOffsetOptions): QueueOffset[] {
  const { store, topics } = broker.state;
  const count = topics.get(topic)?.readQueueNums ?? 0;
  const queueIds = options.queueId === undefined ? Array.from({ length: count }, (_, id) => id) : [options.queueId];
  return queueIds.map((queueId) => {
    const { timestamp = 0 } = options;
    const byTime = (): number =>
      timestamp < 0
        ? store.maxOffset(topic, queueId)
        : (store.queue(topic, queueId)?.offsetByTime(timestamp, 'LOWER') ?? 0);
    return { queue: { topic, brokerName: broker.name, queueId }, offset: options.offset ?? byTime() };
  });
}

function pushReset(
  broker: MockBroker,
  group: string,
  topic: string,
  offsets: readonly QueueOffset[],
  options: ResetOffsetOptions,
): void {
  const request = resetConsumerClientOffset.encode({
    topic,
    group,
    timestamp: options.timestamp ?? -1,
    isForce: true,
    offsets,
    form: options.form ?? 'object-keys',
  });
  for (const connection of broker.state.members.group(group)?.channels.keys() ?? []) connection.sendOneway(request);
}
