import type { Socket } from 'node:net';
import { ConnectionError, TimeoutError } from '../../lib/errors.js';
import { requestCodeName, ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, RequestCommand, ResponseCommand } from '../../lib/protocol/command.js';
import {
  createRequest,
  createResponse,
  decodeCommand,
  encodeCommand,
  encodeCommandParts,
  isResponse,
  SerializeType,
} from '../../lib/protocol/command.js';
import { FrameDecoder } from '../../lib/protocol/frame.js';
import type { MockClock } from '../clock.js';
import type { FaultAction, Faults } from '../faults.js';
import type { ConnectionIdentity, Journal } from '../journal.js';
import { formatHost } from './format-host.js';
import type { Timers } from './timers.js';

/** How replies are encoded: always one way, or the way of the request, as brokers up to 4.9 do. */
export type ReplySerializeType = 'JSON' | 'ROCKETMQ' | 'echo';

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly name: string;
  readonly clock: MockClock;
  readonly timers: Timers;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly version: number;
  readonly serializeType: ReplySerializeType;
  onRequest(connection: Connection, command: RemotingCommand): void;
  onClosed(connection: Connection): void;
}

interface PendingCall {
  readonly code: number;
  readonly settle: (reply: RemotingCommand | Error) => void;
}

/** Bytes waiting for a slow write before them. */
interface QueuedWrite {
  readonly bytes: Buffer;
  /** Written in pieces of this size. */
  readonly pieceSize: number | undefined;
}

const LANGUAGE = 'JAVA';

/** One client's connection, seen from the mock: frames in, replies and requests out, and what faults make of them. */
export class Connection implements ConnectionIdentity {
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  clientId: string | undefined;
  /** Protocol version of the latest request. */
  version = 0;
  lastActivityAt: number;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #decoder = new FrameDecoder();
  readonly #pending = new Map<number, PendingCall>();
  #nextOpaque = 1;
  #writing = false;
  #queue: QueuedWrite[] = [];
  #coalesced: Buffer[] = [];
  #closed = false;

