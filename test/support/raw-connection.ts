import { createHmac } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  createRequest,
  createResponse,
  decodeCommand,
  encodeCommand,
  isOneway,
  isResponse,
  type RemotingCommand,
  type ResponseCommand,
  type SerializeType,
} from '../../lib/protocol/command.js';
import { FrameDecoder } from '../../lib/protocol/frame.js';

/**
 * One plain connection to a broker or name server that sends exactly the fields it is given: for tests and tools that
 * speak the protocol by hand, knowing nothing of the client under test.
 */

export interface RawOptions {
  /** The certificate authority to trust; TLS is used exactly when it is given. */
  readonly ca?: string;
  /** Signs each request the way brokers with access control want it. */
  readonly acl?: { readonly accessKey: string; readonly secretKey: string };
  /** Default 3000 ms. */
  readonly connectTimeoutMs?: number;
}

export interface RawRequest {
  readonly code: number;
  readonly ext?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: Buffer | string | object;
  readonly version?: number;
  readonly language?: string;
  readonly serializeType?: SerializeType;
  /** How long to wait for the answer. Default 10 000 ms. */
  readonly timeoutMs?: number;
}

interface Waiting {
  resolve(reply: RemotingCommand): void;
  reject(error: Error): void;
}

export type RawHandler = (command: RemotingCommand) => ResponseCommand | undefined;

export class RawConnection {
  readonly #socket: Socket;
  readonly #options: RawOptions;
  readonly #waiting = new Map<number, Waiting>();
  #nextOpaque = 1;
  #closed: Error | undefined;
  #handler: RawHandler = () => ({ code: 3, remark: 'not supported' });

  private constructor(socket: Socket, options: RawOptions) {
    this.#socket = socket;
    this.#options = options;
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk, (frame) => this.#onCommand(decodeCommand(frame)));
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  static connect(address: string, options: RawOptions = {}): Promise<RawConnection> {
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    const port = Number(address.slice(colon + 1));
    const timeoutMs = options.connectTimeoutMs ?? 3000;
    return new Promise((resolve, reject) => {
      const socket =
        options.ca === undefined
          ? connectTcp({ host, port })
          : connectTls({ host, port, ca: options.ca, servername: 'localhost' });
      const timer = setTimeout(
        () => socket.destroy(new Error(`no connection to ${address} in ${timeoutMs} ms`)),
        timeoutMs,
      );
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      socket.once('error', fail);
      socket.once(options.ca === undefined ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer);
        socket.off('error', fail);
        socket.setNoDelay(true);
        resolve(new RawConnection(socket, options));
      });
    });
  }

  /** Connects, sends one request, disconnects. */
  static async once(address: string, request: RawRequest, options: RawOptions = {}): Promise<RemotingCommand> {
    const connection = await RawConnection.connect(address, options);
    try {
      return await connection.request(request);
    } finally {
      connection.close();
    }
  }

  /** Answers what the peer asks. One-way requests are handed over too, their answer is dropped. */
  onRequest(handler: RawHandler): void {
    this.#handler = handler;
  }

  /** Resolves with any answer, whatever its code. */
  request(request: RawRequest): Promise<RemotingCommand> {
    const timeoutMs = request.timeoutMs ?? 10_000;
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      const opaque = this.#nextOpaque++;
      const timer = setTimeout(() => {
        this.#waiting.delete(opaque);
        reject(new Error(`request ${request.code} had no answer in ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(opaque, {
        resolve: (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#write(request, opaque, false);
    });
  }

  oneway(request: RawRequest): void {
    this.#write(request, this.#nextOpaque++, true);
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(request: RawRequest, opaque: number, oneway: boolean): void {
    const ext: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.ext ?? {})) if (value !== undefined) ext[name] = String(value);
    const body = bodyBytes(request.body);
    const { acl } = this.#options;
    if (acl !== undefined) {
      ext['AccessKey'] = acl.accessKey;
      const content = Object.keys(ext)
        .sort()
        .map((name) => ext[name] ?? '')
        .join('');
      ext['Signature'] = createHmac('sha1', acl.secretKey).update(content).update(body).digest('base64');
    }
    this.#socket.write(
      encodeCommand(
        createRequest({ code: request.code, extFields: ext, body }, opaque, {
          oneway,
          ...(request.version !== undefined && { version: request.version }),
          ...(request.language !== undefined && { language: request.language }),
          ...(request.serializeType !== undefined && { serializeType: request.serializeType }),
        }),
      ),
    );
  }

  #onCommand(command: RemotingCommand): void {
    if (isResponse(command)) {
      const waiting = this.#waiting.get(command.opaque);
      this.#waiting.delete(command.opaque);
      waiting?.resolve(command);
      return;
    }
    const answer = this.#handler(command);
    if (answer !== undefined && !isOneway(command)) this.#socket.write(encodeCommand(createResponse(command, answer)));
  }

  #fail(error: Error): void {
    this.#closed ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#closed);
    this.#waiting.clear();
  }
}

function bodyBytes(body: RawRequest['body']): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
