import { ProtocolError } from '../../lib/errors.js';
import { isRetryTopic, RETRY_TOPIC_PREFIX } from '../../lib/protocol/namespace.js';

/**
 * The handle of one popped message, by which it is acknowledged: property `POP_CK`, header field `extraInfo`.
 *
 *     handle = startOffset " " popTime " " invisibleTime " " reviveQueueId " " kind " " brokerName " " queueId " " offset
 *
 * `kind` is that of the topic, see {@link topicKind}. Clients make the handle themselves from the answer's header, except
 * for messages of retry topics.
 */
export interface ReceiptHandle {
  /** Where the pop began that the message came with. */
  readonly startOffset: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly reviveQueueId: number;
  readonly kind: TopicKind;
  readonly brokerName: string;
  readonly queueId: number;
  readonly offset: number;
}

/** 0 an ordinary topic, 1 a retry topic in the form `group_topic`, 2 in the form `group+topic`. */
export type TopicKind = '0' | '1' | '2';

/** The revive queue of messages that are popped in order. */
export const ORDER_REVIVE_QUEUE = 999;

export function topicKind(topic: string): TopicKind {
  if (!isRetryTopic(topic)) return '0';
  return topic.includes('+') ? '2' : '1';
}

/** Where popped messages of a topic go that nobody acknowledged. */
export function popRetryTopic(topic: string, group: string, isV2: boolean): string {
  return `${RETRY_TOPIC_PREFIX}${group}${isV2 ? '+' : '_'}${topic}`;
}

/** The topic a handle's message is stored in. */
export function realTopic(topic: string, group: string, kind: string): string {
  return kind === '0' ? topic : popRetryTopic(topic, group, kind === '2');
}

export function formatReceiptHandle(handle: ReceiptHandle): string {
  const { startOffset, popTime, invisibleTime, reviveQueueId, kind, brokerName, queueId, offset } = handle;
  return [startOffset, popTime, invisibleTime, reviveQueueId, kind, brokerName, queueId, offset].join(' ');
}

/** What the broker reads of a handle. @throws ProtocolError when it is too short or no numbers are in it */
export function parseReceiptHandle(text: string): Pick<ReceiptHandle, 'popTime' | 'invisibleTime' | 'reviveQueueId'> {
  const [popTime, invisibleTime, reviveQueueId] = text.split(' ').slice(1, 4).map(Number);
  if (![popTime, invisibleTime, reviveQueueId].every(Number.isSafeInteger)) {
    throw new ProtocolError('ERR_ROCKETMQ_FIELD_MALFORMED', 'the header field extraInfo is no receipt handle', {
      field: 'extraInfo',
      value: text.slice(0, 40),
    });
  }
  return { popTime: Number(popTime), invisibleTime: Number(invisibleTime), reviveQueueId: Number(reviveQueueId) };
}
