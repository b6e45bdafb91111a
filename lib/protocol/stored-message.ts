import { MessageFormatError } from '../errors.js';
import { decompress, decompressAsync, isCompressionReady } from './compression.js';
import { decodeHost } from './host-address.js';
import { int32, int64 } from './int-reader.js';
import { offsetMessageIdOfBytes } from './message-id.js';
import { BODY_CRC_AT, BORN_HOST_AT, BORN_TIMESTAMP_AT, bornHostLength } from './message-record.js';
import { COMMIT_LOG_OFFSET_AT, FLAG_AT, storeHostLength } from './message-record.js';
import type { MessageRecord } from './message-record.js';
import { findProperty, KEY_SEPARATOR, parseProperties, PropertyName } from './properties.js';
import type { Properties } from './properties.js';
import { compressionBits, MessageSysFlag } from './sys-flag.js';

/** A message as a listener sees it. */
export interface MessageExt {
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
  /** The message's place in its queue. */
  readonly queueOffset: number;
  /**
   * The body, decompressed. Uncompressed it may be a view of the memory it was read into, up to 256 KiB or the messages
   * of one pull, which lives as long as the view: to hold on to a body for long, keep `Buffer.from(message.body)`.
   *
   * @throws MessageFormatError when it can't be decompressed
   */
  readonly body: Buffer;
  /** Bytes of the stored body; of a compressed one before it is decompressed. */
  readonly bodyLength: number;
  readonly tags: string | undefined;
  readonly keys: readonly string[];
  /** What the sender ordered by: `__SHARDINGKEY`, or `SHARDING_KEY` from a Go client. */
  readonly shardingKey: string | undefined;
  readonly properties: Properties;
  /** How many times the message was consumed in vain before. */
  readonly reconsumeTimes: number;
  /** When it was sent, by the sender's clock, ms since 1970. */
  readonly bornTimestamp: number;
  /** When it was stored, by the broker's clock, ms since 1970. */
  readonly storeTimestamp: number;
  /** `ip:port` of the sender, `[ip]:port` for IPv6. */
  readonly bornHost: string;
  /** `ip:port` of the broker, `[ip]:port` for IPv6. */
  readonly storeHost: string;
  /** The id the sender gave it, or `offsetMsgId` when it gave none. */
  readonly msgId: string;
  /** The id that says where it is stored. */
  readonly offsetMsgId: string;
  /** The sender's own flag. */
  readonly flag: number;
  /** As stored, bits of `MessageSysFlag`. */
  readonly sysFlag: number;
  /** CRC-32 of the stored body without its sign bit; 0 for a message out of an inner batch. */
  readonly bodyCrc: number;
  readonly commitLogOffset: number;
  readonly preparedTransactionOffset: number;
  /** Bytes of the whole stored record. */
  readonly storeSize: number;
}

/** What compressed bodies may unpack to unless told otherwise: eight times the 4 MiB brokers take by default. */
export const MAX_INFLATED_BODY_LENGTH = 32 * 1024 * 1024;

/** Up to this many compressed bytes unpacking takes less time than handing it to another thread. */
const SYNC_INFLATE_LIMIT = 16 * 1024;

/** What a message out of an inner batch has of its own: the rest is its batch's. */
export interface InnerRecord {
  /** The buffer of body and properties: another one than the batch's when that is compressed. */
  readonly content: Buffer;
  readonly flag: number;
  readonly size: number;
}

/**
 * A decoded message. Its shape is fixed and small, since there are many: it holds on to the buffer it came in, knows
 * where its parts are, and reads there what it is asked for.
 */
export class StoredMessage implements MessageExt {
  // The SDK replaces these: wrapped names by the user's own, the times of delivery by its own count.
  topic: string;
  brokerName: string;
  queueOffset: number;
  reconsumeTimes: number;

  readonly queueId: number;
  readonly sysFlag: number;
  readonly bodyLength: number;

  /** What the record lies in, among others: bytes, or text with a character a byte until somebody looks at it. */
  #memory: Buffer | string;
  #recordStart: number;
  readonly #inner: InnerRecord | undefined;
  #bodyStart: number;
  #propertiesStart: number;
  #propertiesEnd: number;

  #inflatedBody: Buffer | undefined;
  #inflateError: MessageFormatError | undefined;
  #decodedText: string | undefined;
  #decodedProperties: Properties | undefined;

