import { crc32 } from 'node:zlib';
import { ValidationError } from '../errors.js';
import { encodeHost } from './host-address.js';
import { checkPropertiesLength } from './message-batch.js';
import { MessageSysFlag } from './sys-flag.js';

/**
 * A message as a broker stores it and a pull brings it.
 *
 *     record = totalSize:int32 magic:int32 bodyCrc:int32 queueId:int32 flag:int32 queueOffset:int64
 *              commitLogOffset:int64 sysFlag:int32 bornTimestamp:int64 bornHost(8|20) storeTimestamp:int64
 *              storeHost(8|20) reconsumeTimes:int32 preparedTransactionOffset:int64 bodyLength:int32 body
 *              topicLength:int8|int16 topic propertiesLength:int16 properties
 *     magic  = daa320a7: topicLength is an int8 | daa320ab: it is an int16
 *
 * Whether a host has 8 bytes or 20 is told by two bits of `sysFlag`.
 */
export interface MessageRecord {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly commitLogOffset: number;
  readonly flag: number;
  /** Bits of `MessageSysFlag`; those for IPv6 follow from the hosts. */
  readonly sysFlag: number;
  /** Ms since 1970. */
  readonly bornTimestamp: number;
  /** `ip:port` of the sender, `[ip]:port` for IPv6. */
  readonly bornHost: string;
  readonly storeTimestamp: number;
  readonly storeHost: string;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  /** As stored: compressed when `sysFlag` says so. */
  readonly body: Buffer;
  /** Default: computed. */
  readonly bodyCrc?: number | undefined;
  /** In the text form of `encodeProperties`. */
  readonly properties: string;
}

export const MAGIC_V1 = 0xdaa320a7 | 0;
export const MAGIC_V2 = 0xdaa320ab | 0;

/** Where the fields before the first host are. */
export const BODY_CRC_AT = 8;
export const QUEUE_ID_AT = 12;
export const FLAG_AT = 16;
export const QUEUE_OFFSET_AT = 20;
export const COMMIT_LOG_OFFSET_AT = 28;
export const SYS_FLAG_AT = 36;
export const BORN_TIMESTAMP_AT = 40;
export const BORN_HOST_AT = 48;
/** From the end of the store host to the length of the body: reconsume times and prepared transaction offset. */
export const BODY_LENGTH_AFTER_HOSTS = 12;
/** A record with IPv4 hosts and nothing in it: no body, no topic, no properties. */
export const MIN_RECORD = 91;

const IPV4_HOST = 8;
const IPV6_HOST = 20;
/** What is neither host, body, topic nor properties, with a topic length of one byte. */
const FIXED_LENGTH = 75;

export function bornHostLength(sysFlag: number): number {
  return (sysFlag & MessageSysFlag.BORNHOST_V6) === 0 ? IPV4_HOST : IPV6_HOST;
}

export function storeHostLength(sysFlag: number): number {
  return (sysFlag & MessageSysFlag.STOREHOST_V6) === 0 ? IPV4_HOST : IPV6_HOST;
}

/** The check value of a stored body: CRC-32 without its sign bit. */
export function messageBodyCrc(body: Buffer): number {
  return crc32(body) & 0x7fffffff;
}

/** A record whose hosts may be encoded already: who stores many knows them all. */
export interface EncodableRecord extends Omit<MessageRecord, 'bornHost' | 'storeHost'> {
  readonly bornHost: string | Buffer;
  readonly storeHost: string | Buffer;
}

/**
 * The record's bytes.
 *
 * @param version 1 for a topic length of one byte, 2 for two bytes; default 1 as long as the topic fits, as in the reference
 * @throws ValidationError when the topic or the properties are too long
 * @throws ProtocolError when a host is no IP address and port
 */
export function encodeMessage(
  record: EncodableRecord,
  version?: 1 | 2,
  allocate: (size: number) => Buffer = (size) => Buffer.allocUnsafe(size),
): Buffer {
  const topicLength = Buffer.byteLength(record.topic);
  const propertiesLength = Buffer.byteLength(record.properties);
  checkPropertiesLength(propertiesLength);
  const topicLimit = version === 1 ? 127 : 32_767;
  if (topicLength > topicLimit) throw new ValidationError('message.topic', record.topic, `at most ${topicLimit} bytes`);
  const isV2 = version === 2 || topicLength > 127;
  const bornHost = hostBytes(record.bornHost);
  const storeHost = hostBytes(record.storeHost);
  const size =
    FIXED_LENGTH +
    (isV2 ? 1 : 0) +
    bornHost.length +
    storeHost.length +
    record.body.length +
    topicLength +
    propertiesLength;
  const bytes = allocate(size);
  let at = bytes.writeInt32BE(size, 0);
  at = bytes.writeInt32BE(isV2 ? MAGIC_V2 : MAGIC_V1, at);
  at = bytes.writeInt32BE(record.bodyCrc ?? messageBodyCrc(record.body), at);
  at = bytes.writeInt32BE(record.queueId, at);
  at = bytes.writeInt32BE(record.flag, at);
  at = writeInt64(bytes, record.queueOffset, at);
  at = writeInt64(bytes, record.commitLogOffset, at);
  at = bytes.writeInt32BE(sysFlagFor(record.sysFlag, bornHost, storeHost), at);
  at = writeInt64(bytes, record.bornTimestamp, at);
  at += bornHost.copy(bytes, at);
  at = writeInt64(bytes, record.storeTimestamp, at);
  at += storeHost.copy(bytes, at);
  at = bytes.writeInt32BE(record.reconsumeTimes, at);
  at = writeInt64(bytes, record.preparedTransactionOffset, at);
  at = bytes.writeInt32BE(record.body.length, at);
  at += record.body.copy(bytes, at);
  at = isV2 ? bytes.writeInt16BE(topicLength, at) : bytes.writeInt8(topicLength, at);
  at += bytes.write(record.topic, at);
  at = bytes.writeInt16BE(propertiesLength, at);
  bytes.write(record.properties, at);
  return bytes;
}

function hostBytes(host: string | Buffer): Buffer {
  return typeof host === 'string' ? encodeHost(host) : host;
}

function sysFlagFor(sysFlag: number, bornHost: Buffer, storeHost: Buffer): number {
  const born = bornHost.length === IPV4_HOST ? 0 : MessageSysFlag.BORNHOST_V6;
  const store = storeHost.length === IPV4_HOST ? 0 : MessageSysFlag.STOREHOST_V6;
  return (sysFlag & ~(MessageSysFlag.BORNHOST_V6 | MessageSysFlag.STOREHOST_V6)) | born | store;
}

function writeInt64(bytes: Buffer, value: number, at: number): number {
  // The greatest number of 64 bits is read as 2^63, which has no place in them.
  if (value >= 2 ** 63) return bytes.writeUInt32BE(0xffff_ffff, bytes.writeInt32BE(0x7fff_ffff, at));
  // As two halves: half the price of a BigInt.
  return bytes.writeUInt32BE(value >>> 0, bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), at));
}
