import { connect, type Socket } from 'node:net';

/**
 * A connection as bare as can be, for the floors: frames are cut out of the stream and their headers parsed, nothing else.
 * Written against the protocol alone, with nothing of the library.
 */

/** The part of a reply's header that floors look at. */
export interface BareHeader {
  readonly code: number;
  readonly opaque: number;
  readonly remark?: string;
  readonly extFields?: { readonly nextBeginOffset?: string };
}

/** @param bytes holds the body from `start` to `end` */
export type OnFrame = (header: BareHeader, bytes: Buffer, start: number, end: number) => void;

export interface BarePull {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly maxMessages: number;
}

const PULL = 11;
const SEND_V2 = 310;
const LONG_POLL = 2;
const SUBSCRIPTION = 4;

export class BareConnection {
  readonly #socket: Socket;
  readonly #onFrame: OnFrame;
  #partial: Buffer | undefined;
  #filled = 0;
  readonly #length = Buffer.alloc(4);
  #lengthFilled = 0;

  /** @param address `host:port` */
  constructor(address: string, onConnect: () => void, onFrame: OnFrame) {
    const [host = '', port = ''] = address.split(':');
    this.#onFrame = onFrame;
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.on('connect', () => {
      this.#socket.cork();
      onConnect();
      this.#socket.uncork();
    });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#socket.cork();
      this.#onChunk(chunk);
      process.nextTick(() => this.#socket.uncork());
    });
    this.#socket.on('error', (error) => {
      throw error;
    });
  }

  /** The queue's id is the request's number, so that the answer tells which queue it is of. */
  pull({ group, topic, queueId, offset, maxMessages }: BarePull): void {
    this.#send(
      `{"code":${PULL},"flag":0,"language":"OTHER","opaque":${queueId},"serializeTypeCurrentRPC":"JSON","version":477,` +
        `"extFields":{"consumerGroup":"${group}","topic":"${topic}","queueId":"${queueId}","queueOffset":"${offset}",` +
        `"maxMsgNums":"${maxMessages}","sysFlag":"${LONG_POLL | SUBSCRIPTION}","commitOffset":"0",` +
        `"suspendTimeoutMillis":"15000","subscription":"*","subVersion":"0","expressionType":"TAG"}}`,
    );
  }

  /** @param uniqueKey of the message; text without quotes */
  send(topic: string, queueId: number, opaque: number, uniqueKey: string, body: Buffer): void {
    this.#send(
      `{"code":${SEND_V2},"flag":0,"language":"OTHER","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":477,` +
        `"extFields":{"a":"floor","b":"${topic}","c":"TBW102","d":"8","e":"${queueId}","f":"0","g":"${Date.now()}",` +
        `"h":"0","i":"UNIQ_KEY\\u0001${uniqueKey}","j":"0","k":"false","m":"false"}}`,
      body,
    );
  }

  #send(header: string, body?: Buffer): void {
    const length = 4 + header.length + (body?.length ?? 0);
    const frame = Buffer.allocUnsafe(4 + length);
    frame.writeInt32BE(length, 0);
    frame.writeInt32BE(header.length, 4);
    frame.write(header, 8, 'latin1');
    body?.copy(frame, 8 + header.length);
    this.#socket.write(frame);
  }

  #onChunk(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#partial !== undefined) {
        const taken = chunk.copy(this.#partial, this.#filled, at);
        this.#filled += taken;
        at += taken;
        if (this.#filled < this.#partial.length) break;
        const frame = this.#partial;
        this.#partial = undefined;
        this.#frame(frame, 0, frame.length);
        continue;
      }
      if (this.#lengthFilled > 0 || chunk.length - at < 4) {
        const taken = chunk.copy(this.#length, this.#lengthFilled, at, at + 4 - this.#lengthFilled);
        this.#lengthFilled += taken;
        at += taken;
        if (this.#lengthFilled < 4) break;
        this.#lengthFilled = 0;
      } else {
        chunk.copy(this.#length, 0, at, at + 4);
        at += 4;
      }
      const size = this.#length.readInt32BE(0);
      if (chunk.length - at >= size) {
        this.#frame(chunk, at, at + size);
        at += size;
      } else {
        this.#partial = Buffer.allocUnsafeSlow(size);
        this.#filled = 0;
      }
    }
  }

  /** @param start after the length field */
  #frame(bytes: Buffer, start: number, end: number): void {
    const bodyAt = start + 4 + (bytes.readInt32BE(start) & 0xffffff);
    this.#onFrame(JSON.parse(bytes.toString('latin1', start + 4, bodyAt)) as BareHeader, bytes, bodyAt, end);
  }
}

/** @throws Error when a pull was refused */
export function nextOffsetOf({ code, remark, extFields }: BareHeader): number {
  const next = extFields?.nextBeginOffset;
  if (next === undefined) throw new Error(`the pull was answered with ${code}: ${remark ?? ''}`);
  return Number(next);
}
