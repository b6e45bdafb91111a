import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { ProtocolError } from '../../lib/errors.js';
import { ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';
import type { MockClock, MockTimer } from '../clock.js';
import type { ActiveFault } from '../faults/active-fault.js';
import type { Faults } from '../faults/faults.js';
import type { Journal } from '../journal.js';
import type { RequestNote } from '../journal-entry.js';
import { Connection, type ConnectionHost, type ReplySerializeType } from './connection.js';
import { Exchange } from './exchange.js';
import type { Watchdogs } from '../watchdogs/watchdogs.js';
import { Timers } from './timers.js';

/** A port that speaks the protocol: what a name server and a broker have in common. */

/** A certificate and its key, PEM; with `ca` clients must show a certificate signed by it. */
export interface MockTlsOptions {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  readonly ca?: string | Buffer;
}

/** What all servers of a cluster share. */
export interface ServerEnvironment {
  readonly host: string;
  readonly clock: MockClock;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly version: number;
  readonly serializeType: ReplySerializeType;
  readonly tls: MockTlsOptions | undefined;
  readonly watchdogs: Watchdogs | undefined;
  /** A number no other connection of the cluster has. */
  nextConnectionId(): number;
}

/** What a server does with requests and with connections that end. */
export interface ServerRole {
  readonly name: string;
  /** The answer; undefined when it comes later or never. A throw is answered with code 1. */
  handle(exchange: Exchange): ResponseCommand | undefined;
  onClosed(connection: Connection): void;
  /** Looks on, when somebody does. */
  readonly observer?: ServerObserver | undefined;
}

/** Who looks on as requests are carried out. All of it has an entry in the journal. */
export interface ServerObserver {
  /** A request came in; its fault is in its entry. */
  onRequest(request: RequestNote): void;
  /** It was carried out, answered or not. */
  onHandled(request: RequestNote): void;
  /** An answer is sent. */
  onReply(request: RequestNote, reply: RequestNote): void;
}

/** First byte of a TLS handshake; of a frame it would mean a length far over the limit. */
const TLS_HANDSHAKE = 0x16;
/** The reference closes a connection on which nothing was read or written for this long. */
const IDLE_TIMEOUT_MS = 120_000;
/** How often it looks. */
const IDLE_SCAN_MS = 10_000;

export class MockServer implements ConnectionHost {
  readonly name: string;
  readonly clock: MockClock;
  readonly timers: Timers;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly version: number;
  readonly serializeType: ReplySerializeType;
  readonly connections = new Set<Connection>();
  readonly #environment: ServerEnvironment;
  readonly #role: ServerRole;
  #server: Server | undefined;
  #tlsServer: TlsServer | undefined;
  readonly #sockets = new Set<Socket>();
  #port: number;
  #idleScan: MockTimer | undefined;

  /** @param port 0 takes any free one, and keeps it from then on */
  constructor(environment: ServerEnvironment, role: ServerRole, port: number) {
    this.name = role.name;
    this.clock = environment.clock;
    this.timers = new Timers(environment.clock);
    this.journal = environment.journal;
    this.faults = environment.faults;
    this.version = environment.version;
    this.serializeType = environment.serializeType;
    this.#environment = environment;
    this.#role = role;
    this.#port = port;
  }

  get running(): boolean {
    return this.#server !== undefined;
  }

  get port(): number {
    return this.#port;
  }

  /**
   * Listens. Rejects when the port is taken.
   *
   * @param port another one than before; 0 takes any free one
   */
  async start(port: number = this.#port): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => this.#onSocket(socket));
    this.#server = server;
    this.#tlsServer = this.#createTlsServer();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, this.#environment.host, resolve);
      });
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Destroys all connections and refuses new ones. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of [...this.connections]) connection.close();
    for (const socket of [...this.#sockets]) socket.destroy();
    this.timers.clear();
    this.#idleScan = undefined;
    await closed;
  }

  onRequest(connection: Connection, command: RemotingCommand, note: RequestNote | undefined): void {
    const found = this.#faultFor(connection, command);
    if (found instanceof Error) {
      // A test's mistake is answered rather than lost.
      const remark = `a fault's rule failed: ${String(found.cause)}`;
      return new Exchange(connection, command, undefined, note).respond({ code: ResponseCode.SYSTEM_ERROR, remark });
    }
    if (note !== undefined) {
      note.fault = found;
      this.#role.observer?.onRequest(note);
    }
    this.#begin(new Exchange(connection, command, found, note));
  }

  onReply({ note }: Exchange, reply: RequestNote): void {
    if (note !== undefined) this.#role.observer?.onReply(note, reply);
  }

  #begin(exchange: Exchange): void {
    const { connection, fault } = exchange;
    const action = fault?.rule.action;
    switch (action?.type) {
      case 'drop':
        return;
      case 'answer': {
        const { code, remark, ext, body } = action;
        return exchange.respond({ code, remark, ...(ext && { extFields: ext }), ...(body && { body }) });
      }
      case 'raw':
        return connection.writeRaw(action.bytes);
      case 'close':
        if (action.when === 'before') return connection.close();
        return this.#run(exchange);
      case 'delay':
        if (action.when !== 'before') return this.#run(exchange);
        this.timers.later(() => this.#run(exchange), action.ms);
        return;
      case 'halfOpen':
        connection.fallSilent(() => this.#run(exchange));
        if (action.ms !== undefined) this.timers.later(() => connection.resume(), action.ms);
        return fault?.onEnd(() => connection.resume());
      default:
        return this.#run(exchange);
    }
  }

  onClosed(connection: Connection): void {
    this.connections.delete(connection);
    this.#role.onClosed(connection);
  }

  #faultFor(connection: Connection, command: RemotingCommand): ActiveFault | Error | undefined {
    try {
      const { id, clientId } = connection;
      return this.faults.match({ broker: this.name, connection: id, clientId, command });
    } catch (error) {
      return new Error('a rule failed', { cause: error });
    }
  }

  #run(exchange: Exchange): void {
    const { connection, note } = exchange;
    if (connection.closed) return;
    let response: ResponseCommand | undefined;
    try {
      response = this.#role.handle(exchange);
    } catch (error) {
      response = { code: ResponseCode.SYSTEM_ERROR, remark: exceptionRemark(error) };
    }
    if (note !== undefined) {
      note.isWaiting = response === undefined;
      this.#role.observer?.onHandled(note);
    }
    if (response !== undefined) exchange.respond(response);
  }

  #onSocket(socket: Socket): void {
    this.#track(socket);
    if (this.faults.refuses(this.name)) return void socket.destroy();
    if (this.#tlsServer === undefined) return this.#connect(socket);
    // Plain or encrypted is told by the first byte, as in the reference's permissive mode.
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null;
      if (first === null) return;
      socket.unshift(first);
      if (first[0] === TLS_HANDSHAKE) this.#tlsServer?.emit('connection', socket);
      else this.#connect(socket);
    });
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #connect(socket: Socket): void {
    this.connections.add(new Connection(this.#environment.nextConnectionId(), socket, this));
    if (this.#idleScan !== undefined) return;
    this.#idleScan = this.timers.later(() => this.#closeIdle(), IDLE_SCAN_MS);
  }

  #closeIdle(): void {
    this.#idleScan = undefined;
    const now = this.clock.now();
    for (const connection of [...this.connections]) {
      // Of a silent one the other side would not hear that it is closed.
      if (now - connection.lastActivityAt > IDLE_TIMEOUT_MS && !connection.silent) connection.close();
    }
    if (this.connections.size > 0) this.#idleScan = this.timers.later(() => this.#closeIdle(), IDLE_SCAN_MS);
  }

  #createTlsServer(): TlsServer | undefined {
    const { tls } = this.#environment;
    if (tls === undefined) return undefined;
    const { key, cert, ca } = tls;
    const mutual = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
    const server = createTlsServer({ key, cert, ...mutual }, (socket) => {
      this.#track(socket);
      this.#connect(socket);
    });
    // A failed handshake is the client's affair.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }
}

/** The text of a failed handler, in the form the reference broker gives it. */
function exceptionRemark(error: unknown): string {
  if (error instanceof ProtocolError && error.code === 'ERR_ROCKETMQ_FIELD_MISSING') {
    return `org.apache.rocketmq.remoting.exception.RemotingCommandException: ${error.message}`;
  }
  return String(error);
}
