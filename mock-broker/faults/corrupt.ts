import type { ResponseCommand } from '../../lib/protocol/command.js';
import { BODY_CRC_AT, BODY_LENGTH_AFTER_HOSTS, BORN_HOST_AT, bornHostLength, storeHostLength, SYS_FLAG_AT } from '../../lib/protocol/message-record.js'; // prettier-ignore
import { CompressionType, withCompression } from '../../lib/protocol/sys-flag.js';
import type { CorruptPart } from './rule.js';

/** Damaged answers: a frame's own bytes, or those of the first stored record in it. */

/** A length no peer takes. */
const ABSURD_LENGTH = 0x7fff_ffff;
/** Where a frame's header begins: after its length, and the header's length with the form of it. */
const HEADER_AT = 8;

/** Where a stored record has its magic code: after its size. */
const MAGIC_AT = 4;

/** `frame` in its damaged form; the same for what is not about frames. */
export function corruptFrame(frame: Buffer, what: CorruptPart): Buffer {
  if (what !== 'length' && what !== 'header') return frame;
  const damaged = Buffer.from(frame);
  if (what === 'length') damaged.writeInt32BE(ABSURD_LENGTH, 0);
  else damaged.fill(0xff, HEADER_AT, HEADER_AT + (damaged.readInt32BE(4) & 0xff_ffff));
  return damaged;
}

/** The answer with its first record damaged; as it is when it has none. */
export function corruptRecord(response: ResponseCommand, what: CorruptPart): ResponseCommand {
  const { body } = response;
  if (body === undefined || body.length <= BORN_HOST_AT || what === 'length' || what === 'header') return response;
  const size = body.readInt32BE(0);
  if (size <= BORN_HOST_AT || size > body.length) return response;
  if (what === 'truncate') return { ...response, body: body.subarray(0, Math.floor(size / 2)) };
  const damaged = Buffer.from(body);
  if (what === 'magic') damaged.writeInt32BE(~damaged.readInt32BE(MAGIC_AT), MAGIC_AT);
  else if (what === 'crc') damaged.writeInt32BE(~damaged.readInt32BE(BODY_CRC_AT), BODY_CRC_AT);
  else spoilCompression(damaged);
  return { ...response, body: damaged };
}

/** Lets the body claim to be compressed, and makes sure that it isn't. */
function spoilCompression(record: Buffer): void {
  const sysFlag = record.readInt32BE(SYS_FLAG_AT);
  record.writeInt32BE(withCompression(sysFlag, CompressionType.ZLIB), SYS_FLAG_AT);
  // Between the hosts is the time of storing.
  const lengthAt = BORN_HOST_AT + bornHostLength(sysFlag) + 8 + storeHostLength(sysFlag) + BODY_LENGTH_AFTER_HOSTS;
  const length = record.readInt32BE(lengthAt);
  record.fill(0xff, lengthAt + 4, lengthAt + 4 + Math.min(length, 2));
}