  constructor(
    memory: Buffer | string,
    start: number,
    inner: InnerRecord | undefined,
    bodyStart: number,
    bodyLength: number,
    propertiesStart: number,
    propertiesEnd: number,
    topic: string,
    brokerName: string,
    queueId: number,
    queueOffset: number,
    reconsumeTimes: number,
    sysFlag: number,
  ) {
    this.topic = topic;
    this.brokerName = brokerName;
    this.queueOffset = queueOffset;
    this.reconsumeTimes = reconsumeTimes;
    this.queueId = queueId;
    this.sysFlag = sysFlag;
    this.bodyLength = bodyLength;
    this.#memory = memory;
    this.#recordStart = start;
    this.#inner = inner;
    this.#bodyStart = bodyStart;
    this.#propertiesStart = propertiesStart;
    this.#propertiesEnd = propertiesEnd;
  }

  get flag(): number {
    return this.#inner?.flag ?? int32(this.#bytes, this.#recordStart + FLAG_AT);
  }

  get bodyCrc(): number {
    return this.#inner === undefined ? int32(this.#bytes, this.#recordStart + BODY_CRC_AT) : 0;
  }

  get storeSize(): number {
    return this.#inner?.size ?? int32(this.#bytes, this.#recordStart);
  }

  /** The bytes of the record; behind them there may be others. */
  get recordBytes(): Buffer {
    return this.#bytes.subarray(this.#recordStart);
  }

  /** Whether somebody has asked for the body or a property. */
  get wasRead(): boolean {
    return this.#inflatedBody !== undefined || this.#decodedText !== undefined;
  }

