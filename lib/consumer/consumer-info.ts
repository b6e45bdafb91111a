import type { ClientInstance } from '../client/client-instance.js';
import { CLIENT_VERSION_NAME } from '../protocol/codes.js';
import type { GetConsumerRunningInfoReply, ProcessQueueInfo } from '../protocol/requests/get-consumer-running-info.js';
import type { GetConsumerStatusFromClientReply } from '../protocol/requests/get-consumer-status-from-client.js';
import type { AssignedQueue } from './assigned-queue.js';
import type { ConsumerRuntime, ConsumerState } from './consumer-runtime.js';
import type { ConsumerStats } from './consumer-stats.js';
import type { OffsetStore } from './offset-store/offset-store.js';
import type { QueueTable } from './queue-table.js';

/** What a consumer tells brokers about itself when an operator asks, such as `mqadmin consumerStatus`. */

const MIB = 1024 * 1024;

/** The offsets in memory of a topic's queues. */
export function describeStatus(
  table: QueueTable,
  offsets: OffsetStore,
  topic: string,
): GetConsumerStatusFromClientReply {
  const queues = table.all().filter((queue) => queue.messageQueue.topic === topic);
  return {
    offsets: queues.flatMap(({ messageQueue }) => {
      const offset = offsets.get(messageQueue);
      return offset === undefined ? [] : [{ queue: messageQueue, offset }];
    }),
  };
}

export function describeRunning(
  runtime: ConsumerRuntime,
  state: ConsumerState,
  client: ClientInstance,
  stats: ConsumerStats,
): GetConsumerRunningInfoReply {
  const { options, subscriptions } = state;
  return {
    properties: {
      PROP_NAMESERVER_ADDR: client.nameServers.addresses.map((address) => `${address};`).join(''),
      PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY',
      PROP_CLIENT_VERSION: CLIENT_VERSION_NAME,
      PROP_CONSUMEORDERLY: 'true',
      PROP_THREADPOOL_CORE_SIZE: String(options.consumeConcurrency),
      PROP_CONSUMER_START_TIMESTAMP: String(runtime.startedAt),
      consumerGroup: runtime.consumerGroup,
      messageModel: options.messageModel,
      consumeFromWhere: options.consumeFromWhere,
      consumeMessageBatchMaxSize: String(options.consumeMessageBatchMaxSize),
      maxReconsumeTimes: String(state.maxReconsumeTimes),
      pullBatchSize: String(options.pullBatchSize),
      pullThresholdForQueue: String(options.pullThresholdForQueue),
      pullThresholdSizeForQueue: String(options.pullThresholdSizeForQueue),
      suspendCurrentQueueTimeMillis: String(options.suspendCurrentQueueTimeMillis),
      allocateMessageQueueStrategy: options.allocateMessageQueueStrategy.name,
      suspended: String(state.suspended),
      runtime: `node ${process.version}`,
    },
    subscriptions: [...subscriptions.values()],
    queues: runtime.table.all().map((queue) => ({
      queue: queue.messageQueue,
      info: queueInfo(queue, runtime.offsets, client),
    })),
    statusByTopic: Object.fromEntries([...subscriptions.keys()].map((topic) => [topic, stats.of(topic)])),
  };
}

function queueInfo(queue: AssignedQueue, offsets: OffsetStore, client: ClientInstance): ProcessQueueInfo {
  const { buffer } = queue;
  const { clock } = client;
  const now = clock.now();
  // Times are kept by the monotonic clock; operators read the wall's.
  const wallTime = (at: number): number =>
    at === Number.NEGATIVE_INFINITY ? 0 : Math.round(clock.wallTime() - (now - at));
  return {
    commitOffset: offsets.get(queue.messageQueue) ?? -1,
    cachedMsgMinOffset: buffer.lowestUnfinished ?? 0,
    cachedMsgMaxOffset: buffer.highest ?? 0,
    cachedMsgCount: buffer.count,
    cachedMsgSizeInMiB: Math.floor(buffer.bytes / MIB),
    transactionMsgMinOffset: buffer.consuming[0]?.queueOffset ?? 0,
    transactionMsgMaxOffset: buffer.consuming.at(-1)?.queueOffset ?? 0,
    transactionMsgCount: buffer.consuming.length,
    locked: queue.lockless || queue.locked,
    tryUnlockTimes: queue.unlockAttempts,
    lastLockTimestamp: wallTime(queue.lockedAt),
    droped: queue.state !== 'owned',
    lastPullTimestamp: wallTime(queue.lastPullAt),
    lastConsumeTimestamp: wallTime(queue.lastConsumeAt),
  };
}
