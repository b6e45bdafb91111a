import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { MessageFormatError } from '../errors.js';
import { measureLz4Frame, measureZstdFrames } from './compressed-frames.js';
import type { FrameMeasure } from './compressed-frames.js';
import { CompressionType } from './sys-flag.js';

/**
 * Packs and unpacks message bodies: zlib streams, LZ4 frames, Zstandard frames.
 *
 * zlib comes with Node. Zstandard comes with Node 22.15 and later; before that the package `zstddec` unpacks it. LZ4
 * needs the package `lz4-napi`. Both packages are optional and are looked for when the first such body arrives: without
 * them that message fails loudly, it is never taken for something else.
 */

/** The reference's own choice, from 0 to 9. */
const DEFAULT_LEVEL = 5;

/** `ZSTD_c_compressionLevel` of zstd.h, which @types/node does not know for Node 20. */
const ZSTD_LEVEL_PARAMETER = 100;

/** The part of `lz4-napi` used here. */
interface Lz4Package {
  compressFrameSync(data: Buffer): Buffer;
  decompressFrameSync(data: Buffer): Buffer;
  decompressFrame(data: Buffer): Promise<Buffer>;
}

/** The part of `zstddec` used here. */
interface ZstdPackage {
  readonly ZSTDDecoder: new () => ZstdDecoder;
}

interface ZstdDecoder {
  init(): Promise<void>;
  decode(data: Uint8Array, capacity: number): Uint8Array;
}

/** Zstandard of `node:zlib`; absent before Node 22.15. */
interface NativeZstd {
  readonly zstdDecompressSync?: (data: Buffer, options: { maxOutputLength: number }) => Buffer;
  readonly zstdCompressSync?: (data: Buffer, options: { params: Record<number, number> }) => Buffer;
}

/** Where codecs come from; tests put their own. */
export interface CodecSources {
  readonly loadLz4: () => Lz4Package;
  readonly loadZstd: () => Promise<ZstdPackage>;
  readonly nativeZstd: NativeZstd;
}

const installedSources: CodecSources = {
  loadLz4: () => createRequire(import.meta.url)('lz4-napi') as Lz4Package,
  loadZstd: () => import('zstddec'),
  nativeZstd: zlib as NativeZstd,
};

const inflate = promisify(zlib.inflate) as (data: Buffer, options: zlib.ZlibOptions) => Promise<Buffer>;
const deflate = promisify(zlib.deflate) as (data: Buffer, options: zlib.ZlibOptions) => Promise<Buffer>;

export class Codecs {
  readonly #sources: CodecSources;
  #lz4: Lz4Package | undefined;
  #zstdDecoder: ZstdDecoder | undefined;
  #zstdLoading: Promise<void> | undefined;

  constructor(sources: CodecSources = installedSources) {
    this.#sources = sources;
  }

