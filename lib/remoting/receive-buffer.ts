import { checkFrameLength, checkHeaderLength, TRUSTED_LENGTH } from '../protocol/frame.js';

const LENGTH_FIELD = 4;
const NO_CHUNK: Buffer = Buffer.alloc(0);
/** What a quiet connection makes do with. */
const SMALLEST_CHUNK = 16 * 1024;
/** Some twelve pulls of 32 messages of 512 bytes; the kernel hands over 64 KiB at once. */
const LARGEST_CHUNK = 256 * 1024;
/** Less room than this is not worth a read. */
const LEAST_ROOM = 4 * 1024;

/** The memory a frame lies in. */
export interface FrameMemory {
  /**
   * Without this, a frame may be read only until the call that handed it out returns: its memory is used again. With it,
   * the memory is left to whoever holds a view of it.
   */
  keep(): void;
}

/**
 * Memory a socket reads into, and the frames in it. Frames are views, without their length field, of where the kernel
 * put them; only the beginning of one that is cut by the memory's end is moved, once. The memory is used over and over:
 * at the rates this has to bear, memory that is allocated for each read would make the engine mark its whole heap every
 * few milliseconds, since it counts such memory as long-lived (docs/performance.md).
 */
export class ReceiveBuffer implements FrameMemory {
  readonly #maxFrameLength: number;
  #chunk = NO_CHUNK;
  #size = SMALLEST_CHUNK;
  /** Where the first frame that is not handed out yet begins. */
  #start = 0;
  /** Up to here the chunk is filled. */
  #end = 0;
  /** Bytes of the frame at `start`, its length field included; 0 while that is not known. */
  #expected = 0;
  #kept = false;

  constructor(maxFrameLength: number) {
    this.#maxFrameLength = maxFrameLength;
  }

  /** Where the next bytes go. */
  get room(): Buffer {
    const { length } = this.#chunk;
    if (length - this.#end < LEAST_ROOM || length - this.#start < Math.min(this.#expected, TRUSTED_LENGTH))
      this.#renew();
    return this.#end === 0 ? this.#chunk : this.#chunk.subarray(this.#end);
  }

  /** Bytes of a frame that is not complete. 0 between frames. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  keep(): void {
    this.#kept = true;
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
    // There was more to read than there was room for.
    if (end === chunk.length) this.#size = Math.min(LARGEST_CHUNK, this.#size * 2);
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
    if (start < end || this.#kept) return;
    this.#start = this.#end = 0;
    // What was made for one large frame is not held for the small ones after it.
    if (chunk.length > LARGEST_CHUNK) this.#chunk = NO_CHUNK;
  }

  /**
   * Room for the whole of the frame that was begun, in the same chunk if that may be. For a large one it doubles as the
   * frame arrives: its length is no more than a claim.
   */
  #renew(): void {
    const begun = this.#chunk.subarray(this.#start, this.#end);
    const claimed = Math.min(this.#expected, Math.max(TRUSTED_LENGTH, 2 * begun.length));
    const least = Math.max(this.#size, claimed, begun.length + LEAST_ROOM);
    if (this.#kept || this.#chunk.length < least) {
      this.#chunk = Buffer.allocUnsafeSlow(least);
      this.#kept = false;
    }
    begun.copy(this.#chunk);
    this.#start = 0;
    this.#end = begun.length;
  }
}
