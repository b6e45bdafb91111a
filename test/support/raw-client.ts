import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import {
  createRequest,
  createResponse,
  decodeCommand,
  encodeCommand,
  isResponse,
  type RemotingCommand,
  type RequestCommand,
  type ResponseCommand,
  SerializeType,
} from '../../lib/protocol/command.js';
import { FrameDecoder } from '../../lib/protocol/frame.js';
import type { RequestType } from '../../lib/protocol/requests/request-type.js';

/**
 * A client of frames, and nothing above them: what it sends is exactly what a test says, and what comes back is handed
 * out as it came, also answers nobody asked for.
 */
export interface RawClientOptions {
  /** Protocol version in the header of requests. Default 479. */
  readonly version?: number;
  readonly language?: string;
  readonly serializeType?: SerializeType;
  readonly tls?: ConnectionOptions;
  /** How long to wait for a frame. Default 5000 ms. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 5000;

export class RawClient {
  readonly socket: Socket;
  /** Everything received, in order. */
  readonly received: RemotingCommand[] = [];
  /** Frames as they came, without their length field. */
  readonly frames: Buffer[] = [];
  /** Sizes of the chunks the socket delivered. */
  readonly chunks: number[] = [];
  readonly #options: RawClientOptions;
  #opaque = 100;
  #waiters: { matches: (command: RemotingCommand) => boolean; resolve: (command: RemotingCommand) => void }[] = [];
  readonly #taken = new Set<RemotingCommand>();
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket, options: RawClientOptions) {
    this.socket = socket;
    this.#options = options;
    socket.setNoDelay(true);
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk.length);
      decoder.push(chunk, (frame) => {
        this.frames.push(frame);
        this.#onCommand(decodeCommand(frame));
      });
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static connect(address: string, options: RawClientOptions = {}): Promise<RawClient> {
    const colon = address.lastIndexOf(':');
    const target = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
    return new Promise((resolve, reject) => {
      const socket = options.tls === undefined ? connect(target) : connectTls({ ...options.tls, ...target });
      socket.once('error', reject);
      socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket, options));
      });
    });
  }

  /** Sends a request; the result is its answer, whatever its code. */
  async request(request: RequestCommand, options: RawClientOptions = {}): Promise<RemotingCommand> {
    const opaque = this.send(request, options);
    return this.reply(opaque);
  }

  /** Sends a typed request and gives back its answer as it came. */
  ask<Request>(type: RequestType<Request, unknown>, request: Request): Promise<RemotingCommand> {
    return this.request(type.encode(request));
  }

  /** Sends a typed request and reads its answer. */
  async call<Request, Reply>(type: RequestType<Request, Reply>, request: Request): Promise<Reply> {
    return type.decodeReply(await this.request(type.encode(request)));
  }

  /** Sends a request without waiting. Returns its opaque. */
  send(request: RequestCommand, options: RawClientOptions & { oneway?: boolean } = {}): number {
    const opaque = this.#opaque++;
    const { version = 479, language = 'OTHER', serializeType = SerializeType.JSON } = { ...this.#options, ...options };
    const oneway = options.oneway ?? false;
    this.socket.write(encodeCommand(createRequest(request, opaque, { oneway, version, language, serializeType })));
    return opaque;
  }

  respond(request: RemotingCommand, response: ResponseCommand): void {
    this.socket.write(encodeCommand(createResponse(request, response)));
  }

  /** The answer to `opaque`, come or to come. */
  reply(opaque: number): Promise<RemotingCommand> {
    return this.#take(`an answer to ${opaque}`, (command) => isResponse(command) && command.opaque === opaque);
  }

  /** The next request of this code from the server. */
  pushed(code: number): Promise<RemotingCommand> {
    return this.#take(`a request ${code}`, (command) => !isResponse(command) && command.code === code);
  }

  /** Requests of this code from the server that nobody has taken yet. */
  untaken(code: number): RemotingCommand[] {
    return this.received.filter(
      (command) => !isResponse(command) && command.code === code && !this.#taken.has(command),
    );
  }

  close(): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }

  #take(what: string, matches: (command: RemotingCommand) => boolean): Promise<RemotingCommand> {
    const come = this.received.find((command) => !this.#taken.has(command) && matches(command));
    if (come !== undefined) {
      this.#taken.add(come);
      return Promise.resolve(come);
    }
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        clearTimeout(timer);
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(new Error(`${reason} while ${what} was awaited`));
      };
      const timer = setTimeout(() => fail('no frame in time'), this.#options.patienceMs ?? PATIENCE_MS);
      const waiter = {
        matches,
        resolve: (command: RemotingCommand): void => {
          clearTimeout(timer);
          resolve(command);
        },
      };
      this.#waiters.push(waiter);
      void this.closed.then(() => {
        if (this.#waiters.includes(waiter)) fail('the connection was closed');
      });
    });
  }

  #onCommand(command: RemotingCommand): void {
    this.received.push(command);
    const waiter = this.#waiters.find((candidate) => candidate.matches(command));
    if (waiter === undefined) return;
    this.#taken.add(command);
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    waiter.resolve(command);
  }
}