  /** See {@link prepareCompression}. */
  async prepare(type: number): Promise<void> {
    if (type === CompressionType.LZ4) this.#requireLz4();
    if (type !== CompressionType.ZSTD || this.isReady(type)) return;
    this.#zstdLoading ??= this.#loadZstdDecoder().finally(() => {
      this.#zstdLoading = undefined;
    });
    await this.#zstdLoading;
  }

  /** Whether {@link decompress} needs no {@link prepare} first. */
  isReady(type: number): boolean {
    if (type !== CompressionType.ZSTD) return true;
    return this.#sources.nativeZstd.zstdDecompressSync !== undefined || this.#zstdDecoder !== undefined;
  }

  /** See the function {@link decompress}. */
  decompress(type: number, data: Buffer, maxLength: number): Buffer {
    switch (type) {
      case 0:
      case CompressionType.ZLIB:
        return guard('zlib', data, maxLength, () => zlib.inflateSync(data, { maxOutputLength: maxLength }));
      case CompressionType.LZ4: {
        const lz4 = this.#requireLz4();
        const { length } = requireMeasure('LZ4', data, measureLz4Frame(data), maxLength);
        return requireLength(
          'LZ4',
          data,
          guard('LZ4', data, maxLength, () => lz4.decompressFrameSync(data)),
          length,
        );
      }
      case CompressionType.ZSTD:
        return this.#decompressZstd(data, maxLength);
      default:
        throw unknownType(type);
    }
  }

  /** See the function {@link decompressAsync}. */
  async decompressAsync(type: number, data: Buffer, maxLength: number): Promise<Buffer> {
    if (type === 0 || type === CompressionType.ZLIB) {
      return inflate(data, { maxOutputLength: maxLength }).catch((error: unknown) => {
        throw asFormatError('zlib', data, maxLength, error);
      });
    }
    if (type === CompressionType.LZ4) {
      const lz4 = this.#requireLz4();
      const { length } = requireMeasure('LZ4', data, measureLz4Frame(data), maxLength);
      const body = await lz4.decompressFrame(data).catch((error: unknown) => {
        throw asFormatError('LZ4', data, maxLength, error);
      });
      return requireLength('LZ4', data, body, length);
    }
    await this.prepare(type);
    return this.decompress(type, data, maxLength);
  }

  /** See the function {@link compressSync}. */
  compress(type: number, data: Buffer, level = DEFAULT_LEVEL): Buffer {
    switch (type) {
      case 0:
      case CompressionType.ZLIB:
        return zlib.deflateSync(data, { level });
      case CompressionType.LZ4:
        return this.#requireLz4().compressFrameSync(data);
      case CompressionType.ZSTD: {
        const { zstdCompressSync } = this.#sources.nativeZstd;
        if (zstdCompressSync === undefined)
          throw unavailable('compressing with zstd needs Node 22.15 or later', 'zstd');
        return zstdCompressSync(data, { params: { [ZSTD_LEVEL_PARAMETER]: level } });
      }
      default:
        throw unknownType(type);
    }
  }

  #requireLz4(): Lz4Package {
    try {
      this.#lz4 ??= this.#sources.loadLz4();
    } catch (error) {
      throw unavailable('a body is LZ4 compressed: install the package lz4-napi to read it', 'lz4-napi', error);
    }
    return this.#lz4;
  }

  async #loadZstdDecoder(): Promise<void> {
    try {
      const decoder = new (await this.#sources.loadZstd()).ZSTDDecoder();
      await decoder.init();
      this.#zstdDecoder = decoder;
    } catch (error) {
      throw unavailable(
        'a body is zstd compressed: install the package zstddec to read it, or use Node 22.15 or later',
        'zstddec',
        error,
      );
    }
  }

  #decompressZstd(data: Buffer, maxLength: number): Buffer {
    const measure = requireMeasure('zstd', data, measureZstdFrames(data), maxLength);
    const { zstdDecompressSync } = this.#sources.nativeZstd;
    if (zstdDecompressSync !== undefined) {
      return guard('zstd', data, maxLength, () => zstdDecompressSync(data, { maxOutputLength: maxLength }));
    }
    const decoder = this.#zstdDecoder;
    if (decoder === undefined) {
      throw unavailable('a body is zstd compressed and the codec is not loaded: prepare it first', 'zstddec');
    }
    // A capacity of 0 would have the decoder look for a length the frame may not tell.
    const capacity = Math.max(1, Math.min(measure.length, maxLength));
    const body = guard('zstd', data, maxLength, () => asBuffer(decoder.decode(data, capacity)));
    // The decoder shows a failure, too small a capacity among them, only by an empty result.
    if (body.length === 0 && measure.length > maxLength) throw tooLarge('zstd', data, maxLength);
    if (body.length === 0 && measure.length > 0) throw corrupt('zstd', data);
    return measure.exact ? requireLength('zstd', data, body, measure.length) : body;
  }
}

const codecs = new Codecs();

