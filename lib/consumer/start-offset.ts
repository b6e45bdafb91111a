import type { ClientInstance } from '../client/client-instance.js';
import type { ConsumeFromWhere } from '../enums.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import { getMaxOffset } from '../protocol/requests/get-max-offset.js';
import { searchOffsetByTimestamp } from '../protocol/requests/search-offset-by-timestamp.js';
import type { OffsetStore } from './offset-store/offset-store.js';

/** These requests have this much time in the reference, in milliseconds. */
const OFFSET_LOOKUP_TIMEOUT = 6_000;

/** Where a consumer without a stored offset begins. */
export interface StartPolicy {
  readonly consumeFromWhere: ConsumeFromWhere;
  /** For CONSUME_FROM_TIMESTAMP: milliseconds since 1970. */
  readonly consumeTimestamp: number;
}

export interface StartOffset {
  readonly offset: number;
  /** Chosen here rather than stored before: must be persisted before messages arrive, or they could be skipped. */
  readonly chosen: boolean;
}

/**
 * The offset the first pull starts from, looked up once after the lock was granted. An error is thrown, never taken for
 * "no offset": that would jump over, or repeat, everything. CONSUME_FROM_FIRST_OFFSET starts at 0; where the queue
 * begins later the broker's first answer corrects it.
 *
 * @param chosenBefore what an earlier attempt chose and could not persist: choosing again would jump over what has
 *   arrived since
 */
export async function findStartOffset(
  client: ClientInstance,
  store: OffsetStore,
  queue: MessageQueue,
  isRetryTopic: boolean,
  policy: StartPolicy,
  chosenBefore?: number,
): Promise<StartOffset> {
  const stored = await store.readStored(queue);
  if (stored !== undefined) return { offset: stored, chosen: false };
  if (chosenBefore !== undefined) return { offset: chosenBefore, chosen: true };
  return { offset: await firstOffset(client, queue, isRetryTopic, policy), chosen: true };
}

async function firstOffset(
  client: ClientInstance,
  queue: MessageQueue,
  isRetryTopic: boolean,
  policy: StartPolicy,
): Promise<number> {
  const { topic, brokerName, queueId } = queue;
  const toMax = async (): Promise<number> =>
    (await client.callMaster(brokerName, getMaxOffset, { topic, queueId, brokerName }, OFFSET_LOOKUP_TIMEOUT)).offset;

  switch (policy.consumeFromWhere) {
    case 'CONSUME_FROM_FIRST_OFFSET':
      return 0;
    case 'CONSUME_FROM_LAST_OFFSET':
      return isRetryTopic ? 0 : toMax();
    case 'CONSUME_FROM_TIMESTAMP': {
      if (isRetryTopic) return toMax();
      const timestamp = policy.consumeTimestamp;
      const request = { topic, queueId, timestamp, brokerName };
      return (await client.callMaster(brokerName, searchOffsetByTimestamp, request, OFFSET_LOOKUP_TIMEOUT)).offset;
    }
  }
}
