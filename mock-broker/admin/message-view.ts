import { decodeMessages, type StoredMessage } from '../../lib/protocol/message.js';
import type { MockBroker } from '../broker.js';
import type { QueueEntry } from '../store/consume-queue.js';
import type { BodyView, MessageView } from './schemas.js';

/** Bytes of a body in a list; more is to be asked for message by message. */
export const LISTED_BODY_BYTES = 4096;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes as text when they are one, else as base64. */
export function bodyView(bytes: Buffer, limit = Number.MAX_SAFE_INTEGER): BodyView {
  const { length } = bytes;
  const cut = length > limit;
  const shown = cut ? bytes.subarray(0, limit) : bytes;
  const text = asText(shown, cut);
  return text === undefined ? { base64: shown.toString('base64'), length, cut } : { text, length, cut };
}

function asText(bytes: Buffer, cut: boolean): string | undefined {
  // A cut may go through a character, which has 4 bytes at most.
  for (let missing = 0; missing < (cut ? 4 : 1); missing++) {
    try {
      return utf8.decode(bytes.subarray(0, Math.max(0, bytes.length - missing)));
    } catch {
      // Not text, or a character too long.
    }
  }
  return undefined;
}

export function messageView(message: StoredMessage, bodyLimit?: number): MessageView {
  return {
    topic: message.topic,
    broker: message.brokerName,
    queueId: message.queueId,
    offset: message.queueOffset,
    msgId: message.msgId,
    offsetMsgId: message.offsetMsgId,
    keys: [...message.keys],
    tags: message.tags ?? null,
    shardingKey: message.shardingKey ?? null,
    properties: { ...message.properties },
    body: bodyView(bodyOf(message), bodyLimit),
    bornTimestamp: message.bornTimestamp,
    storeTimestamp: message.storeTimestamp,
    bornHost: message.bornHost,
    reconsumeTimes: message.reconsumeTimes,
  };
}

/** The messages of a stored record: several when it is a batch. */
export function entryMessages(broker: MockBroker, entry: QueueEntry): StoredMessage[] {
  return decodeMessages(entry.record, { brokerName: broker.name }).messages;
}

/** As stored, when it can't be unpacked. */
function bodyOf(message: StoredMessage): Buffer {
  try {
    return message.body;
  } catch {
    return message.rawBody;
  }
}
