import { compressSync } from '../../../lib/protocol/compression.js';
import { CompressionType } from '../../../lib/protocol/sys-flag.js';
import { bytes, group, int, packed, sized, type Piece } from './piece.js';
import { xxHash32 } from './xx-hash.js';

/** Compressed bodies as trees, with the checksums that would keep a changed one from being looked into put right. */

/** What LZ4 frames can have besides their blocks. */
export interface Lz4Parts {
  readonly contentSize?: boolean;
  readonly blockChecksums?: boolean;
  readonly contentChecksum?: boolean;
}

/** An LZ4 frame of one block. */
export function lz4Tree(content: Buffer, parts: Lz4Parts = {}): Piece {
  const { contentSize = false, blockChecksums = false, contentChecksum = false } = parts;
  const flags = 0x60 | (blockChecksums ? 0x10 : 0) | (contentSize ? 0x08 : 0) | (contentChecksum ? 0x04 : 0);
  const descriptor = group(int(1, flags), int(1, 0x70), ...(contentSize ? [int(8, content.length, true)] : []));
  const { data, isStored } = onlyBlock(compressSync(CompressionType.LZ4, content));
  const block = sized(4, isStored ? bytes(data) : lz4Block(data), { little: true, high: isStored ? 0x80 : 0 });
  return group(
    int(4, 0x184d2204, true),
    packed(descriptor, (head) => Buffer.concat([head, Buffer.from([(xxHash32(head) >>> 8) & 0xff])])),
    // The checksum is that of the data alone, without its length.
    blockChecksums ? packed(block, (written) => withChecksum(written, written.subarray(4))) : block,
    int(4, 0, true),
    ...(contentChecksum ? [int(4, xxHash32(content) | 0, true)] : []),
  );
}

function withChecksum(written: Buffer, covered: Buffer): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(xxHash32(covered));
  return Buffer.concat([written, sum]);
}

function onlyBlock(frame: Buffer): { data: Buffer; isStored: boolean } {
  const at = 7 + ((frame.readUInt8(4) & 0x08) === 0 ? 0 : 8);
  const size = frame.readUInt32LE(at);
  return { data: frame.subarray(at + 4, at + 4 + (size & 0x7fffffff)), isStored: size >= 0x80000000 };
}

/** The sequences of a block: token, literals, and where the match is. */
function lz4Block(block: Buffer): Piece {
  const items: Piece[] = [];
  for (let at = 0; at < block.length;) {
    const token = block.readUInt8(at);
    items.push(int(1, token));
    const literals = longLength(block, at + 1, token >> 4);
    if (literals.end > at + 1) items.push(bytes(block.subarray(at + 1, literals.end)));
    at = literals.end + literals.length;
    items.push(bytes(block.subarray(literals.end, at)));
    if (at >= block.length) break;
    items.push(int(2, block.readUInt16LE(at), true));
    const match = longLength(block, at + 2, token & 15);
    if (match.end > at + 2) items.push(bytes(block.subarray(at + 2, match.end)));
    at = match.end;
  }
  return group(...items);
}

function longLength(block: Buffer, start: number, short: number): { length: number; end: number } {
  let length = short;
  let end = start;
  if (short < 15) return { length, end };
  for (let more = 255; more === 255; length += more) more = block.readUInt8(end++);
  return { length, end };
}

/** The blocks of a Zstandard frame: stored as they are, or one byte many times. */
type ZstdBlock = { readonly stored: Buffer } | { readonly byte: number; readonly times: number };

/** A Zstandard frame of the two kinds of blocks that take no entropy coder, in a single segment of a declared length. */
export function zstdTree(blocks: readonly ZstdBlock[], sizeLength: 1 | 2 | 4 | 8): Piece {
  const length = blocks.reduce((sum, block) => sum + ('stored' in block ? block.stored.length : block.times), 0);
  const sizeFlag = { 1: 0, 2: 1, 4: 2, 8: 3 }[sizeLength];
  const written = blocks.map((block, i) => zstdBlock(block, i === blocks.length - 1));
  const declared = int(sizeLength, sizeLength === 2 ? length - 256 : length, true);
  return group(int(4, 0xfd2fb528 | 0, true), int(1, (sizeFlag << 6) | 0x20), declared, ...written);
}

function zstdBlock(block: ZstdBlock, isLast: boolean): Piece {
  const [type, size, data] = 'stored' in block ? [0, block.stored.length, block.stored] : [1, block.times, Buffer.from([block.byte])];
  return group(int(3, (isLast ? 1 : 0) | (type << 1) | (size << 3), true), bytes(data));
} // prettier-ignore

/** A frame as a codec wrote it, its head apart from the rest. */
export function zstdFrame(frame: Buffer): Piece {
  return group(bytes(frame.subarray(0, 4)), int(1, frame.readUInt8(4)), int(1, frame.readUInt8(5)), bytes(frame.subarray(6)));
} // prettier-ignore
