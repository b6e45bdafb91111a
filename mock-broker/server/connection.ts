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
import { corruptFrame, corruptRecord } from '../faults/corrupt.js';
import type { Faults } from '../faults/faults.js';
import type { FaultAction } from '../faults/rule.js';
import type { Journal } from '../journal.js';
import type { ConnectionIdentity, RequestNote } from '../journal-entry.js';
import type { Exchange } from './exchange.js';
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
  onRequest(connection: Connection, command: RemotingCommand, note: RequestNote | undefined): void;
  /** An answer is on its way to the client. */
  onReply(exchange: Exchange, reply: RequestNote): void;
  onClosed(connection: Connection): void;
}

interface PendingCall {
  readonly code: number;
  readonly settle: (reply: RemotingCommand | Error) => void;
}

/** Bytes waiting for a slow write before them. */
interface QueuedWrite {
  readonly bytes: Buffer;
  readonly pace: Pace | undefined;
}

/** How bytes are cut into writes. */
interface Pace {
  readonly pieceSize: number;
  /** Milliseconds of the mock's clock from piece to piece. @default a turn of the event loop */
  readonly intervalMs?: number;
}

/** How often a throttled answer goes on, when it has a byte for it. */
const THROTTLE_TICK_MS = 100;

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
  #silent = false;
  /** What was read before the silence, and waits for its end. */
  #unread: (() => void)[] = [];

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

  /** Whether nothing is read from it or written to it for now. */
  get silent(): boolean {
    return this.#silent;
  }

  /** Closes at once; what was not sent is lost. */
  close(): void {
    this.#socket.destroy();
  }

  /**
   * From now on nothing is read or written, until {@link resume}.
   *
   * @param first what to go on with
   */
  fallSilent(first: () => void): void {
    this.#silent = true;
    this.#unread.push(first);
    this.#socket.pause();
  }

  /** Goes on where {@link fallSilent} stopped; without effect when it has not. */
  resume(): void {
    if (!this.#silent) return;
    this.#silent = false;
    for (let next = this.#unread.shift(); next !== undefined; next = this.#unread.shift()) {
      next();
      // One of them may have silenced it again, and stands at the end now: it belongs to the front.
      if (this.#silent) return void this.#unread.unshift(...this.#unread.splice(-1));
    }
    this.#socket.resume();
    if (!this.#writing) this.#writeNext();
  }

  /** Answers a request, as its fault, if any, has it. */
  respond(exchange: Exchange, response: ResponseCommand): void {
    const action = exchange.fault?.rule.action;
    exchange.note?.settle(response);
    if (this.#closed) return;
    switch (action?.type) {
      case 'dropReply':
        return;
      case 'delay':
        if (action.when === 'before') break;
        this.#host.timers.later(() => this.#reply(exchange, response, undefined), action.ms);
        return;
      case 'rewrite':
        return this.#reply(exchange, rewrite(response, action.reply), undefined);
      case 'corrupt':
        return this.#reply(exchange, corruptRecord(response, action.what), action);
      case 'close':
        if (action.when === 'before-reply') return this.close();
        break;
      default:
    }
    this.#reply(exchange, response, action);
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

  #reply(exchange: Exchange, response: ResponseCommand, action: FaultAction | undefined): void {
    if (this.#closed) return;
    const command = createResponse(exchange.command, response, this.#headerOptions(exchange.command));
    this.#recordReply(exchange, command);
    if (action === undefined) return this.#write(encodeCommandParts(command), undefined);
    const frame = encodeCommand(command);
    switch (action.type) {
      case 'duplicate':
        this.#write([frame], undefined);
        this.#recordReply(exchange, command);
        return this.#write([frame], undefined);
      case 'chunk':
        return this.#write([frame], { pieceSize: action.size });
      case 'throttle':
        return this.#write([frame], throttled(action.bytesPerSecond));
      case 'corrupt':
        return this.#write([corruptFrame(frame, action.what)], undefined);
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
    const subject = { broker: this.#host.name, connection: this.id, clientId: this.clientId, command };
    const action = this.#host.faults.match(subject)?.rule.action;
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
      case 'chunk':
        return this.#transmit(command, { pieceSize: action.size });
      case 'throttle':
        return this.#transmit(command, throttled(action.bytesPerSecond));
      default:
        return this.#transmit(command, undefined);
    }
  }

  #transmit(command: RemotingCommand, pace: Pace | undefined): void {
    if (this.#closed) return;
    this.#record('out', command, undefined);
    this.#write(encodeCommandParts(command), pace);
  }

  #write(parts: readonly Buffer[], pace: Pace | undefined): void {
    if (this.#closed) return;
    this.lastActivityAt = this.#host.clock.now();
    if (!this.#writing && !this.#silent && pace === undefined) {
      this.#socket.cork();
      for (const part of parts) if (part.length > 0) this.#socket.write(part);
      this.#socket.uncork();
      return;
    }
    this.#queue.push({ bytes: Buffer.concat(parts), pace });
    if (!this.#writing) this.#writeNext();
  }

  /** Writes the queue, a piece per turn of the event loop or of a throttle, so that they leave as packets of their own. */
  #writeNext(): void {
    const next = this.#silent ? undefined : this.#queue.shift();
    this.#writing = next !== undefined;
    if (next === undefined || this.#closed) return;
    const { pieceSize, intervalMs } = { pieceSize: next.bytes.length, ...next.pace };
    this.#socket.write(next.bytes.subarray(0, pieceSize), () => {
      const isDone = pieceSize >= next.bytes.length;
      if (!isDone) this.#queue.unshift({ ...next, bytes: next.bytes.subarray(pieceSize) });
      if (isDone || intervalMs === undefined) setImmediate(() => this.#writeNext());
      else this.#host.timers.later(() => this.#writeNext(), intervalMs);
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
    if (this.#silent) return void this.#unread.push(() => this.#onCommand(command));
    if (isResponse(command)) {
      const pending = this.#pending.get(command.opaque);
      this.#record('in', command, pending?.code);
      pending?.settle(command);
      return;
    }
    this.version = command.version;
    this.#host.onRequest(this, command, this.#record('in', command, undefined));
  }

  #recordReply(exchange: Exchange, command: RemotingCommand): void {
    const reply = this.#record('out', command, exchange.command.code, exchange.note);
    if (reply !== undefined) this.#host.onReply(exchange, reply);
  }

  #record(
    direction: 'in' | 'out',
    command: RemotingCommand,
    request: number | undefined,
    answers?: RequestNote,
  ): RequestNote | undefined {
    const { clock, journal, name } = this.#host;
    return journal.record({ at: clock.now(), broker: name, direction, peer: this, command, request, answers });
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

/** At most so many bytes a second, a byte at a time when they are few. */
function throttled(bytesPerSecond: number): Pace {
  const pieceSize = Math.max(1, Math.floor((bytesPerSecond * THROTTLE_TICK_MS) / 1000));
  return { pieceSize, intervalMs: Math.max(1, Math.round((pieceSize * 1000) / bytesPerSecond)) };
}
