import { EventEmitter } from 'node:events';
import type { Clock } from '../clock.js';
import type { ConnectionError } from '../errors.js';
import { withOwnBody, type RemotingCommand, type RequestCommand, type SerializeType } from '../protocol/command.js';
import { MAX_FRAME_LENGTH } from '../protocol/frame.js';
import type { RequestType } from '../protocol/requests/request-type.js';
import { Call, type CallHandler } from './call.js';
import { callAborted, callTimedOut, clientClosed } from './connection-errors.js';
import type { Connection } from './connection.js';
import { Endpoint, type EndpointOptions, type EndpointOwner } from './endpoint.js';
import { RequestEncoder } from './request-encoder.js';
import type { AclCredentials } from './request-fields.js';
import { rethrowLater } from './rethrow.js';
import { RequestHandlers, type RequestHandler } from './request-handlers.js';
import { normalizeTls, type TlsOptions } from './tls.js';

/** The reference's connect timeout. */
const CONNECT_TIMEOUT_MS = 3_000;
/** The reference closes a connection after this time without traffic, on both sides. */
const IDLE_TIMEOUT_MS = 120_000;
/** How long a one-way request may take by default until it is written. */
const ONEWAY_TIMEOUT_MS = 3_000;
/** An address that has not been used for so long is forgotten: brokers in containers come back with another one. */
const FORGET_AFTER_MS = 600_000;

export interface RemotingClientOptions {
  readonly clock: Clock;
  /** Milliseconds a connection may take to be made, TLS handshake included. @default 3000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds without traffic after which a connection is closed. @default 120000 */
  readonly idleTimeoutMs?: number | undefined;
  /** `true` or options: all connections use TLS, with certificates verified. @default false */
  readonly tls?: TlsOptions | boolean | undefined;
  /** Signs every request. */
  readonly acl?: AclCredentials | undefined;
  /** Sent with every request, for brokers that separate tenants by it. */
  readonly namespaceV2?: string | undefined;
  /** The language told to peers. @default 'OTHER', which every broker version knows */
  readonly language?: string | undefined;
  /** Bytes of the largest frame that is accepted. @default 16777216 */
  readonly maxFrameLength?: number | undefined;
  /** The form of request headers; those of peers are read in both forms. @default JSON */
  readonly serializeType?: SerializeType | undefined;
  /** The id of the first request. @default 0 */
  readonly firstOpaque?: number | undefined;
  /** The source of jitter. @default Math.random */
  readonly random?: (() => number) | undefined;
}

export interface CallOptions {
  /** Milliseconds for everything: connecting, sending, a resend, and the answer. */
  readonly timeoutMs: number;
  /**
   * Whether a missing answer closes the connection, so that a dead one is found out. Long polls, which the broker may
   * hold for as long as it likes, pass `false`.
   *
   * @default true
   */
  readonly closeOnTimeout?: boolean | undefined;
  /**
   * Tells until when the call may be sent, by the client's clock. It is asked when there is a connection, after the
   * listeners of `connected`; a call that comes too late is not sent, and fails with a TimeoutError. For what its sender
   * may do only as long as a lease lasts.
   *
   * @default no such limit
   */
  readonly sendBefore?: (() => number) | undefined;
  /** Ends the call with an AbortError. */
  readonly signal?: AbortSignal | undefined;
}

export interface OnewayOptions {
  /** Milliseconds until it must be written. @default 3000 */
  readonly timeoutMs?: number | undefined;
  /** Ends the call with an AbortError. */
  readonly signal?: AbortSignal | undefined;
}

/** Events of a client. Every `connected` of an address is followed by one `disconnected` or `goAway` of it. */
export interface RemotingEvents {
  /** A connection stands. What a listener sends at once goes before all calls that waited for the connection. */
  connected: [address: string];
  /** It is gone; without an error when this side closed it in good order. */
  disconnected: [address: string, error: ConnectionError | undefined];
  /** The peer shuts down and asked to leave: the next call makes a new connection, the old one awaits its answers. */
  goAway: [address: string];
}

/**
 * Talks to any number of name servers and brokers, one connection each, made when first needed. Calls are told apart
 * by opaque, so any number may be under way on a connection; peers may send requests too.
 */