/**
 * Loads what reading bodies of this type takes, so that {@link decompress} can do it at once. Only zstd before Node 22.15
 * needs it.
 *
 * @throws MessageFormatError `ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE`, naming the package to install
 */
export function prepareCompression(type: number): Promise<void> {
  return codecs.prepare(type);
}

/** Whether {@link decompress} of this type needs no {@link prepareCompression} first. */
export function isCompressionReady(type: number): boolean {
  return codecs.isReady(type);
}

/**
 * Unpacks a body.
 *
 * @param type the compression bits of the message's `sysFlag`: 0 and 3 zlib, 1 LZ4, 2 zstd
 * @param maxLength the most bytes the result may have
 * @throws MessageFormatError `ERR_ROCKETMQ_BODY_TOO_LARGE`, `ERR_ROCKETMQ_COMPRESSION_UNKNOWN`,
 *   `ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE`, `ERR_ROCKETMQ_COMPRESSION_CORRUPT`
 */
export function decompress(type: number, data: Buffer, maxLength: number): Buffer {
  return codecs.decompress(type, data, maxLength);
}

/** The same without blocking the event loop where the codec can, loading the codec when needed. */
export function decompressAsync(type: number, data: Buffer, maxLength: number): Promise<Buffer> {
  return codecs.decompressAsync(type, data, maxLength);
}

/**
 * Packs a body: zlib as the reference does, LZ4 by `lz4-napi`, zstd by Node 22.15 or later.
 *
 * @param level from 0 to 9, the higher the smaller; LZ4 has none
 * @throws MessageFormatError `ERR_ROCKETMQ_COMPRESSION_UNKNOWN`, `ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE`
 */
export function compressSync(type: number, data: Buffer, level = DEFAULT_LEVEL): Buffer {
  return codecs.compress(type, data, level);
}

/** The same; zlib without blocking the event loop. */
export async function compress(type: number, data: Buffer, level = DEFAULT_LEVEL): Promise<Buffer> {
  if (type === 0 || type === CompressionType.ZLIB) return deflate(data, { level });
  return codecs.compress(type, data, level);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Turns what a codec throws into this package's errors. */
function guard(codec: string, data: Buffer, maxLength: number, unpack: () => Buffer): Buffer {
  try {
    return unpack();
  } catch (error) {
    throw asFormatError(codec, data, maxLength, error);
  }
}

function asFormatError(codec: string, data: Buffer, maxLength: number, error: unknown): MessageFormatError {
  if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(codec, data, maxLength);
  return corrupt(codec, data, error);
}

function requireMeasure(
  codec: string,
  data: Buffer,
  measure: FrameMeasure | undefined,
  maxLength: number,
): FrameMeasure {
  if (measure === undefined) throw corrupt(codec, data);
  if (measure.exact && measure.length > maxLength) throw tooLarge(codec, data, maxLength);
  return measure;
}

function requireLength(codec: string, data: Buffer, body: Buffer, length: number): Buffer {
  if (body.length !== length) throw corrupt(codec, data);
  return body;
}

function corrupt(codec: string, data: Buffer, cause?: unknown): MessageFormatError {
  return new MessageFormatError(
    'ERR_ROCKETMQ_COMPRESSION_CORRUPT',
    `a compressed body can't be read as ${codec}`,
    { codec, compressedLength: data.length },
    cause,
  );
}

function tooLarge(codec: string, data: Buffer, maxLength: number): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_BODY_TOO_LARGE', `a compressed body unpacks to over ${maxLength} bytes`, {
    codec,
    compressedLength: data.length,
    limit: maxLength,
  });
}

function unavailable(message: string, packageName: string, cause?: unknown): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE', message, { package: packageName }, cause);
}

function unknownType(type: number): MessageFormatError {
  return new MessageFormatError('ERR_ROCKETMQ_COMPRESSION_UNKNOWN', `the compression type ${type} is unknown`, {
    type,
  });
}
