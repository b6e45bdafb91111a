/**
 * Walks over LZ4 and Zstandard frames without unpacking them, to learn how long the result will be. The codecs behind
 * compression.ts can't be told a limit, and some of them take a truncated frame for a shorter one.
 *
 *     LZ4 frame   magic:04224d18 flags:int8 blockSize:int8 contentSize:int64? dictionaryId:int32? headerChecksum:int8
 *                 *(size:int32, top bit: stored as it is; data; checksum:int32?) 0:int32 contentChecksum:int32?
 *     LZ4 block   *(token:int8 *255 lastLength? literals [offset:int16 *255 lastLength?])
 *     Zstd frame  magic:28b52ffd descriptor:int8 window:int8? dictionaryId(0|1|2|4) contentSize(0|1|2|4|8)
 *                 *(last:1bit type:2bit size:21bit data) checksum:int32?
 *
 * All integers are little endian.
 */

/** How long the result is at most, and whether it is exactly that long. */
export interface FrameMeasure {
  readonly length: number;
  readonly exact: boolean;
}

const LZ4_MAGIC = 0x184d2204;
const LZ4_STORED = 0x80000000;
const LZ4_MIN_MATCH = 4;

/** The measure of one LZ4 frame, always exact; undefined when it is malformed, cut short or followed by something. */
export function measureLz4Frame(data: Buffer): FrameMeasure | undefined {
  if (data.length < 7 || data.readUInt32LE(0) !== LZ4_MAGIC) return undefined;
  const flags = data.readUInt8(4);
  const hasBlockChecksums = (flags & 0x10) !== 0;
  const hasContentSize = (flags & 0x08) !== 0;
  const hasContentChecksum = (flags & 0x04) !== 0;
  const hasDictionaryId = (flags & 0x01) !== 0;
  if (flags >> 6 !== 1) return undefined;
  let at = 6 + (hasContentSize ? 8 : 0) + (hasDictionaryId ? 4 : 0) + 1;
  let length = 0;
  for (;;) {
    if (at + 4 > data.length) return undefined;
    const word = data.readUInt32LE(at);
    at += 4;
    if (word === 0) break;
    const size = word & ~LZ4_STORED;
    const end = at + size;
    if (end > data.length) return undefined;
    const blockLength = word >= LZ4_STORED ? size : measureLz4Block(data, at, end);
    if (blockLength === undefined) return undefined;
    length += blockLength;
    at = end + (hasBlockChecksums ? 4 : 0);
  }
  at += hasContentChecksum ? 4 : 0;
  return at === data.length ? { length, exact: true } : undefined;
}

function measureLz4Block(data: Buffer, start: number, end: number): number | undefined {
  let at = start;
  let length = 0;
  while (at < end) {
    const token = data.readUInt8(at++);
    let literals = token >> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (at >= end) return undefined;
        more = data.readUInt8(at++);
        literals += more;
      } while (more === 255);
    }
    at += literals;
    length += literals;
    // The last sequence consists of literals only.
    if (at === end) return length;
    if (at + 2 > end) return undefined;
    at += 2;
    let match = token & 15;
    if (match === 15) {
      let more: number;
      do {
        if (at >= end) return undefined;
        more = data.readUInt8(at++);
        match += more;
      } while (more === 255);
    }
    length += match + LZ4_MIN_MATCH;
  }
  return undefined;
}

const ZSTD_MAGIC = 0xfd2fb528;
/** A block never unpacks to more. */
const ZSTD_MAX_BLOCK = 128 * 1024;
const DICTIONARY_ID_SIZES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_SIZES = [0, 2, 4, 8] as const;

/**
 * The measure of one or more Zstandard frames; undefined when they are malformed or cut short. Frames that were written
 * as a stream, as by the reference, don't tell their length: the measure is what their blocks can hold at most.
 */
export function measureZstdFrames(data: Buffer): FrameMeasure | undefined {
  let length = 0;
  let exact = true;
  let at = 0;
  do {
    const frame = measureZstdFrame(data, at);
    if (frame === undefined) return undefined;
    length += frame.length;
    exact &&= frame.exact;
    at = frame.end;
  } while (at < data.length);
  return { length, exact };
}

function measureZstdFrame(data: Buffer, start: number): (FrameMeasure & { end: number }) | undefined {
  if (start + 5 > data.length || data.readUInt32LE(start) !== ZSTD_MAGIC) return undefined;
  const descriptor = data.readUInt8(start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeLength = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_SIZES[sizeFlag] ?? 0);
  const sizeAt = start + 5 + (isSingleSegment ? 0 : 1) + (DICTIONARY_ID_SIZES[descriptor & 3] ?? 0);
  let at = sizeAt + sizeLength;
  if (at > data.length) return undefined;
  const declared = zstdContentSize(data, sizeAt, sizeLength);
  let bound = 0;
  let isLast = false;
  while (!isLast) {
    if (at + 3 > data.length) return undefined;
    const header = data.readUIntLE(at, 3);
    isLast = (header & 1) !== 0;
    const size = header >> 3;
    const type = (header >> 1) & 3;
    // 0: stored as it is, 1: one byte repeated, 2: compressed, 3: reserved.
    if (type === 3) return undefined;
    at += 3 + (type === 1 ? 1 : size);
    bound += type === 2 ? ZSTD_MAX_BLOCK : size;
  }
  at += hasChecksum ? 4 : 0;
  if (at > data.length) return undefined;
  return { length: declared ?? bound, exact: declared !== undefined, end: at };
}

function zstdContentSize(data: Buffer, at: number, length: number): number | undefined {
  switch (length) {
    case 0:
      return undefined;
    case 1:
      return data.readUInt8(at);
    case 2:
      return data.readUInt16LE(at) + 256;
    case 4:
      return data.readUInt32LE(at);
    default:
      return Number(data.readBigUInt64LE(at));
  }
}
