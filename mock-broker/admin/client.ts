import { AbortError, ConnectionError, ProtocolError } from '../../lib/errors.js';
import type { AnswerOf, InputOf } from './contract.js';
import { MockAdminError } from './errors.js';
import { EventParser } from './event-parser.js';
import { EVENTS_PATH, hasBody, type Operation, type OperationName, OPERATIONS, pathNames } from './operations.js';
import type { JournalEntryView, StateView, ViolationView } from './schemas.js';

/** Talking to the control plane of a mock cluster in another process. */

export interface MockAdminClientOptions {
  /** Where it is, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** What it was started with, if anything. */
  readonly token?: string;
}

export interface AdminCallOptions {
  readonly signal?: AbortSignal;
}

/** One event, with the id to go on after when the connection breaks. */
export type MockEvent =
  | { readonly id: string; readonly type: 'state'; readonly data: StateView }
  | { readonly id: string; readonly type: 'journal'; readonly data: JournalEntryView }
  | { readonly id: string; readonly type: 'violation'; readonly data: ViolationView };

/** An input that may be empty may be left out. */
type Call<Name extends OperationName> =
  Partial<InputOf<Name>> extends InputOf<Name>
    ? (input?: InputOf<Name>, options?: AdminCallOptions) => Promise<AnswerOf<Name>>
    : (input: InputOf<Name>, options?: AdminCallOptions) => Promise<AnswerOf<Name>>;

/** A method for each operation. */
type Calls = { readonly [Name in OperationName]: Call<Name> };

interface Caller {
  call(name: OperationName, input: Record<string, unknown>, options: AdminCallOptions): Promise<unknown>;
}

/** Made from the list of operations, so that none is forgotten. */
const CallsBase = function CallsBase() {} as unknown as abstract new () => Calls;
for (const name of Object.keys(OPERATIONS) as OperationName[]) {
  Object.defineProperty(CallsBase.prototype, name, {
    value(this: Caller, input: Record<string, unknown> = {}, options: AdminCallOptions = {}) {
      return this.call(name, input, options);
    },
  });
}

/**
 * A client of the control plane: a method for each of its operations, such as `listTopics()` or
 * `produce({ topic: 'Orders', body: 'paid' })`, and `events()`.
 *
 * They reject with a MockAdminError that has the answer's code, status and field when the request was refused, a
 * ConnectionError when nobody is there, and an AbortError when their signal fired.
 */
export class MockAdminClient extends CallsBase {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: MockAdminClientOptions) {
    super();
    this.#url = options.url.replace(/\/+$/, '');
    this.#headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  }

  /**
   * What happens from now on.
   *
   * @param options `types`: which ones; all by default. `lastEventId`: what was missed since that event comes first.
   *   `signal` ends it with an AbortError
   */
  async *events(
    options: AdminCallOptions & { types?: readonly MockEvent['type'][]; lastEventId?: string } = {},
  ): AsyncGenerator<MockEvent, void, undefined> {
    const { types, lastEventId } = options;
    const query = types === undefined ? '' : `?types=${types.join(',')}`;
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const response = await this.#send('GET', `${EVENTS_PATH}${query}`, { headers, signal: options.signal });
    const parser = new EventParser();
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body) {
        for (const { id, event, data } of parser.push(decoder.decode(chunk as Uint8Array, { stream: true }))) {
          yield { id, type: event, data: JSON.parse(data) as unknown } as MockEvent;
        }
      }
    } catch (error) {
      throw this.#failure(error, options.signal);
    } finally {
      response.body.destroy();
    }
  }

  /** @internal */
  async call(name: OperationName, input: Record<string, unknown>, options: AdminCallOptions): Promise<unknown> {
    const operation: Operation = OPERATIONS[name];
    const names = pathNames(operation.path);
    const path = operation.path.replace(/:(\w+)/g, (_, part: string) => encodeURIComponent(String(input[part])));
    const rest = Object.entries(input).filter(([key, value]) => !names.includes(key) && value !== undefined);
    const { signal } = options;
    const response = hasBody(operation)
      ? await this.#send(operation.method, path, {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(Object.fromEntries(rest)),
          signal,
        })
      : await this.#send(operation.method, path + queryOf(rest), { headers: {}, signal });
    try {
      return await response.body.json();
    } catch (error) {
      throw this.#failure(error, signal);
    }
  }

  async #send(
    method: Operation['method'],
    path: string,
    request: { headers: Record<string, string>; body?: string; signal: AbortSignal | undefined },
  ) {
    // Programs that never talk to a control plane need not load it.
    const { request: send } = await import('undici');
    const { body, signal } = request;
    const response = await send(`${this.#url}${path}`, {
      method,
      headers: { ...this.#headers, ...request.headers },
      // Events may be far apart.
      bodyTimeout: 0,
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    }).catch((error: unknown) => {
      throw this.#failure(error, signal);
    });
    if (response.statusCode < 400) return response;
    throw refusal(response.statusCode, await response.body.text());
  }

  #failure(error: unknown, signal: AbortSignal | undefined): Error {
    if (signal?.aborted === true) return new AbortError('the call was aborted', signal.reason);
    if (error instanceof SyntaxError) {
      return new ProtocolError('ERR_ROCKETMQ_JSON_MALFORMED', `${this.#url} did not answer with JSON`, {}, error);
    }
    const message = `the control plane at ${this.#url} can't be reached, or broke off`;
    return new ConnectionError('ERR_ROCKETMQ_CONNECT_FAILED', this.#url, message, error);
  }
}

function refusal(status: number, text: string): MockAdminError {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; field?: string } };
    return new MockAdminError(error.code, error.message, { status, field: error.field });
  } catch {
    return new MockAdminError('ERR_MOCK_INTERNAL', `the answer has status ${status}, and is no JSON`, { status });
  }
}

function queryOf(entries: readonly [string, unknown][]): string {
  if (entries.length === 0) return '';
  return `?${new URLSearchParams(entries.map(([name, value]): [string, string] => [name, String(value)])).toString()}`;
}
