import { MessageFormatError } from '../errors.js';
import { readMiniRecords } from './message-batch.js';
import { BODY_LENGTH_AFTER_HOSTS, BORN_HOST_AT, bornHostLength, COMMIT_LOG_OFFSET_AT } from './message-record.js';
import { MAGIC_V1, MAGIC_V2, MIN_RECORD, QUEUE_ID_AT, QUEUE_OFFSET_AT } from './message-record.js';
import { storeHostLength, SYS_FLAG_AT } from './message-record.js';
import { asFormatError, MAX_INFLATED_BODY_LENGTH, StoredMessage } from './stored-message.js';
import { INNER_BATCH_MASK, MessageSysFlag } from './sys-flag.js';

export { decodeBatch, encodeBatch } from './message-batch.js';
export type { BatchMessage } from './message-batch.js';
export { encodeMessage, messageBodyCrc } from './message-record.js';
export type { MessageRecord } from './message-record.js';
export { MAX_INFLATED_BODY_LENGTH, StoredMessage } from './stored-message.js';
export type { MessageExt } from './stored-message.js';

/**
 * Reading stored messages; their layout stands in message-record.ts.
 *
 * This is the hot path. A pull brings many records in one buffer; a message remembers where its parts are in it and
 * reads them when somebody asks. Only what decides about order and filtering is read at once.
 */

/** Where a body of messages came from. */
export interface MessageSource {
  readonly brokerName: string;
  /** The topic that was pulled. Messages of it share this string. */
  readonly topic?: string | undefined;
  /** Added to each queue offset. Default 0. */
  readonly offsetDelta?: number | undefined;
  /**
   * The bytes will be written over when the caller returns: messages then hold on to their text, a character a byte.
   * Strings live on the engine's own heap, where what dies young costs next to nothing. Default false.
   */
  readonly volatile?: boolean | undefined;
  /** Default true. `false` hands an inner batch out as the one record it is stored as. */
  readonly expandBatches?: boolean | undefined;
}

export interface DecodedMessages {
  readonly messages: StoredMessage[];
  /** Why the rest can't be read. What came before it is in `messages`. */
  readonly error?: MessageFormatError;
}

/** Bytes of the first stored message, as it says itself; 0 when there is none. */
export function firstRecordSize(body: Buffer): number {
  return body.length < 4 ? 0 : body.readInt32BE(0);
}

