import { ProtocolError } from '../errors.js';

/**
 * Splits a byte stream into frames.
 *
 *     frame  = length:int32 serializeTypeAndHeaderLength:int32 header body
 *     length = number of bytes after itself = 4 + header length + body length
 *     serializeTypeAndHeaderLength: high byte 0 = JSON, 1 = ROCKETMQ; low 24 bits = header length
 *
 * All integers are big endian. A frame is handed out without its length field, as a view into the chunk it came in;
 * only a frame that spans chunks is copied. Its memory grows as the frame arrives: a length is no more than a claim. Any
 * error is final for the stream: the caller closes its connection.
 */

/** The reference's `com.rocketmq.remoting.frameMaxLength`. */
export const MAX_FRAME_LENGTH = 16_777_216;

const LENGTH_FIELD = 4;
/** What is set aside for a frame on the word of its length alone. */
export const TRUSTED_LENGTH = 256 * 1024;

export class FrameDecoder {
  readonly #maxFrameLength: number;
  /** The bytes of a length field that was cut by a chunk's end. */
  readonly #lengthBytes = Buffer.alloc(LENGTH_FIELD);
  #lengthFilled = 0;
  /** The frame being put together from several chunks. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  #partialFilled = 0;

  constructor(maxFrameLength: number = MAX_FRAME_LENGTH) {
    this.#maxFrameLength = maxFrameLength;
  }

  /**
   * Takes the next chunk and calls `onFrame` for each frame it completes, in order.
   *
   * @throws ProtocolError `ERR_ROCKETMQ_FRAME_TOO_LARGE` or `ERR_ROCKETMQ_FRAME_MALFORMED`
   */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#partial !== undefined) {
        at += this.#fillPartial(chunk, at, onFrame);
        continue;
      }
      let length: number;
      if (this.#lengthFilled === 0 && chunk.length - at >= LENGTH_FIELD) {
        length = checkFrameLength(chunk.readInt32BE(at), this.#maxFrameLength);
        at += LENGTH_FIELD;
      } else {
        const taken = chunk.copy(this.#lengthBytes, this.#lengthFilled, at, at + LENGTH_FIELD - this.#lengthFilled);
        this.#lengthFilled += taken;
        at += taken;
        if (this.#lengthFilled < LENGTH_FIELD) return;
        this.#lengthFilled = 0;
        length = checkFrameLength(this.#lengthBytes.readInt32BE(0), this.#maxFrameLength);
      }
      if (chunk.length - at >= length) {
        const frame = chunk.subarray(at, at + length);
        at += length;
        onFrame(checkHeaderLength(frame));
      } else {
        this.#partial = Buffer.allocUnsafeSlow(Math.min(length, Math.max(TRUSTED_LENGTH, chunk.length - at)));
        this.#partialLength = length;
        this.#partialFilled = 0;
      }
    }
  }

  /** How many bytes of an incomplete frame are held. 0 between frames. */
  get buffered(): number {
    return this.#lengthFilled + (this.#partial === undefined ? 0 : LENGTH_FIELD + this.#partialFilled);
  }

  #fillPartial(chunk: Buffer, at: number, onFrame: (frame: Buffer) => void): number {
    const frame = this.#roomForPartial();
    const taken = chunk.copy(frame, this.#partialFilled, at, at + frame.length - this.#partialFilled);
    this.#partialFilled += taken;
    if (this.#partialFilled === this.#partialLength) {
      this.#partial = undefined;
      onFrame(checkHeaderLength(frame));
    }
    return taken;
  }

  /** The memory of the incomplete frame, twice as large when it is full. */
  #roomForPartial(): Buffer {
    const partial = this.#partial as Buffer;
    if (this.#partialFilled < partial.length) return partial;
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#partialLength, 2 * partial.length));
    partial.copy(larger);
    this.#partial = larger;
    return larger;
  }
}

/** @throws ProtocolError `ERR_ROCKETMQ_FRAME_TOO_LARGE` or `ERR_ROCKETMQ_FRAME_MALFORMED` */
export function checkFrameLength(length: number, limit: number): number {
  if (length > limit) {
    throw new ProtocolError(
      'ERR_ROCKETMQ_FRAME_TOO_LARGE',
      `a frame of ${length} bytes is over the limit of ${limit}`,
      { length, limit },
    );
  }
  if (length < 4) {
    throw new ProtocolError('ERR_ROCKETMQ_FRAME_MALFORMED', `a frame length of ${length} is too small for a header`, {
      length,
    });
  }
  return length;
}

/**
 * Returns the frame, which is without its length field.
 *
 * @throws ProtocolError `ERR_ROCKETMQ_FRAME_MALFORMED` when its header does not fit into it
 */
export function checkHeaderLength(frame: Buffer): Buffer {
  const headerLength = frame.readInt32BE(0) & 0xffffff;
  if (headerLength > frame.length - 4) {
    throw new ProtocolError(
      'ERR_ROCKETMQ_FRAME_MALFORMED',
      `a header of ${headerLength} bytes is longer than its frame of ${frame.length}`,
      { headerLength, length: frame.length },
    );
  }
  return frame;
}
