import type { ResolvedProducerOptions } from '../options.js';
import { compress, compressSync } from '../protocol/compression.js';
import { CompressionType, withCompression } from '../protocol/sys-flag.js';

export type CompressionOptions = Pick<
  ResolvedProducerOptions,
  'compressMsgBodyOverHowmuch' | 'compressType' | 'compressLevel'
>;

/** A body as it goes over the wire, and what the message's `sysFlag` says about it. */
export interface PackedBody {
  readonly body: Buffer;
  readonly sysFlag: number;
}

/** Up to this many bytes are compressed at once, in less time than handing them to a thread and back takes. */
const MAX_SYNC_LENGTH = 16 * 1024;

/** Makes long bodies shorter. */
export class BodyCompression {
  readonly #options: CompressionOptions;
  readonly #type: CompressionType;

  constructor(options: CompressionOptions) {
    this.#options = options;
    this.#type = CompressionType[options.compressType];
  }

  /** That the codec is there. @throws MessageFormatError `ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE`, naming what to install */
  check(): void {
    compressSync(this.#type, Buffer.from('probe'), this.#options.compressLevel);
  }

  /** The body, compressed when it is long enough and gets smaller by it. Long ones don't block the event loop. */
  async pack(body: Buffer): Promise<PackedBody> {
    const { compressMsgBodyOverHowmuch, compressLevel } = this.#options;
    if (body.length < compressMsgBodyOverHowmuch) return { body, sysFlag: 0 };
    const packed =
      body.length <= MAX_SYNC_LENGTH
        ? compressSync(this.#type, body, compressLevel)
        : await compress(this.#type, body, compressLevel);
    return packed.length < body.length
      ? { body: packed, sysFlag: withCompression(0, this.#type) }
      : { body, sysFlag: 0 };
  }
}