/** Reads the stored messages a pull brought. Stops at the first that can't be read. Never throws. */
export function decodeMessages(body: Buffer, source: MessageSource): DecodedMessages {
  const messages: StoredMessage[] = [];
  const offsetDelta = source.offsetDelta ?? 0;
  const batches = new BatchExpander(messages);
  const expandBatches = source.expandBatches ?? true;
  const { brokerName } = source;
  const memory = source.volatile === true ? body.toString('latin1') : body;
  // A view is compiled to one load an integer; the methods of Buffer put it together from bytes.
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const { length } = body;
  let topic = source.topic ?? '';
  let topicStart = 0;
  let topicLength = -1;
  for (let start = 0; start < length;) {
    if (start + MIN_RECORD > length) return { messages, error: truncated(start, length) };
    const size = view.getInt32(start);
    const end = start + size;
    if (size < MIN_RECORD) return { messages, error: malformed('its size is too small', start) };
    if (end > length) return { messages, error: truncated(start, length) };
    const magic = view.getInt32(start + 4);
    if (magic !== MAGIC_V1 && magic !== MAGIC_V2) return { messages, error: unknownMagic(magic, start) };

    const sysFlag = view.getInt32(start + SYS_FLAG_AT);
    const hostsEnd = start + BORN_HOST_AT + bornHostLength(sysFlag) + 8 + storeHostLength(sysFlag);
    const bodyStart = hostsEnd + BODY_LENGTH_AFTER_HOSTS + 4;
    // The smallest record has room for this only with IPv4 hosts.
    if (bodyStart > end) return { messages, error: malformed('its hosts do not fit', start) };
    const bodyLength = view.getInt32(bodyStart - 4);
    const topicLengthSize = magic === MAGIC_V1 ? 1 : 2;
    const newTopicStart = bodyStart + bodyLength + topicLengthSize;
    if (bodyLength < 0 || newTopicStart > end) return { messages, error: malformed('its body does not fit', start) };
    const newTopicLength = topicLengthSize === 1 ? view.getUint8(newTopicStart - 1) : view.getUint16(newTopicStart - 2);
    const propertiesStart = newTopicStart + newTopicLength + 2;
    if (propertiesStart > end) return { messages, error: malformed('its topic does not fit', start) };
    const propertiesEnd = propertiesStart + view.getUint16(propertiesStart - 2);
    if (propertiesEnd > end) return { messages, error: malformed('its properties do not fit', start) };

    const queueOffset = int64(view, start + QUEUE_OFFSET_AT) + offsetDelta;
    if (!Number.isSafeInteger(queueOffset) || !Number.isSafeInteger(int64(view, start + COMMIT_LOG_OFFSET_AT))) {
      return { messages, error: pastSafe(start) };
    }
    // All messages of a pull are of one topic: its text is made once.
    if (newTopicLength !== topicLength || !sameBytes(body, topicStart, newTopicStart, topicLength)) {
      const text = body.toString('utf8', newTopicStart, newTopicStart + newTopicLength);
      topic = text === source.topic ? source.topic : text;
      topicStart = newTopicStart;
      topicLength = newTopicLength;
    }
    const message = new StoredMessage(
      memory,
      start,
      undefined,
      bodyStart,
      bodyLength,
      propertiesStart,
      propertiesEnd,
      topic,
      brokerName,
      view.getInt32(start + QUEUE_ID_AT),
      queueOffset,
      view.getInt32(hostsEnd),
      sysFlag,
    );
    if ((sysFlag & INNER_BATCH_MASK) === INNER_BATCH_MASK && expandBatches) {
      const error = batches.expand(message);
      if (error !== undefined) return { messages, error };
    } else {
      messages.push(message);
    }
    start = end;
  }
  return { messages };
}

/** Exact within +-(2^53 - 1). */
function int64(view: DataView, at: number): number {
  return view.getInt32(at) * 4_294_967_296 + view.getUint32(at + 4);
}

/**
 * Adds the messages of inner batches to others. What compressed batches of one body unpack to has one limit for all of
 * them: a few kilobytes each, they could fill any memory.
 */
class BatchExpander {
  readonly #messages: StoredMessage[];
  #room = MAX_INFLATED_BODY_LENGTH;

  constructor(messages: StoredMessage[]) {
    this.#messages = messages;
  }

  /** Messages at consecutive offsets, with everything of the batch but body, flag and properties. */
  expand(outer: StoredMessage): MessageFormatError | undefined {
    try {
      const content = outer.unpack(Math.max(1, this.#room));
      if (outer.isCompressed) this.#room -= content.length;
      this.#add(outer, content);
      return undefined;
    } catch (error) {
      return asFormatError(error);
    }
  }

  #add(outer: StoredMessage, content: Buffer): void {
    const bytes = outer.recordBytes;
    const records = readMiniRecords(content, 0, content.length);
    if (!Number.isSafeInteger(outer.queueOffset + records.length)) throw pastSafe(0);
    for (const [i, record] of records.entries()) {
      this.#messages.push(
        new StoredMessage(
          bytes,
          0,
          { content, flag: record.flag, size: record.size },
          record.bodyStart,
          record.bodyLength,
          record.propertiesStart,
          record.propertiesEnd,
          outer.topic,
          outer.brokerName,
          outer.queueId,
          outer.queueOffset + i,
          outer.reconsumeTimes,
          outer.sysFlag & ~MessageSysFlag.COMPRESSED,
        ),
      );
    }
  }
}

function sameBytes(bytes: Buffer, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

function truncated(at: number, length: number): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_MESSAGE_TRUNCATED', 'a stored message is cut short', { at, length });
}

function unknownMagic(magic: number, at: number): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_MESSAGE_MAGIC', 'a stored message has an unknown magic', {
    at,
    magic: (magic >>> 0).toString(16),
  });
}

function pastSafe(at: number): MessageFormatError {
  return malformed('an offset of it is past 2^53 - 1', at);
}

function malformed(reason: string, at: number): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_MESSAGE_MALFORMED', `a stored message can't be read: ${reason}`, { at });
}
