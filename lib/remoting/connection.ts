import type { Socket } from 'node:net';
import createDebug from 'debug';
import type { Clock, Timer } from '../clock.js';
import { StateError, toError, type ConnectionError } from '../errors.js';
import { requestCodeName, ResponseCode } from '../protocol/codes.js';
import {
  createResponse,
  decodeCommand,
  encodeHeader,
  isResponse,
  withOwnBody,
  type EncodedHeader,
  type RemotingCommand,
  type ResponseCommand,
} from '../protocol/command.js';
import { FrameDecoder } from '../protocol/frame.js';
import type { Address } from './address.js';
import type { Call } from './call.js';
import { CallTable } from './call-table.js';
import {
  callTimedOut,
  clientClosed,
  connectFailed,
  connectionLost,
  connectTimedOut,
  describeCause,
  sentTooLate,
  tlsFailed,
  tlsTimedOut,
} from './connection-errors.js';
import { OutputBuffer } from './output-buffer.js';
import { ReceiveBuffer, type FrameMemory } from './receive-buffer.js';
import type { RequestEncoder } from './request-encoder.js';
import { isTlsAlert, type TlsOptions } from './tls.js';
import { openTransport, type Reader } from './transport.js';

const log = createDebug('rocketmq:remoting');

/** A smaller body is copied behind its header: one chunk costs the kernel less than two. */
const COPY_BODY_BELOW = 8_192;
/** How long an orderly close may wait for its last bytes to leave. */
const LINGER_MS = 1_000;
/** The reference's rule: a timeout closes the connection unless most of the time had gone into making it. */
const JUDGED_AFTER_MS = 100;

const NO_BODY = Buffer.alloc(0);
/** Frames of TLS connections lie in memory that nobody writes to again. */
const OWN_MEMORY: FrameMemory = { keep: () => undefined };

export type ConnectionState = 'connecting' | 'open' | 'draining' | 'closed';

const NEXT_STATES: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  connecting: ['open', 'closed'],
  open: ['draining', 'closed'],
  draining: ['closed'],
  closed: [],
};

export interface ConnectionOptions {
  /** As it is shown and reported. */
  readonly address: string;
  readonly target: Address;
  readonly tls: TlsOptions | undefined;
  readonly clock: Clock;
  readonly encoder: RequestEncoder;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxFrameLength: number;
}

/** What becomes of a connection and of what it reads is its owner's business. */
export interface ConnectionOwner {
  opened(connection: Connection): void;
  /** A request of the peer. */
  requested(connection: Connection, command: RemotingCommand): void;
  /** `call` was answered with GO_AWAY; it is still in the connection's table. */
  goAway(connection: Connection, call: Call, reply: RemotingCommand): void;
  /** A response nobody waits for was dropped: it came after its call's end, or twice, or unasked. */
  dropped(connection: Connection, command: RemotingCommand): void;
  /** Called once. `error` is undefined when this side closed it in good order. */
  closed(connection: Connection, error: ConnectionError | undefined): void;
}

/** One TCP or TLS connection from its first packet to its last, and the calls under way on it. */
export class Connection implements Reader {
  readonly address: string;
  /** Resolves when the socket is gone. */
  readonly whenGone: Promise<void>;

