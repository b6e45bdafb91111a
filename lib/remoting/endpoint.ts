import type { Clock, Timer } from '../clock.js';
import type { ConnectionError } from '../errors.js';
import type { RemotingCommand } from '../protocol/command.js';
import { brokerError } from '../protocol/requests/request-type.js';
import { parseAddress, type Address } from './address.js';
import { Backoff } from './backoff.js';
import type { Call } from './call.js';
import { CallTable } from './call-table.js';
import { Connection, type ConnectionOptions, type ConnectionOwner } from './connection.js';
import { callTimedOut, clientClosed, invalidAddress, stillBackingOff } from './connection-errors.js';

/** A connection that breaks sooner than this was of little use, in milliseconds. */
const SHORT_LIVED_MS = 1_000;

/** What every endpoint of one client shares. */
export interface EndpointOptions extends Omit<ConnectionOptions, 'address' | 'target'> {
  readonly random: () => number;
}

/** Who hears what happens at an endpoint. */
export interface EndpointOwner {
  connected(address: string): void;
  disconnected(address: string, error: ConnectionError | undefined): void;
  goAway(address: string): void;
  dropped(): void;
  requested(connection: Connection, command: RemotingCommand): void;
}

/**
 * One address: at most one connection that takes calls, made when the first call needs it and shared by all; calls
 * that wait while it is being made; and former connections that were told to go away and still await answers.
 */
export class Endpoint implements ConnectionOwner {
  readonly address: string;
  readonly #target: Address | undefined;
  readonly #options: EndpointOptions;
  readonly #owner: EndpointOwner;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  /** Calls that wait for a connection, under opaques of their own. */
  readonly #waiting: CallTable;
  /** The connection being made or open for calls. */
  #current: Connection | undefined;
  /** Every connection whose socket still exists. */
  readonly #connections = new Set<Connection>();
  #retryTimer: Timer;
  #lastError: ConnectionError | undefined;
  /** Connections in a row that broke soon after they had been made. */
  #shortLived = 0;
  #usedAt: number;

  constructor(address: string, options: EndpointOptions, owner: EndpointOwner) {
    this.address = address;
    this.#target = parseAddress(address);
    this.#options = options;
    this.#owner = owner;
    this.#clock = options.clock;
    this.#backoff = new Backoff(options.clock, options.random);
    this.#waiting = new CallTable(options.clock, (call) =>
      call.fail(callTimedOut(call.address, call.command.code, call.timeoutMs, 'connect')),
    );
    this.#usedAt = options.clock.now();
  }

  get isConnected(): boolean {
    return this.#current?.usable === true;
  }

  /** Whether nothing is lost by forgetting it: no connection, nobody waiting, unused for `ms`. */
  isStale(ms: number): boolean {
    return this.#connections.size === 0 && this.#waiting.size === 0 && this.#clock.now() - this.#usedAt >= ms;
  }

  /** Sends a call now, or when there is a connection. It settles by itself in every case. */
  submit(call: Call): void {
    this.#usedAt = call.startedAt;
    const current = this.#current;
    if (current?.usable === true) current.send(call);
    else {
      if (current?.state === 'open') current.abandon();
      this.#wait(call);
    }
  }

  /** Rejects all calls and closes all connections; resolves when no socket is left. */
  async close(): Promise<void> {
    this.#clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    for (const call of this.#waiting.drain()) call.fail(clientClosed(this.address));
    const connections = [...this.#connections];
    for (const connection of connections) connection.close();
    await Promise.all(connections.map((connection) => connection.whenGone));
  }

  #wait(call: Call): void {
    if (this.#target === undefined) {
      call.fail(invalidAddress(this.address));
      return;
    }
    const pause = this.#current === undefined ? this.#backoff.remainingMs : 0;
    if (pause > 0 && this.#clock.now() + pause >= call.deadline) {
      call.fail(stillBackingOff(this.address, pause, this.#lastError));
      return;
    }
    call.opaque = this.#options.encoder.nextOpaque();
    this.#waiting.add(call);
    if (this.#current !== undefined || this.#retryTimer !== undefined) return;
    if (pause > 0) this.#retryTimer = this.#clock.setTimeout(this.#retry, Math.ceil(pause));
    else this.#connect(this.#target);
  }

  readonly #retry = (): void => {
    this.#retryTimer = undefined;
    // Those who waited may have given up meanwhile.
    if (this.#waiting.size > 0 && this.#current === undefined && this.#target !== undefined)
      this.#connect(this.#target);
  };

  #connect(target: Address): void {
    const connection = new Connection({ ...this.#options, address: this.address, target }, this);
    this.#current = connection;
    this.#connections.add(connection);
    void connection.whenGone.then(() => this.#connections.delete(connection));
    connection.start();
  }

  opened(): void {
    // Told first: what the listener sends at once, a heartbeat, arrives before the calls that waited.
    this.#owner.connected(this.address);
    for (const call of this.#waiting.drain()) this.submit(call);
  }

  requested(connection: Connection, command: RemotingCommand): void {
    this.#owner.requested(connection, command);
  }

  dropped(): void {
    this.#owner.dropped();
  }

  goAway(connection: Connection, call: Call, reply: RemotingCommand): void {
    if (connection === this.#current) {
      this.#current = undefined;
      this.#judge(connection);
      connection.drain();
      this.#owner.goAway(this.address);
    }
    if (call.resent) {
      call.fail(brokerError(call.command.code, reply));
      return;
    }
    call.resent = true;
    call.table?.remove(call);
    // The listener of the event above may have ended it.
    if (!call.settled) this.submit(call);
  }

  closed(connection: Connection, error: ConnectionError | undefined): void {
    this.#usedAt = this.#clock.now();
    if (connection !== this.#current) return;
    this.#current = undefined;
    this.#lastError = error;
    if (error === undefined || connection.ageMs >= SHORT_LIVED_MS) this.#shortLived = 0;
    else if (connection.proven) this.#shortLived++;
    if (error !== undefined || connection.proven) this.#judge(connection);
    if (connection.wasOpen) this.#owner.disconnected(this.address, error);
    else for (const call of this.#waiting.drain()) call.fail(error ?? clientClosed(this.address));
  }

  /**
   * A connection that was of use lets the next attempt be immediate, any other counts as a failed attempt. So does the
   * second in a row that broke at once: a peer that answers heartbeats and ends the connection at some other request
   * would be connected to in a hot loop.
   */
  #judge(connection: Connection): void {
    if (connection.proven && this.#shortLived < 2) this.#backoff.succeeded();
    else this.#backoff.failed();
  }
}
