import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../lib/clock.js';

/** How bytes flow in one direction of a connection. */
export interface PipeShape {
  /** Milliseconds each byte is under way. */
  readonly latencyMs?: number;
  readonly bytesPerSecond?: number;
  /** Bytes per write at most: what arrives together comes in pieces. */
  readonly maxWrite?: number;
}

/** What a pipe holds before it stops reading, in bytes: about what kernels have room for. */
const ROOM = 1024 * 1024;

/** With a limited rate bytes leave in pieces of so much time, in milliseconds. */
const RATE_STEP = 50;

export type Filter = (chunk: Buffer) => Buffer;
const asItIs: Filter = (chunk) => chunk;

interface Held {
  data: Buffer;
  readonly dueAt: number;
}

/** One direction of a connection: from one socket to the other, later, slower, in pieces, or not at all for now. */
export class FaultPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #clock: Clock;
  readonly #exit: Filter;
  readonly #queue: Held[] = [];
  #shape: PipeShape = {};
  #bytes = 0;
  #held = false;
  #end: 'none' | 'ended' | 'broken' | 'passed on' = 'none';
  /** With a limited rate: when the next bytes may leave. */
  #freeAt = 0;
  #timer: Timer;

  /**
   * @param filters what bytes go through when they come in, and when they leave
   */
  constructor(
    from: Socket,
    to: Socket,
    clock: Clock,
    filters: { entry?: Filter | undefined; exit?: Filter | undefined },
  ) {
    this.#from = from;
    this.#to = to;
    this.#clock = clock;
    this.#exit = filters.exit ?? asItIs;
    const { entry = asItIs } = filters;
    from.on('data', (chunk: Buffer) => this.#take(entry(chunk)));
    from.once('end', () => this.#ended('ended'));
    from.once('close', () => this.#ended('ended'));
  }

  /** Whether something waits that has not got through, bytes or the end. */
  get waiting(): boolean {
    return this.#queue.length > 0 || this.#end === 'ended' || this.#end === 'broken';
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#pump();
  }

  shape(shape: PipeShape): void {
    this.#shape = shape;
    this.#pump();
  }

  /** The sending end was reset. */
  break(): void {
    this.#ended('broken');
  }

  /** Forgets everything. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue.length = 0;
    this.#end = 'passed on';
  }

  #take(data: Buffer): void {
    if (data.length === 0) return;
    this.#queue.push({ data, dueAt: this.#clock.now() + (this.#shape.latencyMs ?? 0) });
    this.#bytes += data.length;
    if (this.#bytes > ROOM) this.#from.pause();
    this.#pump();
  }

  #ended(how: 'ended' | 'broken'): void {
    if (this.#end === 'passed on' || this.#end === 'broken') return;
    this.#end = how;
    this.#pump();
  }

  #pump(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    while (!this.#held) {
      const first = this.#queue[0];
      if (first === undefined) return this.#passEndOn();
      const now = this.#clock.now();
      const dueAt = Math.max(first.dueAt, this.#freeAt);
      if (dueAt > now) {
        this.#timer = this.#clock.setTimeout(() => this.#pump(), dueAt - now);
        return;
      }
      this.#write(first, now);
    }
  }

  #write(first: Held, now: number): void {
    const { bytesPerSecond, maxWrite = Number.POSITIVE_INFINITY } = this.#shape;
    const step = bytesPerSecond === undefined ? maxWrite : Math.ceil((bytesPerSecond * RATE_STEP) / 1_000);
    const piece = first.data.subarray(0, Math.min(step, maxWrite));
    if (piece.length === first.data.length) this.#queue.shift();
    else first.data = first.data.subarray(piece.length);
    this.#bytes -= piece.length;
    if (bytesPerSecond !== undefined) this.#freeAt = now + (piece.length / bytesPerSecond) * 1_000;
    if (this.#to.writable) this.#to.write(this.#exit(piece));
    if (this.#bytes <= ROOM && this.#from.isPaused()) this.#from.resume();
  }

  #passEndOn(): void {
    if (this.#end === 'none' || this.#end === 'passed on') return;
    const broken = this.#end === 'broken';
    this.#end = 'passed on';
    if (broken) this.#to.resetAndDestroy();
    else if (this.#to.writable) this.#to.end();
    else this.#to.destroy();
  }
}
