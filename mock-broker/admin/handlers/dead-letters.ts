import { dlqTopic, retryTopic } from '../../../lib/protocol/namespace.js';
import { PropertyName } from '../../../lib/protocol/properties.js';
import { ValidationError } from '../../../lib/errors.js';
import type { MockCluster } from '../../cluster.js';
import { topicView } from '../../snapshot.js';
import { entryMessages, LISTED_BODY_BYTES, messageView } from '../message-view.js';
import type { DeadLetterView, MessageView } from '../schemas.js';
import { type AdminHandlers, DEFAULT_LIMIT } from './handler.js';
import { requireGroup } from './groups.js';
import { getMessage, messagesByKey } from './messages.js';

export const deadLetterHandlers: AdminHandlers<'listDeadLetters' | 'replayDeadLetter'> = {
  listDeadLetters: (cluster, { group, limit = DEFAULT_LIMIT }) => {
    requireGroup(cluster, group);
    const topic = dlqTopic(group);
    const letters = cluster.brokers.flatMap((broker) =>
      broker.state.store.entries(topic).flatMap((entry) => entryMessages(broker, entry)),
    );
    return {
      items: letters
        .sort((a, b) => b.storeTimestamp - a.storeTimestamp)
        .slice(0, limit)
        .map((letter) => deadLetterView(cluster, group, messageView(letter, LISTED_BODY_BYTES))),
    };
  },
  replayDeadLetter: (cluster, { group, broker, queueId, offset }) => {
    requireGroup(cluster, group);
    const letter = getMessage(cluster, dlqTopic(group), broker, queueId, offset);
    const topic = originalTopic(letter);
    if (topic === undefined) {
      throw new ValidationError('offset', offset, 'a dead letter that says which topic it came from');
    }
    // Its own queue again, so that it stays in the order of those that share its sharding key.
    const first = messagesByKey(cluster, topic, letter.msgId, 1)[0];
    const stored = cluster.produce(topic, {
      body: letter.body.text === undefined ? Buffer.from(letter.body.base64 ?? '', 'base64') : letter.body.text,
      properties: ownProperties(letter),
      ...(first === undefined ? {} : { brokerName: first.broker, queueId: first.queueId }),
      ...(letter.shardingKey !== null && { shardingKey: letter.shardingKey }),
    });
    return getMessage(cluster, topic, stored.brokerName, stored.queueId, stored.queueOffset);
  },
};

/** What brokers and clients put on a message on its way to the dead letters. */
const WAY_PROPERTIES: readonly string[] = [
  PropertyName.RETRY_TOPIC,
  PropertyName.REAL_TOPIC,
  PropertyName.REAL_QUEUE_ID,
  PropertyName.ORIGIN_MESSAGE_ID,
  PropertyName.RECONSUME_TIME,
  PropertyName.MAX_RECONSUME_TIMES,
  PropertyName.DELAY,
  PropertyName.CONSUME_START_TIME,
  PropertyName.MIN_OFFSET,
  PropertyName.MAX_OFFSET,
];

/** Those the message was sent with, its id too: what is told of it goes on. */
function ownProperties({ properties }: MessageView): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !WAY_PROPERTIES.includes(name)));
}

function originalTopic({ properties }: MessageView): string | undefined {
  return properties[PropertyName.RETRY_TOPIC];
}

/** Everything stored under the id of a dead letter, in order of time. */
function deadLetterView(cluster: MockCluster, group: string, message: MessageView): DeadLetterView {
  const original = originalTopic(message);
  const stored = (topic: string): MessageView[] =>
    topicView(cluster, topic) === undefined ? [] : messagesByKey(cluster, topic, message.msgId, DEFAULT_LIMIT);
  const inOriginal = original === undefined ? [] : stored(original);
  const history = [
    ...inOriginal.map((found, index) => event(index === 0 ? 'stored' : 'replayed', found)),
    ...stored(retryTopic(group)).map((found) => event('retried', found)),
    ...stored(dlqTopic(group)).map((found) => event('dead', found)),
  ];
  return { message, originalTopic: original ?? null, history: history.sort((a, b) => a.at - b.at) };
}

type HistoryEvent = DeadLetterView['history'][number];

function event(what: HistoryEvent['what'], message: MessageView): HistoryEvent {
  const { storeTimestamp: at, topic, broker, queueId, offset, reconsumeTimes } = message;
  return { what, at, topic, broker, queueId, offset, reconsumeTimes };
}
