import createDebug from 'debug';
import type { Clock, Timer } from '../clock.js';
import {
  AbortError,
  ConnectionError,
  describeUrl,
  RouteError,
  TimeoutError,
  ValidationError,
  type RocketMQError,
} from '../errors.js';
import type { RemotingCommand, RequestCommand } from '../protocol/command.js';
import type { RequestType } from '../protocol/requests/request-type.js';
import { describeCause } from '../remoting/connection-errors.js';
import type { RemotingClient } from '../remoting/remoting-client.js';
import { discoverNameServers } from './http-discovery.js';
import { parseNameServers, shuffled } from './name-server-list.js';

const log = createDebug('rocketmq:routing');

/** The reference re-reads the address server every 2 minutes. */
const DISCOVERY_INTERVAL_MS = 120_000;

export interface NameServersOptions {
  readonly remoting: RemotingClient;
  readonly clock: Clock;
  /**
   * `'a:9876;b:9876'` or an array. Together with {@link namesrvUrl} it is what is used until that has been read.
   *
   * @default the environment variable NAMESRV_ADDR, when there is no namesrvUrl either
   */
  readonly namesrvAddr?: string | readonly string[] | undefined;
  /** An HTTP address server whose answer's first line is the list. Read when first needed, then every 120 s. */
  readonly namesrvUrl?: string | undefined;
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The source of the order. @default Math.random */
  readonly random?: (() => number) | undefined;
}

export interface NameServerCallOptions {
  /** Milliseconds for all attempts together. */
  readonly timeoutMs: number;
  /** Ends the call with an AbortError. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The name servers of one cluster. All of them know the same, so one is asked until it fails, then the next; each
 * client begins at a random one.
 */
export class NameServers {
  readonly #remoting: RemotingClient;
  readonly #clock: Clock;
  readonly #url: string | undefined;
  readonly #random: () => number;
  readonly #closing = new AbortController();
  #addresses: readonly string[] = [];
  /** Which of them is asked first: the one that answered last. */
  #chosen = 0;
  #refreshing: Promise<void> | undefined;
  #discovered = false;
  #pollTimer: Timer;

