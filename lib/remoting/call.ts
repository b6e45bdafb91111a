import { setMaxListeners } from 'node:events';
import type { RemotingCommand, RequestCommand } from '../protocol/command.js';
import { callAborted } from './connection-errors.js';
import type { CallTable } from './call-table.js';
import type { FrameMemory } from './receive-buffer.js';

/** Hears how a call ended: exactly one of the two, once. Neither may throw. */
export interface CallHandler {
  /** @param memory where the reply's body lies: to be kept when it is needed after this returns */
  succeed(reply: RemotingCommand, memory: FrameMemory): void;
  /** Of a one-way call: it has been written. */
  written?(): void;
  fail(error: Error): void;
}

/** What a call is made of. */
export interface CallInit {
  readonly address: string;
  readonly command: RequestCommand;
  /** No answer is awaited: the call is done when it is written. */
  readonly oneway: boolean;
  readonly timeoutMs: number;
  /** On the caller's clock. */
  readonly startedAt: number;
  readonly closeOnTimeout: boolean;
  readonly signal: AbortSignal | undefined;
  /** Until when it may be sent, on the caller's clock; asked when there is a connection. */
  readonly sendBefore?: (() => number) | undefined;
  readonly handler: CallHandler;
}

/**
 * One call from its start to its end, whichever comes first: an answer, a deadline, the caller's signal, or the loss
 * of its connection. On its way it waits in at most one {@link CallTable}: that of its endpoint while a connection is
 * being made, then that of the connection.
 */
export class Call {
  readonly address: string;
  readonly command: RequestCommand;
  readonly oneway: boolean;
  readonly timeoutMs: number;
  readonly startedAt: number;
  readonly deadline: number;
  readonly closeOnTimeout: boolean;
  readonly sendBefore: (() => number) | undefined;
  /** The id it has in its table and on the wire; a new one for each (re)send. */
  opaque = 0;
  /** When it was handed to a connection. */
  sentAt = 0;
  /** A GO_AWAY was answered by sending it again; this happens once. */
  resent = false;
  /** Where it waits now. */
  table: CallTable | undefined;

  readonly #handler: CallHandler;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;
  #settled = false;

  constructor(init: CallInit) {
    this.address = init.address;
    this.command = init.command;
    this.oneway = init.oneway;
    this.timeoutMs = init.timeoutMs;
    this.startedAt = init.startedAt;
    this.deadline = init.startedAt + init.timeoutMs;
    this.closeOnTimeout = init.closeOnTimeout;
    this.sendBefore = init.sendBefore;
    this.#handler = init.handler;
    this.#signal = init.signal;
    if (this.#signal !== undefined) {
      // Node warns of a leak past 10 listeners, but a signal may well be shared by more calls.
      setMaxListeners(0, this.#signal);
      this.#onAbort = () => this.abort(this.#signal?.reason);
      this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    }
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Ends a one-way call: it was handed to the operating system. */
  written(): void {
    if (this.#settle()) this.#handler.written?.();
  }

  /** Ends it with its answer. */
  succeed(reply: RemotingCommand, memory: FrameMemory): void {
    if (this.#settle()) this.#handler.succeed(reply, memory);
  }

  fail(error: Error): void {
    if (this.#settle()) this.#handler.fail(error);
  }

  /** Ends it with an AbortError: nobody wants the answer any more. */
  abort(reason: unknown): void {
    this.fail(callAborted(this.address, this.command.code, reason));
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.table?.remove(this);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}
