import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** The connections this process has made, to be counted and cut off. */
export class SocketWatch {
  readonly #open = new Set<Socket>();

  constructor() {
    subscribe('net.client.socket', this.#onSocket);
  }

  get open(): number {
    return this.#open.size;
  }

  /** Resets every `step`th connection, from one of the first `step` on. Returns how many. */
  reset(step: number): number {
    const from = Math.floor(Math.random() * step);
    const chosen = [...this.#open].filter((_, index) => index % step === from);
    for (const socket of chosen) socket.resetAndDestroy();
    return chosen.length;
  }

  stop(): void {
    unsubscribe('net.client.socket', this.#onSocket);
  }

  readonly #onSocket = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
  };
}