  constructor(id: number, socket: Socket, host: ConnectionHost) {
    this.id = id;
    this.#socket = socket;
    this.#host = host;
    // An IPv4 client of a server that listens on IPv6 too.
    this.remoteAddress = (socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
    this.remotePort = socket.remotePort ?? 0;
    this.lastActivityAt = host.clock.now();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    // What went wrong is of no interest to a server: 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClosed());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** `ip:port` of the client; an IPv6 address is in brackets. */
  get remote(): string {
    return formatHost(this.remoteAddress, this.remotePort);
  }

  /** Closes at once; what was not sent is lost. */
  close(): void {
    this.#socket.destroy();
  }

  /** Answers a request, as the fault, if any, has it. */
  respond(request: RemotingCommand, response: ResponseCommand, action?: FaultAction): void {
    if (this.#closed) return;
    switch (action?.type) {
      case 'dropReply':
        return;
      case 'delay':
        if (action.when === 'before') break;
        this.#host.timers.later(() => this.respond(request, response), action.ms);
        return;
      case 'rewrite':
        return this.#reply(request, rewrite(response, action.reply), undefined);
      case 'close':
        if (action.when === 'before-reply') return this.close();
        break;
      default:
    }
    this.#reply(request, response, action);
  }

  /** Sends a request that has no answer. */
  sendOneway(request: RequestCommand): void {
    const opaque = this.#takeOpaque();
    this.#sendRequest(createRequest(request, opaque, { oneway: true, ...this.#headerOptions() }));
  }

  /**
   * Sends a request to the client.
   *
   * @throws TimeoutError after `timeoutMs` of real time; ConnectionError when the connection is closed before
   */
  call(request: RequestCommand, timeoutMs: number): Promise<RemotingCommand> {
    const opaque = this.#takeOpaque();
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#lost(request.code));
      const timer = setTimeout(() => {
        const message = `${this.remote} did not answer ${requestCodeName(request.code)} within ${timeoutMs} ms`;
        this.#pending.get(opaque)?.settle(new TimeoutError(message, { code: request.code, timeoutMs }));
      }, timeoutMs);
      this.#pending.set(opaque, {
        code: request.code,
        settle: (reply) => {
          clearTimeout(timer);
          this.#pending.delete(opaque);
          if (reply instanceof Error) reject(reply);
          else resolve(reply);
        },
      });
      this.#sendRequest(createRequest(request, opaque, this.#headerOptions()));
    });
  }

  /** Sends bytes that need not be a frame. */
  writeRaw(bytes: Buffer): void {
    this.#write([bytes], undefined);
  }

  #takeOpaque(): number {
    const opaque = this.#nextOpaque;
    this.#nextOpaque = (opaque + 1) | 0;
    return opaque;
  }

  #headerOptions(request?: RemotingCommand): { language: string; version: number; serializeType: SerializeType } {
    const { serializeType, version } = this.#host;
    const type =
      serializeType === 'echo'
        ? (request?.serializeType ?? SerializeType.JSON)
        : serializeType === 'ROCKETMQ'
          ? SerializeType.ROCKETMQ
          : SerializeType.JSON;
    return { language: LANGUAGE, version, serializeType: type };
  }

  #reply(request: RemotingCommand, response: ResponseCommand, action: FaultAction | undefined): void {
    const command = createResponse(request, response, this.#headerOptions(request));
    this.#record('out', command, request.code);
    if (action === undefined) return this.#write(encodeCommandParts(command), undefined);
    const frame = encodeCommand(command);
    switch (action.type) {
      case 'duplicate':
        this.#write([frame], undefined);
        this.#record('out', command, request.code);
        return this.#write([frame], undefined);
      case 'chunk':
        return this.#write([frame], action.size);
      case 'coalesce':
        this.#coalesced.push(frame);
        if (this.#coalesced.length < action.frames) return;
        return this.#write([Buffer.concat(this.#coalesced.splice(0))], undefined);
      case 'close':
        this.#write([action.when === 'mid-frame' ? frame.subarray(0, Math.ceil(frame.length / 2)) : frame], undefined);
        this.#socket.end();
        // The client may keep its side open; this side is done with it once everything is sent.
        this.#socket.once('finish', () => this.#socket.destroy());
        return;
      default:
        return this.#write([frame], undefined);
    }
  }

  #sendRequest(command: RemotingCommand): void {
    if (this.#closed) return;
    const action = this.#host.faults.match({
      broker: this.#host.name,
      connection: this.id,
      clientId: this.clientId,
      command,
    });
    switch (action?.type) {
      case 'drop':
      case 'dropReply':
      case 'answer':
        return;
      case 'close':
        return this.close();
      case 'raw':
        return this.writeRaw(action.bytes);
      case 'delay':
        this.#host.timers.later(() => this.#transmit(command, undefined), action.ms);
        return;
      case 'duplicate':
        this.#transmit(command, undefined);
        return this.#transmit(command, undefined);
      default:
        return this.#transmit(command, action?.type === 'chunk' ? action.size : undefined);
    }
  }

  #transmit(command: RemotingCommand, pieceSize: number | undefined): void {
    if (this.#closed) return;
    this.#record('out', command, undefined);
    this.#write(encodeCommandParts(command), pieceSize);
  }

  #write(parts: readonly Buffer[], pieceSize: number | undefined): void {
    if (this.#closed) return;
    this.lastActivityAt = this.#host.clock.now();
    if (!this.#writing && pieceSize === undefined) {
      this.#socket.cork();
      for (const part of parts) if (part.length > 0) this.#socket.write(part);
      this.#socket.uncork();
      return;
    }
    this.#queue.push({ bytes: Buffer.concat(parts), pieceSize });
    if (!this.#writing) this.#writeNext();
  }

  /** Writes the queue, a piece per turn of the event loop, so that the pieces leave as packets of their own. */
  #writeNext(): void {
    const next = this.#queue.shift();
    this.#writing = next !== undefined;
    if (next === undefined || this.#closed) return;
    const size = next.pieceSize ?? next.bytes.length;
    this.#socket.write(next.bytes.subarray(0, size), () => {
      if (size < next.bytes.length) this.#queue.unshift({ ...next, bytes: next.bytes.subarray(size) });
      setImmediate(() => this.#writeNext());
    });
  }

  #onData(chunk: Buffer): void {
    this.lastActivityAt = this.#host.clock.now();
    try {
      this.#decoder.push(chunk, (frame) => this.#onCommand(decodeCommand(frame)));
    } catch {
      // Like the reference: a frame that can't be read ends its connection, and nothing else.
      this.close();
    }
  }

  #onCommand(command: RemotingCommand): void {
    if (this.#closed) return;
    if (isResponse(command)) {
      const pending = this.#pending.get(command.opaque);
      this.#record('in', command, pending?.code);
      pending?.settle(command);
      return;
    }
    this.version = command.version;
    this.#record('in', command, undefined);
    this.#host.onRequest(this, command);
  }

  #record(direction: 'in' | 'out', command: RemotingCommand, request: number | undefined): void {
    const { clock, journal, name } = this.#host;
    journal.record({ at: clock.now(), broker: name, direction, peer: this, command, request });
  }

  #onClosed(): void {
    this.#closed = true;
    for (const pending of [...this.#pending.values()]) pending.settle(this.#lost(pending.code));
    this.#host.onClosed(this);
  }

  #lost(code: number): ConnectionError {
    const message = `the connection was closed while ${requestCodeName(code)} was under way`;
    return new ConnectionError('ERR_ROCKETMQ_CONNECTION_LOST', this.remote, message);
  }
}

/** A test's mistake is answered rather than lost. */
function rewrite(response: ResponseCommand, reply: (answer: ResponseCommand) => ResponseCommand): ResponseCommand {
  try {
    return reply(response);
  } catch (error) {
    return { code: ResponseCode.SYSTEM_ERROR, remark: `a fault's rewrite failed: ${String(error)}` };
  }
}