  readonly #options: ConnectionOptions;
  readonly #owner: ConnectionOwner;
  readonly #clock: Clock;
  readonly #calls: CallTable;
  /** Where a plain connection reads into. */
  readonly #received: ReceiveBuffer;
  /** What TLS hands over in pieces of its own. */
  readonly #decoder: FrameDecoder;
  /** Where the frames lie that are handed out. */
  #memory: FrameMemory = OWN_MEMORY;
  #gone: () => void = () => undefined;
  #state: ConnectionState = 'connecting';
  #socket: Socket | undefined;
  /** The TCP connection stands; with TLS its handshake is under way. */
  #tcpReady = false;
  #proven = false;
  #wasOpen = false;
  #openedAt = Number.NaN;
  #bytesSeen = false;
  readonly #output = new OutputBuffer();
  /** Until when what waits there may leave, by the clock: a listener may keep the event loop meanwhile. */
  #flushBefore = Number.POSITIVE_INFINITY;
  /** One-way calls that wait there. */
  #unwritten: Call[] = [];
  #flushPlanned = false;
  #reading = false;
  #lastActive = 0;
  #timer: Timer;

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    this.address = options.address;
    this.#options = options;
    this.#owner = owner;
    this.#clock = options.clock;
    this.#calls = new CallTable(options.clock, this.#expire, this.#callLeft);
    this.#received = new ReceiveBuffer(options.maxFrameLength);
    this.#decoder = new FrameDecoder(options.maxFrameLength);
    this.whenGone = new Promise((resolve) => {
      this.#gone = resolve;
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Whether the peer has said anything but GO_AWAY on it: a connection without use counts as a failed attempt. */
  get proven(): boolean {
    return this.#proven;
  }

  /** Whether it ever took calls. */
  get wasOpen(): boolean {
    return this.#wasOpen;
  }

  /** How long it has taken calls, in milliseconds; NaN when it never did. */
  get ageMs(): number {
    return this.#clock.now() - this.#openedAt;
  }

  /** Whether a call may be sent on it: a socket can be dying before its end has been reported. */
  get usable(): boolean {
    return this.#state === 'open' && this.#socket !== undefined && this.#socket.writable;
  }

  /** Begins to connect. The owner hears `opened` or `closed`, the latter perhaps before this returns. */
  start(): void {
    const { target, tls, connectTimeoutMs } = this.#options;
    try {
      const { socket, readyEvent, readsDirectly } = openTransport(target, tls, this);
      this.#socket = socket;
      if (readsDirectly) this.#memory = this.#received;
      else socket.on('data', this.#onData);
      socket.once('connect', () => (this.#tcpReady = true));
      socket.once(readyEvent, this.#onReady);
      socket.on('error', this.#onError);
      socket.once('close', this.#onGone);
    } catch (error) {
      this.#close(this.#connectError(error));
      return;
    }
    this.#timer = this.#clock.setTimeout(this.#onConnectTimeout, connectTimeoutMs);
  }

  /** Takes a call over and writes it. Only while {@link usable}. */
  send(call: Call): void {
    const { encoder } = this.#options;
    call.sentAt = this.#clock.now();
    const sendBefore = call.sendBefore?.() ?? Number.POSITIVE_INFINITY;
    if (call.sentAt > sendBefore) return call.fail(sentTooLate(this.address, call));
    call.opaque = encoder.nextOpaque();
    this.#calls.add(call);
    try {
      const { command, oneway } = call;
      const header = encoder.encode(command, call.opaque, oneway);
      if (oneway) this.#unwritten.push(call);
      if (sendBefore < this.#flushBefore) this.#flushBefore = sendBefore;
      this.#write(header, command.body);
    } catch (error) {
      call.fail(toError(error));
    }
  }

  /** Answers a request of the peer; nothing happens when the connection has gone meanwhile. */
  respond(request: RemotingCommand, response: ResponseCommand): void {
    if (this.#state === 'closed' || this.#socket?.writable !== true) {
      log('%s: the answer to %s came after the connection', this.address, requestCodeName(request.code));
      return;
    }
    const command = createResponse(request, response, this.#options.encoder.responseHeader);
    this.#write(encodeHeader(command), command.body);
  }

  /** No further call will be sent: closes when those under way have ended. */
  drain(): void {
    this.#enter('draining');
    this.#callLeft();
  }

  /** Gives up a socket that was found unusable. */
  abandon(): void {
    this.#close(connectionLost(this.address, 'is closing'));
  }

  /** Closes in good order; calls under way are rejected. */
  close(): void {
    this.#close(undefined, clientClosed(this.address));
  }

  #enter(next: ConnectionState): void {
    if (!NEXT_STATES[this.#state].includes(next)) {
      throw new StateError(`a connection can't go from ${this.#state} to ${next}`, { address: this.address });
    }
    this.#state = next;
  }

  #write(header: EncodedHeader, body: Buffer = NO_BODY): void {
    this.#lastActive = this.#clock.now();
    this.#output.appendHead(header, body.length);
    if (body.length >= COPY_BODY_BELOW) {
      this.#flush(body);
      return;
    }
    if (body.length > 0) this.#output.appendBody(body);
    this.#flushSoon();
  }

  /** What is written within one turn leaves in one system call; what answers bring about, as soon as they are read. */
  #flushSoon(): void {
    if (this.#flushPlanned || this.#reading) return;
    this.#flushPlanned = true;
    process.nextTick(this.#onFlush);
  }

  readonly #onFlush = (): void => {
    this.#flushPlanned = false;
    this.#flush();
  };

  /** Writes what waits, and a body that belongs to the last header of it. */
  #flush(body?: Buffer): void {
    const socket = this.#socket;
    if (socket === undefined || this.#output.isEmpty) return;
    const output = this.#output.take();
    if (this.#flushBefore !== Number.POSITIVE_INFINITY) {
      const overdue = this.#clock.now() > this.#flushBefore;
      this.#flushBefore = Number.POSITIVE_INFINITY;
      if (overdue) {
        this.#close(
          connectionLost(this.address, 'was closed because this process was held up for longer than a lease'),
        );
        return;
      }
    }
    const written = this.#unwritten.length > 0 ? this.#whenWritten() : undefined;
    if (body === undefined) {
      socket.write(output, written);
    } else {
      socket.cork();
      socket.write(output);
      socket.write(body, written);
      socket.uncork();
    }
    // The kernel took all of it at once, as it nearly always does. TLS may still hold on to what it was given.
    if (socket.writableLength === 0 && this.#options.tls === undefined) this.#output.reuse();
  }

  #whenWritten(): (error?: Error | null) => void {
    const calls = this.#unwritten;
    this.#unwritten = [];
    return (error) => {
      // A failed write is followed by the end of the socket, which rejects the calls.
      if (error === null || error === undefined) for (const call of calls) call.written();
    };
  }

  readonly #onReady = (): void => {
    const socket = this.#socket;
    if (socket === undefined || this.#state !== 'connecting') return;
    this.#clock.clearTimeout(this.#timer);
    this.#enter('open');
    this.#wasOpen = true;
    this.#openedAt = this.#clock.now();
    socket.once('end', this.#onEnd);
    this.#lastActive = this.#clock.now();
    this.#timer = this.#clock.setTimeout(this.#onIdleTimer, this.#options.idleTimeoutMs);
    this.#owner.opened(this);
  };

  readonly #onData = (chunk: Buffer): void => {
    this.#take(() => this.#decoder.push(chunk, this.#onFrame));
  };

  /** For the socket: memory for what comes next. */
  get room(): Uint8Array {
    return this.#received.room;
  }

  /** For the socket: so many bytes have come. */
  read(count: number): void {
    this.#take(() => this.#received.received(count, this.#onFrame));
  }

  /** Handles the frames that have come. What that makes this side send leaves at the end of it, in one piece. */
  #take(decode: () => void): void {
    if (this.#state === 'closed') return;
    this.#lastActive = this.#clock.now();
    this.#bytesSeen = true;
    this.#reading = true;
    try {
      decode();
    } catch (error) {
      const how = `was closed because it carried no valid frame: ${describeCause(error)}`;
      this.#close(connectionLost(this.address, how, error));
    } finally {
      this.#reading = false;
    }
    // Before anything that follows from the answers is worked on: the peer has something to do meanwhile.
    this.#flush();
  }

  readonly #onFrame = (frame: Buffer): void => {
    if (this.#state === 'closed') return;
    const command = decodeCommand(frame);
    if (!isResponse(command)) {
      this.#proven = true;
      this.#owner.requested(this, withOwnBody(command));
      return;
    }
    const call = this.#calls.get(command.opaque);
    if (call === undefined || call.oneway) {
      log('%s: dropped a response nobody waits for, opaque %d', this.address, command.opaque);
      this.#owner.dropped(this, command);
    } else if (command.code === ResponseCode.GO_AWAY) {
      this.#owner.goAway(this, call, command);
    } else {
      this.#proven = true;
      call.succeed(command, this.#memory);
    }
  };

  readonly #onEnd = (): void => {
    const held = this.#received.buffered + this.#decoder.buffered;
    let how = 'was closed by the peer';
    if (held > 0) how += ` in the middle of a frame (${held} bytes of it had come)`;
    else how += this.#silenceHint();
    this.#close(connectionLost(this.address, how));
  };

  readonly #onError = (error: Error): void => {
    this.#close(
      this.#state === 'connecting'
        ? this.#connectError(error)
        : isTlsAlert(error)
          ? tlsFailed(this.address, error)
          : connectionLost(this.address, `broke: ${describeCause(error)}${this.#silenceHint()}`, error),
    );
  };

  /** A peer that ends a connection without a word often does so because of what it was sent first. */
  #silenceHint(): string {
    if (this.#bytesSeen) return '';
    return this.#options.tls === undefined
      ? ' before the peer sent anything (does it take TLS connections only? then set the tls option)'
      : ' before the peer sent anything (does it ask for a client certificate, or not trust the one it was shown? ' +
          'check tls.cert and tls.key)';
  }

  #connectError(error: unknown): ConnectionError {
    // Without a socket the TLS options themselves were refused.
    const handshake = this.#socket === undefined || (this.#options.tls !== undefined && this.#tcpReady);
    return handshake ? tlsFailed(this.address, error) : connectFailed(this.address, error);
  }

  readonly #onConnectTimeout = (): void => {
    const { connectTimeoutMs } = this.#options;
    this.#close(
      this.#tcpReady ? tlsTimedOut(this.address, connectTimeoutMs) : connectTimedOut(this.address, connectTimeoutMs),
    );
  };

  readonly #onIdleTimer = (): void => {
    const { idleTimeoutMs } = this.#options;
    const rest = idleTimeoutMs - (this.#clock.now() - this.#lastActive);
    if (rest >= 1) {
      this.#timer = this.#clock.setTimeout(this.#onIdleTimer, Math.ceil(rest));
      return;
    }
    log('%s: closed after %d ms without traffic', this.address, idleTimeoutMs);
    this.#close(undefined, connectionLost(this.address, `was closed after ${idleTimeoutMs} ms without traffic`));
  };

  readonly #expire = (call: Call): void => {
    const error = callTimedOut(call.address, call.command.code, call.timeoutMs, call.oneway ? 'write' : 'answer');
    call.fail(error);
    const waited = call.deadline - call.sentAt;
    if (call.closeOnTimeout && (waited > JUDGED_AFTER_MS || waited > call.timeoutMs / 4)) {
      this.#close(connectionLost(this.address, 'was closed because a call on it was not answered in time', error));
    }
  };

  readonly #callLeft = (): void => {
    if (this.#state === 'draining' && this.#calls.size === 0) this.#close(undefined);
  };

  /** Ends the connection: with `error`, or in good order. `rejection` is what calls under way get. */
  #close(error: ConnectionError | undefined, rejection: ConnectionError = error ?? clientClosed(this.address)): void {
    if (this.#state === 'closed') return;
    const orderly = error === undefined && this.#state !== 'connecting';
    this.#enter('closed');
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#shutSocket(orderly);
    if (error !== undefined) log('%s: %s', this.address, error.message);
    for (const call of this.#calls.drain()) call.fail(rejection);
    this.#owner.closed(this, error);
  }

  #shutSocket(orderly: boolean): void {
    const socket = this.#socket;
    if (socket === undefined) {
      this.#gone();
      return;
    }
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    this.#flush();
    if (orderly && socket.writableLength === 0) {
      // Unread bytes at the moment of closing would make the kernel send a reset, which can undo the last writes.
      socket.resume();
      this.#timer = this.#clock.setTimeout(() => socket.destroy(), LINGER_MS);
      socket.destroySoon();
    } else {
      socket.destroy();
    }
  }

  readonly #onGone = (): void => {
    // A socket is always reported by 'end' or 'error' first, unless this side destroyed it.
    this.#close(connectionLost(this.address, 'was closed'));
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket?.removeAllListeners();
    this.#socket = undefined;
    this.#gone();
  };
}
