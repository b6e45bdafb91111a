import { EventEmitter } from 'node:events';
import type { SimProcess } from './process.js';

/** What travels from one end of a connection to the other. */
export type Parcel =
  | { readonly kind: 'connected' | 'end' | 'reset' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'data'; readonly bytes: Buffer };

/** Memory of the reader's that what arrives is read into. */
export interface ReadInto {
  buffer(): Uint8Array;
  callback(count: number): boolean;
}

/** One end of a connection, as far as clients and servers here make use of a socket of Node's. */
export class SimSocket extends EventEmitter {
  readonly process: SimProcess;
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort: number;
  readonly writableLength = 0;
  writable = false;
  destroyed = false;
  readonly #readInto: ReadInto | undefined;
  readonly #send: (parcel: Parcel) => void;
  #paused = false;
  readonly #unread: Parcel[] = [];
  #sentEnd = false;
  #heardEnd = false;

  /** @param send takes what is to reach the other end; it arrives there in this order */
  constructor(process: SimProcess, remotePort: number, readInto: ReadInto | undefined, send: (parcel: Parcel) => void) {
    super();
    this.process = process;
    this.remotePort = remotePort;
    this.#readInto = readInto;
    this.#send = send;
  }

  /** The server's end is connected from its first moment on. */
  accept(): void {
    this.writable = true;
  }

  write(bytes: Uint8Array, written?: (error?: Error) => void): boolean {
    if (!this.writable) {
      const error = Object.assign(new Error('write after end'), { code: 'EPIPE' });
      process.nextTick(() => written?.(error));
      return false;
    }
    // Copied: its owner uses the memory again.
    this.#send({ kind: 'data', bytes: Buffer.from(bytes) });
    if (written !== undefined) process.nextTick(written);
    return true;
  }

  cork(): void {
    // What is written goes at once: how it is cut into pieces is for the network to say.
  }

  uncork(): void {
    // See cork.
  }

  setNoDelay(): this {
    return this;
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  resume(): this {
    this.#paused = false;
    for (let parcel = this.#unread.shift(); parcel !== undefined && !this.#paused; parcel = this.#unread.shift()) {
      this.#read(parcel);
    }
    return this;
  }

  end(): this {
    if (this.#sentEnd || this.destroyed) return this;
    this.#sentEnd = true;
    this.writable = false;
    this.#send({ kind: 'end' });
    process.nextTick(() => {
      this.emit('finish');
      if (this.#heardEnd) this.destroy();
    });
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    process.nextTick(() => this.destroy());
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.writable = false;
    if (!this.#sentEnd) this.#send({ kind: 'end' });
    this.#sentEnd = true;
    process.nextTick(() => {
      if (error !== undefined) this.emit('error', error);
      this.emit('close');
    });
    return this;
  }

  /** The process is gone: nobody here hears of anything. */
  vanish(): void {
    this.destroyed = true;
    this.writable = false;
    this.removeAllListeners();
    this.on('error', () => undefined);
  }

  /** Something has arrived. */
  receive(parcel: Parcel): void {
    if (this.destroyed) {
      if (parcel.kind === 'data') this.#send({ kind: 'reset' });
    } else if (this.#paused) {
      this.#unread.push(parcel);
    } else {
      this.#read(parcel);
    }
  }

  #read(parcel: Parcel): void {
    switch (parcel.kind) {
      case 'connected':
        this.writable = true;
        this.emit('connect');
        return;
      case 'refused':
        this.#sentEnd = true;
        this.destroy(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
        return;
      case 'reset':
        this.#sentEnd = true;
        this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
        return;
      case 'end':
        this.#heardEnd = true;
        this.emit('end');
        if (this.#sentEnd) this.destroy();
        else this.end();
        return;
      case 'data':
        this.#readData(parcel.bytes);
    }
  }

  #readData(bytes: Buffer): void {
    if (this.#readInto === undefined) {
      this.emit('data', bytes);
      return;
    }
    for (let at = 0; at < bytes.length && !this.destroyed;) {
      const room = this.#readInto.buffer();
      const count = Math.min(room.length, bytes.length - at);
      room.set(bytes.subarray(at, at + count));
      at += count;
      this.#readInto.callback(count);
    }
  }
}