  /** @throws ValidationError when no address is given at all, or one that is no host:port or no URL */
  constructor(options: NameServersOptions) {
    this.#remoting = options.remoting;
    this.#clock = options.clock;
    this.#random = options.random ?? Math.random;
    this.#url = options.namesrvUrl;
    if (this.#url !== undefined) checkUrl(this.#url);
    const { NAMESRV_ADDR } = options.env ?? process.env;
    const list = options.namesrvAddr ?? (this.#url === undefined ? (NAMESRV_ADDR ?? '') : undefined);
    if (list !== undefined) this.#adopt(parseNameServers(list));
  }

  /** The addresses known now, in the order in which they are tried. Empty until namesrvUrl has first been read. */
  get addresses(): readonly string[] {
    return [...this.#addresses.slice(this.#chosen), ...this.#addresses.slice(0, this.#chosen)];
  }

  /**
   * Sends a request to the name server that answered last and, when there is no answer, to the others in turn. The
   * time is shared out among those left to try, so that each gets its turn.
   *
   * @throws RouteError `ERR_ROCKETMQ_NO_NAME_SERVER` when none answered; its message names each with its reason, its
   *   cause is an AggregateError of them
   * @throws ConnectionError `ERR_ROCKETMQ_TLS_FAILED` when it was TLS with each of them
   * @throws AbortError when the signal fired
   * @throws ConnectionError `ERR_ROCKETMQ_CLOSED` when the client was closed
   */
  async request(command: RequestCommand, options: NameServerCallOptions): Promise<RemotingCommand> {
    const { timeoutMs, signal } = options;
    const deadline = this.#clock.now() + timeoutMs;
    if (this.#url !== undefined && !this.#discovered) await this.#firstList(this.#url, timeoutMs, signal);
    const addresses = this.addresses;
    const failures: { address: string; error: Error }[] = [];
    for (const [index, address] of addresses.entries()) {
      const share = (deadline - this.#clock.now()) / (addresses.length - index);
      try {
        const reply = await this.#remoting.request(address, command, { timeoutMs: share, signal });
        this.#choose(address);
        return reply;
      } catch (error) {
        if (!failsOver(error)) throw error;
        log('name server %s: %s', address, error.message);
        failures.push({ address, error });
      }
    }
    throw noneAnswered(failures);
  }

  /**
   * {@link request} with values instead of header fields.
   *
   * @throws BrokerError when the answer is no success
   */
  async call<Request, Reply>(
    type: RequestType<Request, Reply>,
    request: Request,
    options: NameServerCallOptions,
  ): Promise<Reply> {
    return type.decodeReply(await this.request(type.encode(request), options));
  }

  /**
   * Reads namesrvUrl anew; nothing happens without one. A failure keeps the list there is.
   *
   * @throws RouteError `ERR_ROCKETMQ_NO_NAME_SERVER` when it fails while no address is known
   */
  refresh(): Promise<void> {
    if (this.#url === undefined) return Promise.resolve();
    this.#refreshing ??= this.#discover(this.#url).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Stops reading namesrvUrl. The connections belong to the remoting client. */
  close(): void {
    this.#closing.abort(new Error('closed'));
    this.#clock.clearTimeout(this.#pollTimer);
    this.#pollTimer = undefined;
  }

  /** Waits for the first list, unless there is one to begin with, for no longer than the call may take. */
  #firstList(url: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#addresses.length > 0) {
      // It serves until the URL has been read, and lets no refresh reject. After the first it is up to the poll.
      if (this.#pollTimer === undefined) void this.refresh();
      return undefined;
    }
    const refreshing = this.refresh();
    return new Promise((resolve, reject) => {
      const abort = (): void =>
        reject(new AbortError(`reading ${describeUrl(url)} was aborted by the signal`, signal?.reason));
      const timer = this.#clock.setTimeout(
        () => reject(unknownServers(url, `no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      if (signal?.aborted === true) abort();
      signal?.addEventListener('abort', abort, { once: true });
      void refreshing.then(resolve, reject).finally(() => {
        this.#clock.clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      });
    });
  }

  async #discover(url: string): Promise<void> {
    this.#clock.clearTimeout(this.#pollTimer);
    try {
      this.#adopt(await discoverNameServers(url, this.#clock, this.#closing.signal));
      this.#discovered = true;
    } catch (error) {
      const reason = describeCause(error);
      log('reading the name servers from %s failed: %s', describeUrl(url), reason);
      if (this.#addresses.length === 0) {
        throw unknownServers(url, reason, error);
      }
    } finally {
      if (!this.#closing.signal.aborted) {
        this.#pollTimer = this.#clock.setTimeout(this.#poll, DISCOVERY_INTERVAL_MS);
      }
    }
  }

  readonly #poll = (): void => {
    // Without any address the next request tries again and reports what is wrong.
    this.refresh().catch((error: unknown) => log('%s', describeCause(error)));
  };

  #adopt(addresses: readonly string[]): void {
    const known = new Set(this.#addresses);
    if (addresses.length === known.size && addresses.every((address) => known.has(address))) return;
    const chosen = this.#addresses[this.#chosen];
    this.#addresses = shuffled(addresses, this.#random);
    this.#chosen = 0;
    if (chosen !== undefined) this.#choose(chosen);
    log('name servers: %s', this.#addresses.join(';'));
  }

  #choose(address: string): void {
    const index = this.#addresses.indexOf(address);
    if (index !== -1) this.#chosen = index;
  }
}

function failsOver(error: unknown): error is Error {
  if (error instanceof ConnectionError) return error.code !== 'ERR_ROCKETMQ_CLOSED';
  return error instanceof TimeoutError;
}

function unknownServers(namesrvUrl: string, reason: string, cause?: unknown): RouteError {
  const url = describeUrl(namesrvUrl);
  return new RouteError(
    'ERR_ROCKETMQ_NO_NAME_SERVER',
    `no name server is known: ${url} could not be read (${reason}); check namesrvUrl or set namesrvAddr`,
    { url },
    cause,
  );
}

type Failure = { readonly address: string; readonly error: Error };

function noneAnswered(failures: readonly Failure[]): RocketMQError {
  const tlsFailure = tlsFailureOfAll(failures);
  if (tlsFailure !== undefined) return tlsFailure;
  const reasons = failures.map(({ address, error }) => `${address}: ${error.message}`).join(' | ');
  return new RouteError(
    'ERR_ROCKETMQ_NO_NAME_SERVER',
    `no name server answered, check namesrvAddr and that one of them runs: ${reasons}`,
    { addresses: failures.map(({ address }) => address) },
    aggregate(failures),
  );
}

/** When TLS fails with each of them, they are there: it is the tls options or the certificates that need somebody. */
function tlsFailureOfAll(failures: readonly Failure[]): ConnectionError | undefined {
  const errors: ConnectionError[] = [];
  for (const { error } of failures) {
    if (error instanceof ConnectionError && error.code === 'ERR_ROCKETMQ_TLS_FAILED') errors.push(error);
  }
  const [first] = errors;
  if (first === undefined || errors.length < failures.length) return undefined;
  if (errors.length === 1) return first;
  const message = errors.map((error) => error.message).join(' | ');
  return new ConnectionError(first.code, first.address, message, aggregate(failures));
}

function aggregate(failures: readonly Failure[]): AggregateError {
  return new AggregateError(
    failures.map(({ error }) => error),
    'no name server answered',
  );
}

function checkUrl(url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new ValidationError('namesrvUrl', describeUrl(url), 'an http:// or https:// URL');
}
