import { MessageFormatError, ValidationError } from '../errors.js';

/**
 * A batch: several messages of one topic in one body, sent by SEND_BATCH_MESSAGE and stored as one inner batch record.
 *
 *     batch       = *mini record
 *     mini record = totalSize:int32 magic:int32(0) crc:int32(0) flag:int32 bodyLength:int32 body
 *                   propertiesLength:int16 properties
 */

/** One message of a batch. */
export interface BatchMessage {
  readonly flag: number;
  readonly body: Buffer;
  /** In the text form of `encodeProperties`. */
  readonly properties: string;
}

/** Where the parts of a mini record are. */
export interface MiniRecord {
  readonly size: number;
  readonly flag: number;
  readonly bodyStart: number;
  readonly bodyLength: number;
  readonly propertiesStart: number;
  readonly propertiesEnd: number;
}

const BODY_AT = 20;
const MIN_SIZE = BODY_AT + 2;

/** The length of a record's properties is a Java short. */
export const MAX_PROPERTIES_LENGTH = 32_767;

/** @throws ValidationError when the properties of a message are over 32,767 bytes */
export function encodeBatch(messages: readonly BatchMessage[]): Buffer {
  return Buffer.concat(messages.flatMap(encodeMiniRecord));
}

function encodeMiniRecord(message: BatchMessage): Buffer[] {
  const properties = Buffer.from(message.properties);
  checkPropertiesLength(properties.length);
  const head = Buffer.alloc(BODY_AT);
  head.writeInt32BE(BODY_AT + message.body.length + 2 + properties.length, 0);
  head.writeInt32BE(message.flag, 12);
  head.writeInt32BE(message.body.length, 16);
  const propertiesLength = Buffer.alloc(2);
  propertiesLength.writeInt16BE(properties.length);
  return [head, message.body, propertiesLength, properties];
}

export function checkPropertiesLength(length: number): void {
  if (length > MAX_PROPERTIES_LENGTH) {
    throw new ValidationError('message.properties', `${length} bytes`, `at most ${MAX_PROPERTIES_LENGTH} bytes`);
  }
}

/** @throws MessageFormatError `ERR_ROCKETMQ_MESSAGE_TRUNCATED`, `ERR_ROCKETMQ_MESSAGE_MALFORMED` */
export function decodeBatch(bytes: Buffer): BatchMessage[] {
  return readMiniRecords(bytes, 0, bytes.length).map((record) => ({
    flag: record.flag,
    body: bytes.subarray(record.bodyStart, record.bodyStart + record.bodyLength),
    properties: bytes.toString('utf8', record.propertiesStart, record.propertiesEnd),
  }));
}

/** Finds the mini records in `bytes[start, end)`. @throws MessageFormatError as {@link decodeBatch} */
export function readMiniRecords(bytes: Buffer, start: number, end: number): MiniRecord[] {
  const records: MiniRecord[] = [];
  for (let at = start; at < end;) {
    const record = readMiniRecord(bytes, at, end);
    records.push(record);
    at += record.size;
  }
  return records;
}

function readMiniRecord(bytes: Buffer, at: number, end: number): MiniRecord {
  if (at + MIN_SIZE > end) throw truncated(at);
  const size = bytes.readInt32BE(at);
  if (size < MIN_SIZE) throw malformed('its size is too small', at);
  if (at + size > end) throw truncated(at);
  const bodyStart = at + BODY_AT;
  const bodyLength = bytes.readInt32BE(at + 16);
  if (bodyLength < 0 || bodyStart + bodyLength + 2 > at + size) throw malformed('its body does not fit', at);
  const propertiesStart = bodyStart + bodyLength + 2;
  const propertiesEnd = propertiesStart + bytes.readUInt16BE(propertiesStart - 2);
  if (propertiesEnd > at + size) throw malformed('its properties do not fit', at);
  return { size, flag: bytes.readInt32BE(at + 12), bodyStart, bodyLength, propertiesStart, propertiesEnd };
}

function truncated(at: number): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_MESSAGE_TRUNCATED', 'a message of a batch is cut short', { at });
}

function malformed(reason: string, at: number): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_MESSAGE_MALFORMED', `a message of a batch can't be read: ${reason}`, {
    at,
  });
}
