import { writeHead, type EncodedHeader } from '../protocol/command.js';

/** Room for some forty pulls. */
const CHUNK_SIZE = 16 * 1024;
const NO_CHUNK: Buffer = Buffer.alloc(0);
/** Bytes a character of a header takes at most. */
const LONGEST_CHARACTER = 3;

/**
 * Collects what is to be written to a connection, so that many small frames leave as one piece. What was taken out is
 * written over only when {@link reuse} was called: the kernel may not have read it yet.
 */
export class OutputBuffer {
  #chunk = NO_CHUNK;
  #start = 0;
  #end = 0;

  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** Adds the length field and the header of a frame with a body of `bodyLength` bytes. */
  appendHead(header: EncodedHeader, bodyLength: number): void {
    const most = 8 + header.length * LONGEST_CHARACTER;
    if (this.#chunk.length - this.#end < most) this.#startChunk(most);
    this.#end = writeHead(header, bodyLength, this.#chunk, this.#end);
  }

  appendBody(body: Buffer): void {
    if (this.#chunk.length - this.#end < body.length) this.#startChunk(body.length);
    this.#end += body.copy(this.#chunk, this.#end);
  }

  /** What was added since the last call. */
  take(): Buffer {
    const taken = this.#chunk.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return taken;
  }

  /** Everything that was taken has been read by the kernel: its memory serves again. */
  reuse(): void {
    if (!this.isEmpty) return;
    this.#start = this.#end = 0;
    if (this.#chunk.length > CHUNK_SIZE) this.#chunk = NO_CHUNK;
  }

  /** What waits to be taken moves to the new chunk. */
  #startChunk(most: number): void {
    const waiting = this.#chunk.subarray(this.#start, this.#end);
    const chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_SIZE, waiting.length + most));
    waiting.copy(chunk);
    this.#chunk = chunk;
    this.#start = 0;
    this.#end = waiting.length;
  }
}
