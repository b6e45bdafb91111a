import { randomBytes } from 'node:crypto';
import { ValidationError } from '../errors.js';
import { decodeHost, encodeHost, encodeIp } from './host-address.js';

/**
 * The two ids of a message, both in upper case hexadecimal.
 *
 *     UNIQ_KEY    = ip(4|16) process id:int16 random(4) milliseconds since the month began:int32 counter:int16
 *     offsetMsgId = store host ip(4|16) port:int32 commit log offset:int64
 *
 * The first is given by the sender, the second says where the message is stored.
 */

const COUNTER_LIMIT = 0x10000;

/** Gives out `UNIQ_KEY`s: different ones for every message of one generator, and almost surely for those of others. */
export class MessageIdGenerator {
  readonly #prefix: string;
  #counter: number;
  #monthStart = 0;
  #nextMonth = 0;

  /**
   * @param ip the machine's address, IPv4 or IPv6; only to tell generators apart
   * @param processId default this process's
   * @throws ValidationError when `ip` is no IP address
   */
  constructor(ip: string, processId: number = process.pid) {
    const address = encodeIp(ip);
    if (address === undefined) throw new ValidationError('ip', ip, 'an IPv4 or IPv6 address');
    // The process id may be that of another container with the same address: four random bytes tell them apart.
    const random = randomBytes(6);
    const pid = Buffer.from([(processId >> 8) & 0xff, processId & 0xff]);
    this.#prefix = Buffer.concat([address, pid, random.subarray(0, 4)])
      .toString('hex')
      .toUpperCase();
    this.#counter = random.readUInt16BE(4);
  }

  /** @param wallTime milliseconds since 1970 */
  next(wallTime: number): string {
    if (wallTime < this.#monthStart || wallTime >= this.#nextMonth) this.#setMonth(wallTime);
    const sinceMonthStart = Math.trunc(wallTime - this.#monthStart);
    this.#counter = (this.#counter + 1) % COUNTER_LIMIT;
    return this.#prefix + hex(sinceMonthStart, 8) + hex(this.#counter, 4);
  }

  /** The month is the local one, as in the reference, which reads the sending time out of the id. */
  #setMonth(wallTime: number): void {
    const date = new Date(wallTime);
    this.#monthStart = new Date(date.getFullYear(), date.getMonth(), 1).getTime();
    this.#nextMonth = new Date(date.getFullYear(), date.getMonth() + 1, 1).getTime();
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/**
 * The id that says where a message is stored.
 *
 * @throws ProtocolError `ERR_ROCKETMQ_FIELD_MALFORMED` when `storeHost` is no IP address
 */
export function offsetMessageId(storeHost: string, port: number, commitLogOffset: number): string {
  const host = encodeHost(
    storeHost.includes(':') ? `[${storeHost.replace(/^\[(.*)\]$/, '$1')}]:${port}` : `${storeHost}:${port}`,
  );
  return offsetMessageIdOfBytes(host, 0, host.length, commitLogOffset);
}

/** The same, of a host as it stands in `bytes[start, end)`. */
export function offsetMessageIdOfBytes(bytes: Buffer, start: number, end: number, commitLogOffset: number): string {
  const length = end - start;
  const id = Buffer.allocUnsafe(length + 8);
  bytes.copy(id, 0, start, end);
  id.writeBigInt64BE(BigInt(commitLogOffset), length);
  return id.toString('hex').toUpperCase();
}

export interface OffsetMessageId {
  /** `ip:port` of the broker that stored the message. */
  readonly storeHost: string;
  readonly commitLogOffset: number;
}

/** @throws ValidationError when `id` is no such id */
export function parseOffsetMessageId(id: string): OffsetMessageId {
  if (!/^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{56})$/.test(id)) {
    throw new ValidationError('offsetMsgId', id, '32 or 56 hexadecimal digits');
  }
  const bytes = Buffer.from(id, 'hex');
  const commitLogOffset = Number(bytes.readBigInt64BE(bytes.length - 8));
  if (!Number.isSafeInteger(commitLogOffset)) {
    throw new ValidationError('offsetMsgId', id, 'an id whose offset is within 2^53 - 1');
  }
  return { storeHost: decodeHost(bytes, 0, id.length === 56), commitLogOffset };
}
