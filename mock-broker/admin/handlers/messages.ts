import { ValidationError } from '../../../lib/errors.js';
import type { MockCluster } from '../../cluster.js';
import type { ProducedMessage, ProduceResult } from '../../produce.js';
import { delayedViews, pullViews } from '../../snapshot.js';
import type { QueueEntry } from '../../store/consume-queue.js';
import type { InputOf } from '../contract.js';
import { notFound } from '../errors.js';
import { entryMessages, LISTED_BODY_BYTES, messageView } from '../message-view.js';
import type { MessageView } from '../schemas.js';
import { type AdminHandlers, DEFAULT_LIMIT } from './handler.js';
import { requireQueue, requireTopic } from './topics.js';

export const messageHandlers: AdminHandlers<
  'listMessages' | 'produce' | 'findMessages' | 'getMessage' | 'listDelayed' | 'listPulls'
> = {
  listMessages: (cluster, { topic, broker, queueId, from = 0, limit = DEFAULT_LIMIT }) => {
    requireQueue(cluster, topic, broker, queueId);
    const at = cluster.broker(broker);
    const page = entriesFrom(at.state.store.queue(topic, queueId)?.entries ?? [], from, limit);
    const last = page.at(-1);
    const end = last === undefined ? 0 : last.queueOffset + last.count;
    return {
      items: page.flatMap((entry) =>
        entryMessages(at, entry).map((message) => messageView(message, LISTED_BODY_BYTES)),
      ),
      next: last !== undefined && end < at.state.store.maxOffset(topic, queueId) ? end : null,
    };
  },
  produce: (cluster, { topic, count = 1, ...input }) => {
    const message = producedMessage(input);
    return { items: Array.from({ length: count }, () => placeOf(cluster.produce(topic, message))) };
  },
  findMessages: (cluster, { topic, key, limit = DEFAULT_LIMIT }) => {
    requireTopic(cluster, topic);
    return { items: messagesByKey(cluster, topic, key, limit) };
  },
  getMessage: (cluster, { topic, broker, queueId, offset }) => getMessage(cluster, topic, broker, queueId, offset),
  listDelayed: (cluster) => ({ items: delayedViews(cluster) }),
  listPulls: (cluster) => ({ items: pullViews(cluster) }),
};

/** @throws MockAdminError when there is none */
export function getMessage(
  cluster: MockCluster,
  topic: string,
  broker: string,
  queueId: number,
  offset: number,
): MessageView {
  requireQueue(cluster, topic, broker, queueId);
  const at = cluster.broker(broker);
  const [entry] = entriesFrom(at.state.store.queue(topic, queueId)?.entries ?? [], offset, 1);
  const found = entry && entryMessages(at, entry).find((message) => message.queueOffset === offset);
  if (found === undefined) throw notFound(`message ${offset} in queue ${queueId} of ${topic} at ${broker}`, 'offset');
  return messageView(found);
}

/** By one of its keys or its id, the oldest first. */
export function messagesByKey(cluster: MockCluster, topic: string, key: string, limit: number): MessageView[] {
  const range = { limit, from: 0, to: Number.MAX_SAFE_INTEGER };
  return cluster.brokers
    .flatMap((broker) => broker.state.store.byKey(topic, key, range).flatMap((entry) => entryMessages(broker, entry)))
    .sort((a, b) => a.storeTimestamp - b.storeTimestamp)
    .slice(0, limit)
    .map((message) => messageView(message, LISTED_BODY_BYTES));
}

/** The message to store that the JSON of one means. */
export function producedMessage(input: Omit<InputOf<'produce'>, 'topic' | 'count'>): ProducedMessage {
  const { body, bodyBase64, storedBodyBase64, broker, ...rest } = input;
  const bodies = [body, bodyBase64, storedBodyBase64, input.innerBatch].filter((given) => given !== undefined);
  if (bodies.length !== 1) {
    const given = bodies.length === 0 ? undefined : 'several';
    throw new ValidationError('body', given, 'one of body, bodyBase64, storedBodyBase64 and innerBatch');
  }
  return {
    ...(rest as Omit<ProducedMessage, 'body' | 'brokerName'>),
    body: body ?? Buffer.from(bodyBase64 ?? '', 'base64'),
    ...(storedBodyBase64 !== undefined && { storedBody: Buffer.from(storedBodyBase64, 'base64') }),
    ...(broker !== undefined && { brokerName: broker }),
  };
}

function placeOf({ msgId, offsetMsgId, brokerName, queueId, queueOffset }: ProduceResult) {
  return { msgId, offsetMsgId, broker: brokerName, queueId, offset: queueOffset };
}

function entriesFrom(entries: readonly QueueEntry[], offset: number, limit: number): readonly QueueEntry[] {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle] as QueueEntry;
    if (entry.queueOffset + entry.count <= offset) low = middle + 1;
    else high = middle;
  }
  return entries.slice(low, low + limit);
}
