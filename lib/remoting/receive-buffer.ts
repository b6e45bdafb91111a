import { checkFrameLength, checkHeaderLength } from '../protocol/frame.js';

const LENGTH_FIELD = 4;
/** What a quiet connection makes do with. */
const SMALLEST_CHUNK = 4 * 1024;
/**
 * Some six pulls of 32 messages of 512 bytes; the kernel hands over about 64 KiB at once. It is also what one message
 * that somebody keeps can keep with it.
 */
const LARGEST_CHUNK = 128 * 1024;
/** Less room than this is not worth a read. */
const LEAST_ROOM = 2 * 1024;

/**
 * Memory a socket reads into, and the frames in it. The bytes of a frame lie where the kernel put them: frames are views,
 * handed out without their length field; only one that is cut by a chunk's end is copied, once. A chunk is never written
 * over, and is gone when nobody holds on to a frame of it any more.
 */
export class ReceiveBuffer {
  readonly #maxFrameLength: number;
  #chunk: Buffer = Buffer.alloc(0);
  #size = SMALLEST_CHUNK;
  /** Where the first frame that is not handed out yet begins. */
  #start = 0;
  /** Up to here the chunk is filled. */
  #end = 0;
  /** Bytes of the frame at `start`, its length field included; 0 while that is not known. */
  #expected = 0;

  constructor(maxFrameLength: number) {
    this.#maxFrameLength = maxFrameLength;
  }

  /** Where the next bytes go. */
  get room(): Buffer {
    const { length } = this.#chunk;
    if (length - this.#end < LEAST_ROOM || length - this.#start < this.#expected) this.#renew();
    return this.#end === 0 ? this.#chunk : this.#chunk.subarray(this.#end);
  }

  /** Bytes of a frame that is not complete. 0 between frames. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /**
   * Takes note of `count` bytes that were put into {@link room}, and calls `onFrame` for each frame they complete.
   *
   * @throws ProtocolError as FrameDecoder does
   */
  received(count: number, onFrame: (frame: Buffer) => void): void {
    const chunk = this.#chunk;
    const end = this.#end + count;
    this.#end = end;
    let start = this.#start;
    this.#expected = 0;
    while (end - start >= LENGTH_FIELD) {
      const length = checkFrameLength(chunk.readInt32BE(start), this.#maxFrameLength);
      const next = start + LENGTH_FIELD + length;
      if (next > end) {
        this.#expected = LENGTH_FIELD + length;
        break;
      }
      const frame = chunk.subarray(start + LENGTH_FIELD, next);
      start = next;
      // A frame may make the owner close the connection, and so ask for what is buffered.
      this.#start = start;
      onFrame(checkHeaderLength(frame));
    }
  }

  /** A new chunk, with room for the whole of the frame that was begun; larger than the last, which was used up. */
  #renew(): void {
    const begun = this.#chunk.subarray(this.#start, this.#end);
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(this.#size, this.#expected, begun.length + LEAST_ROOM));
    this.#size = Math.min(LARGEST_CHUNK, this.#size * 2);
    begun.copy(this.#chunk);
    this.#start = 0;
    this.#end = begun.length;
  }
}
