import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { turns } from './fake-clock.js';

/** After so many turns of the event loop without anything under way, promises have had their turns, too. */
const QUIET_TURNS = 3;

/** Real time after which bytes that don't arrive are given up, in milliseconds: then a test is told by its own timeout. */
const GIVE_UP_AFTER = 2_000;

/**
 * Knows what is under way between the sockets of this process. Both ends of all connections being in it, what one end
 * has written and the other has not read is on its way. So a test can wait until everything that was sent has arrived
 * and been dealt with, however slow the machine is, instead of hoping that some turns of the event loop are enough.
 */
export class Loopback {
  readonly #clients = new Set<Socket>();
  /** By the ports of both ends: one port of a client may have connections to several servers. */
  readonly #servers = new Map<string, Socket>();

  constructor() {
    subscribe('net.client.socket', this.#onClient);
    subscribe('net.server.socket', this.#onServer);
  }

  /** Sockets of this process that are not closed, on both ends. */
  get openSockets(): number {
    return this.#clients.size + this.#servers.size;
  }

  /** Resolves when nothing is under way and nothing follows from what has arrived. */
  async settled(): Promise<void> {
    const giveUpAt = performance.now() + GIVE_UP_AFTER;
    for (let quiet = 0; quiet < QUIET_TURNS && performance.now() < giveUpAt; quiet++) {
      await turns(1);
      if (this.#isBusy()) quiet = -1;
    }
  }

  close(): void {
    unsubscribe('net.client.socket', this.#onClient);
    unsubscribe('net.server.socket', this.#onServer);
  }

  #isBusy(): boolean {
    for (const client of this.#clients) {
      if (client.connecting) return true;
      const server = this.#servers.get(`${client.localPort} to ${client.remotePort}`);
      // Not accepted yet, or its end has not been heard of.
      if (server === undefined || client.destroyed) return true;
      if (client.bytesWritten !== server.bytesRead || server.bytesWritten !== client.bytesRead) return true;
    }
    return this.#servers.size > this.#clients.size;
  }

  readonly #onClient = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    this.#clients.add(socket);
    socket.once('close', () => this.#clients.delete(socket));
  };

  readonly #onServer = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    const ports = `${socket.remotePort} to ${socket.localPort}`;
    this.#servers.set(ports, socket);
    socket.once('close', () => {
      if (this.#servers.get(ports) === socket) this.#servers.delete(ports);
    });
  };
}