export class RemotingClient extends EventEmitter<RemotingEvents> {
  readonly #clock: Clock;
  readonly #options: EndpointOptions;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #handlers = new RequestHandlers();
  readonly #owner: EndpointOwner;
  #droppedResponses = 0;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(options: RemotingClientOptions) {
    super();
    this.#clock = options.clock;
    this.#options = {
      clock: options.clock,
      tls: normalizeTls(options.tls),
      encoder: new RequestEncoder(options),
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      idleTimeoutMs: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
      maxFrameLength: options.maxFrameLength ?? MAX_FRAME_LENGTH,
      random: options.random ?? Math.random,
    };
    this.#owner = {
      connected: (address) => this.#tell(() => this.emit('connected', address)),
      disconnected: (address, error) => this.#tell(() => this.emit('disconnected', address, error)),
      goAway: (address) => this.#tell(() => this.emit('goAway', address)),
      dropped: () => {
        this.#droppedResponses++;
      },
      requested: (connection, command) => this.#serve(connection, command),
    };
  }

  /**
   * Sends a request and resolves with its answer, whatever its code. Connects first when needed, and once more when
   * the peer answers GO_AWAY.
   *
   * @throws ConnectionError when there is no connection or it was lost
   * @throws TimeoutError when there was no answer in time
   * @throws AbortError when the signal fired
   * @throws BrokerError when the peer answered GO_AWAY a second time
   */
  request(address: string, command: RequestCommand, options: CallOptions): Promise<RemotingCommand> {
    return new Promise((resolve, reject) => {
      this.submit(address, command, options, { succeed: (reply) => resolve(withOwnBody(reply)), fail: reject });
    });
  }

  /**
   * {@link request} without a promise, for who makes thousands a second: the handler is told within the arrival of the
   * answer itself, or with a failure perhaps before this returns. What it sends then leaves together with what others
   * send.
   *
   * @returns the call, which may be aborted; `undefined` when it failed at once
   */
  submit(
    address: string,
    command: RequestCommand,
    options: CallOptions,
    handler: CallHandler,
  ): Pick<Call, 'abort'> | undefined {
    return this.#submit(address, command, false, options, handler);
  }

  /**
   * {@link request} with values instead of header fields.
   *
   * @throws BrokerError when the answer is no success
   * @throws ProtocolError when the answer can't be read
   */
  async call<Request, Reply>(
    address: string,
    type: RequestType<Request, Reply>,
    request: Request,
    options: CallOptions,
  ): Promise<Reply> {
    return type.decodeReply(await this.request(address, type.encode(request), options));
  }

  /**
   * Sends a request that is never answered; resolves when it has been handed to the operating system.
   *
   * @throws ConnectionError, TimeoutError or AbortError as {@link request}
   */
  oneway(address: string, command: RequestCommand, options: OnewayOptions = {}): Promise<void> {
    const { timeoutMs = ONEWAY_TIMEOUT_MS, signal } = options;
    return new Promise((resolve, reject) => {
      const handler: CallHandler = { succeed: () => resolve(), written: resolve, fail: reject };
      this.#submit(address, command, true, { timeoutMs, signal }, handler);
    });
  }

  /** Says who serves a code of the requests that peers send. The last call for a code wins. */
  setRequestHandler(code: number, handler: RequestHandler): void {
    this.#handlers.set(code, handler);
  }

  /** Whether a call to this address would be sent at once. */
  isConnected(address: string): boolean {
    return this.#endpoints.get(address)?.isConnected === true;
  }

  /** Responses that were dropped so far because nobody waited for them any more, or at all. */
  get droppedResponses(): number {
    return this.#droppedResponses;
  }

  /** Rejects all calls under way and closes all connections; resolves when no socket is left. May be called again. */
  close(): Promise<void> {
    // Before anything else: listeners of `disconnected` must not start calls again.
    this.#closed = true;
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    await Promise.all([...this.#endpoints.values()].map((endpoint) => endpoint.close()));
    this.#endpoints.clear();
  }

  #submit(
    address: string,
    command: RequestCommand,
    oneway: boolean,
    options: CallOptions,
    handler: CallHandler,
  ): Call | undefined {
    const { timeoutMs, signal, closeOnTimeout = true, sendBefore } = options;
    const refusal = this.#refusal(address, command, options);
    if (refusal !== undefined) {
      handler.fail(refusal);
      return undefined;
    }
    const startedAt = this.#clock.now();
    const call = new Call({
      address,
      command,
      oneway,
      timeoutMs,
      startedAt,
      closeOnTimeout,
      signal,
      sendBefore,
      handler,
    });
    this.#endpoint(address).submit(call);
    return call;
  }

  /** Why a call can't be made at all. */
  #refusal(address: string, { code }: RequestCommand, { timeoutMs, signal }: CallOptions): Error | undefined {
    if (this.#closed) return clientClosed(address);
    if (signal?.aborted === true) return callAborted(address, code, signal.reason);
    // A caller's remaining budget may be used up.
    return timeoutMs > 0 ? undefined : callTimedOut(address, code, timeoutMs, 'connect');
  }

  #endpoint(address: string): Endpoint {
    let endpoint = this.#endpoints.get(address);
    if (endpoint === undefined) {
      for (const [known, old] of this.#endpoints) if (old.isStale(FORGET_AFTER_MS)) this.#endpoints.delete(known);
      endpoint = new Endpoint(address, this.#options, this.#owner);
      this.#endpoints.set(address, endpoint);
    }
    return endpoint;
  }

  #serve(connection: Connection, command: RemotingCommand): void {
    this.#handlers.serve(command, { address: connection.address }, (response) => connection.respond(command, response));
  }

  /** A listener that throws is not swallowed, but it does not break the connection it was told about either. */
  #tell(emit: () => void): void {
    try {
      emit();
    } catch (error) {
      rethrowLater(error);
    }
  }
}
