import { measureLz4Frame, measureZstdFrames } from '../../../lib/protocol/compressed-frames.js';
import { compressSync, decompress, decompressAsync, prepareCompression } from '../../../lib/protocol/compression.js';
import { CompressionType } from '../../../lib/protocol/sys-flag.js';
import { RocketMQError } from '../../../lib/errors.js';
import { expectSame } from '../equal.js';
import { lz4Tree, zstdFrame, zstdTree } from '../model/compressed.js';
import { bytes, group, int, packed, type Piece } from '../model/piece.js';
import { Discrepancy, type FuzzTarget } from '../target.js';
import { BODY_LIMIT } from './messages.js';

/** Compressed bodies by themselves, each codec behind the same limit. */

await prepareCompression(CompressionType.ZSTD);

const text = Buffer.from('hello hello hello hello, '.repeat(12));
const noise = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff));
const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');
const deflate = (content: Buffer): Buffer => compressSync(CompressionType.ZLIB, content);

const zlibSeeds: Piece[] = [
  packed(bytes(text), deflate),
  packed(bytes(noise), deflate),
  zlibTree(deflate(text)),
  zlibTree(deflate(noise)),
  zlibTree(deflate(Buffer.alloc(20_000))),
];

function zlibTree(stream: Buffer): Piece {
  return group(int(1, stream.readUInt8(0)), int(1, stream.readUInt8(1)), bytes(stream.subarray(2, -4)), bytes(stream.subarray(-4)));
} // prettier-ignore

const lz4Seeds: Piece[] = [
  ...[text, noise, Buffer.alloc(20_000)].map((content) => lz4Tree(content)),
  bytes(compressSync(CompressionType.LZ4, Buffer.alloc(0))),
  lz4Tree(text, { contentSize: true }),
  lz4Tree(text, { blockChecksums: true }),
  lz4Tree(text, { contentChecksum: true }),
  lz4Tree(text, { contentSize: true, blockChecksums: true, contentChecksum: true }),
];

const zstdSeeds: Piece[] = [
  zstdTree([{ stored: text.subarray(0, 200) }], 1),
  zstdTree([{ stored: text }, { byte: 97, times: 1_000 }], 2),
  zstdTree([{ byte: 0, times: 20_000 }, { stored: noise }], 4),
  zstdTree([{ stored: noise }], 8),
  // As the reference's codec writes them: a block with literals and sequences, and no length.
  zstdFrame(fromHex('28b52ffd00586400003068656c6c6f200100994b11010000')),
  zstdFrame(fromHex('28b52ffd00585400001061610100fbff39c00202001061029f0461010000')),
];

const MEASURES = {
  [CompressionType.LZ4]: measureLz4Frame,
  [CompressionType.ZSTD]: measureZstdFrames,
  [CompressionType.ZLIB]: undefined,
} as const;

function target(name: string, type: CompressionType, seeds: readonly Piece[]): FuzzTarget {
  return {
    name,
    weight: 2,
    seeds,
    run(input) {
      const body = decompress(type, input, BODY_LIMIT);
      if (body.length > BODY_LIMIT) throw new Discrepancy(`a body over the limit: ${body.length} bytes`);
      const measure = MEASURES[type]?.(input);
      if (measure !== undefined && (measure.exact ? body.length !== measure.length : body.length > measure.length)) {
        throw new Discrepancy(`a body and its measure: ${body.length} bytes and ${measure.length}`);
      }
      if (input.length % 64 === 0) return sameAsync(type, input, body);
      return body;
    },
    allowance: () => 8 * BODY_LIMIT,
  };
}

/** Some are unpacked on another thread, too. */
async function sameAsync(type: CompressionType, input: Buffer, body: Buffer): Promise<Buffer> {
  try {
    expectSame(await decompressAsync(type, input, BODY_LIMIT), body, 'a body unpacked on another thread');
  } catch (error) {
    if (error instanceof RocketMQError) throw new Discrepancy(`a body only refused on another thread: ${error.code}`);
    throw error;
  }
  return body;
}

export const compressionTargets: readonly FuzzTarget[] = [
  target('compressed-zlib', CompressionType.ZLIB, zlibSeeds),
  target('compressed-lz4', CompressionType.LZ4, lz4Seeds),
  target('compressed-zstd', CompressionType.ZSTD, zstdSeeds),
];