  /** The buffer of the record. What is made out of text holds this record alone. */
  get #bytes(): Buffer {
    if (typeof this.#memory === 'string') {
      const start = this.#recordStart;
      this.#memory = Buffer.from(this.#memory.slice(start, this.#propertiesEnd), 'latin1');
      this.#recordStart = 0;
      this.#bodyStart -= start;
      this.#propertiesStart -= start;
      this.#propertiesEnd -= start;
    }
    return this.#memory;
  }

  /** The buffer of body and properties. */
  get #content(): Buffer {
    return this.#inner === undefined ? this.#bytes : this.#inner.content;
  }

  /** The body as it is stored, compressed or not. */
  get rawBody(): Buffer {
    const content = this.#content;
    return content.subarray(this.#bodyStart, this.#bodyStart + this.bodyLength);
  }

  get isCompressed(): boolean {
    return (this.sysFlag & MessageSysFlag.COMPRESSED) !== 0;
  }

  get body(): Buffer {
    return this.unpack(MAX_INFLATED_BODY_LENGTH);
  }

  /** {@link body}, when it has at most `maxLength` bytes or was made ready before. @throws MessageFormatError */
  unpack(maxLength: number): Buffer {
    if (this.#inflatedBody === undefined && this.#inflateError === undefined) this.#inflateNow(maxLength);
    if (this.#inflatedBody === undefined) throw this.#inflateError as MessageFormatError;
    return this.#inflatedBody;
  }

  /** Why `body` can't be had. Undefined as long as nobody has tried. */
  get bodyError(): MessageFormatError | undefined {
    return this.#inflateError;
  }

  /**
   * Makes `body` ready, at once where that is cheap, else off the event loop. A failure is not thrown here but by `body`,
   * and to be seen in {@link bodyError}.
   *
   * @param maxLength the most bytes the body may have
   */
  inflate(maxLength: number = MAX_INFLATED_BODY_LENGTH): void | Promise<void> {
    if (this.#inflatedBody !== undefined) return;
    if (this.#inflateError !== undefined) {
      // A codec that wasn't loaded when somebody looked may be by now; any other failure stays one.
      if (this.#inflateError.code !== 'ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE') return;
      this.#inflateError = undefined;
    }
    if (!this.isCompressed) {
      this.#inflatedBody = this.rawBody;
      return;
    }
    const type = compressionBits(this.sysFlag);
    if (this.bodyLength <= SYNC_INFLATE_LIMIT && isCompressionReady(type)) return this.#inflateNow(maxLength);
    return decompressAsync(type, this.rawBody, maxLength).then(
      (body) => {
        this.#inflatedBody = body;
      },
      (error: unknown) => {
        this.#inflateError = asFormatError(error);
      },
    );
  }

  #inflateNow(maxLength: number): void {
    try {
      const { rawBody } = this;
      this.#inflatedBody = this.isCompressed ? decompress(compressionBits(this.sysFlag), rawBody, maxLength) : rawBody;
    } catch (error) {
      this.#inflateError = asFormatError(error);
    }
  }

  /** The properties in their text form, see properties.ts. */
  get propertiesText(): string {
    if (this.#decodedText === undefined) {
      const content = this.#content;
      this.#decodedText = content.toString('utf8', this.#propertiesStart, this.#propertiesEnd);
    }
    return this.#decodedText;
  }

  get properties(): Properties {
    this.#decodedProperties ??= parseProperties(this.propertiesText);
    return this.#decodedProperties;
  }

  /** One property, without reading the others. */
  getProperty(name: string): string | undefined {
    return findProperty(this.propertiesText, name);
  }

  get tags(): string | undefined {
    return this.getProperty(PropertyName.TAGS);
  }

  get keys(): readonly string[] {
    const keys = this.getProperty(PropertyName.KEYS);
    return keys === undefined ? [] : keys.split(KEY_SEPARATOR).filter((key) => key !== '');
  }

  get shardingKey(): string | undefined {
    return this.getProperty(PropertyName.SHARDING_KEY) ?? this.getProperty(PropertyName.GO_SHARDING_KEY);
  }

  get msgId(): string {
    return this.getProperty(PropertyName.UNIQ_KEY) ?? this.offsetMsgId;
  }

  get offsetMsgId(): string {
    const bytes = this.#bytes;
    const start = this.#storeHostStart;
    return offsetMessageIdOfBytes(bytes, start, start + storeHostLength(this.sysFlag), this.commitLogOffset);
  }

  get bornTimestamp(): number {
    return int64(this.#bytes, this.#recordStart + BORN_TIMESTAMP_AT);
  }

  get storeTimestamp(): number {
    return int64(this.#bytes, this.#storeHostStart - 8);
  }

  get bornHost(): string {
    const isV6 = (this.sysFlag & MessageSysFlag.BORNHOST_V6) !== 0;
    return decodeHost(this.#bytes, this.#recordStart + BORN_HOST_AT, isV6);
  }

  get storeHost(): string {
    return decodeHost(this.#bytes, this.#storeHostStart, (this.sysFlag & MessageSysFlag.STOREHOST_V6) !== 0);
  }

  get commitLogOffset(): number {
    return int64(this.#bytes, this.#recordStart + COMMIT_LOG_OFFSET_AT);
  }

  get preparedTransactionOffset(): number {
    return int64(this.#bytes, this.#storeHostStart + storeHostLength(this.sysFlag) + 4);
  }

  get #storeHostStart(): number {
    return this.#recordStart + BORN_HOST_AT + bornHostLength(this.sysFlag) + 8;
  }

  /** Everything `encodeMessage` takes to write the same bytes again. */
  toRecord(): MessageRecord {
    return {
      topic: this.topic,
      queueId: this.queueId,
      queueOffset: this.queueOffset,
      commitLogOffset: this.commitLogOffset,
      flag: this.flag,
      sysFlag: this.sysFlag,
      bornTimestamp: this.bornTimestamp,
      bornHost: this.bornHost,
      storeTimestamp: this.storeTimestamp,
      storeHost: this.storeHost,
      reconsumeTimes: this.reconsumeTimes,
      preparedTransactionOffset: this.preparedTransactionOffset,
      body: this.rawBody,
      bodyCrc: this.bodyCrc,
      properties: this.propertiesText,
    };
  }

  /** What `console.log` shows: the body is left out, it may be large or secret. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    const { topic, brokerName, queueId, queueOffset, msgId, tags, keys, reconsumeTimes, bodyLength } = this;
    return { topic, brokerName, queueId, queueOffset, msgId, tags, keys, reconsumeTimes, bodyLength };
  }
}

/** Codecs and mini records throw nothing else; should one, the message is unreadable all the same. */
export function asFormatError(error: unknown): MessageFormatError {
  if (error instanceof MessageFormatError) return error;
  return new MessageFormatError('ERR_ROCKETMQ_MESSAGE_MALFORMED', "a message body can't be read", undefined, error);
}
