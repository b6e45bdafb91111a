import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import {
  createRequest,
  createResponse,
  decodeCommand,
  encodeCommand,
  isResponse,
  type RemotingCommand,
  type RequestCommand,
  type ResponseCommand,
} from '../../lib/protocol/command.js';
import { FrameDecoder } from '../../lib/protocol/frame.js';

/** The server's end of one connection. */
export class FakePeer {
  readonly socket: Socket;
  /** All commands that came on it. */
  readonly commands: RemotingCommand[] = [];
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    // Resets are what many tests provoke.
    socket.on('error', () => undefined);
  }

  reply(request: RemotingCommand, response: ResponseCommand = { code: 0 }): void {
    this.socket.write(encodeCommand(createResponse(request, response)));
  }

  /** Sends a request to the client; its answer appears in {@link FakeServer.nextResponse}. */
  request(command: RequestCommand, opaque: number, oneway = false): void {
    this.socket.write(encodeCommand(createRequest(command, opaque, { oneway })));
  }
}

/** A request with the connection it came on. */
export interface Received {
  readonly command: RemotingCommand;
  readonly peer: FakePeer;
}

export interface FakeServerOptions {
  readonly tls?: TlsOptions;
  readonly port?: number;
  /** Called for each request instead of queueing it for {@link FakeServer.nextRequest}. */
  readonly onRequest?: (command: RemotingCommand, peer: FakePeer) => void;
}

/**
 * A server that speaks frames and does nothing by itself: a test takes what comes with `await server.nextRequest()` and
 * says what goes back. Listens on a free port of the loopback interface.
 */
export class FakeServer {
  readonly #server: Server;
  readonly #requests = new Queue<Received>();
  readonly #responses = new Queue<Received>();
  readonly #connections = new Queue<FakePeer>();
  readonly peers: FakePeer[] = [];
  onRequest: ((command: RemotingCommand, peer: FakePeer) => void) | undefined;

  private constructor(server: Server, onRequest: FakeServerOptions['onRequest']) {
    this.#server = server;
    this.onRequest = onRequest;
  }

  static async start(options: FakeServerOptions = {}): Promise<FakeServer> {
    const server = options.tls === undefined ? createTcpServer() : createTlsServer(options.tls);
    const fake = new FakeServer(server, options.onRequest);
    server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => fake.#accept(socket));
    server.on('tlsClientError', () => undefined);
    server.listen(options.port ?? 0, '127.0.0.1');
    await once(server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  nextRequest(): Promise<Received> {
    return this.#requests.next();
  }

  /** The next answer of the client to {@link FakePeer.request}. */
  nextResponse(): Promise<Received> {
    return this.#responses.next();
  }

  nextConnection(): Promise<FakePeer> {
    return this.#connections.next();
  }

  /** Requests and responses nobody has taken. */
  get untaken(): number {
    return this.#requests.size + this.#responses.size;
  }

  /** Refuses new connections; resolves when those there are have ended too. */
  async stopListening(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.socket.destroy();
    await this.stopListening();
  }

  #accept(socket: Socket): void {
    const peer = new FakePeer(socket);
    this.peers.push(peer);
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) =>
      decoder.push(chunk, (frame) => {
        const command = decodeCommand(frame);
        peer.commands.push(command);
        if (isResponse(command)) this.#responses.push({ command, peer });
        else if (this.onRequest !== undefined) this.onRequest(command, peer);
        else this.#requests.push({ command, peer });
      }),
    );
    this.#connections.push(peer);
  }
}

/** Values in order, awaited by whoever comes first. */
class Queue<T> {
  readonly #values: T[] = [];
  readonly #takers: ((value: T) => void)[] = [];

  get size(): number {
    return this.#values.length;
  }

  push(value: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#values.push(value);
    else taker(value);
  }

  next(): Promise<T> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve) => this.#takers.push(resolve));
  }
}
