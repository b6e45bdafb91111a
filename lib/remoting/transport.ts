import { connect as connectTcp, type Socket } from 'node:net';
import type { Address } from './address.js';
import { tlsConnectOptions, type TlsOptions } from './tls.js';

/** Memory for what arrives: asked for before each read, told after it. */
export interface Reader {
  readonly room: Uint8Array;
  read(count: number): void;
}

/** A socket on its way to a peer. It is usable after `readyEvent`. */
export interface Transport {
  readonly socket: Socket;
  readonly readyEvent: 'connect' | 'secureConnect';
  /** Whether it reads into the reader's memory; otherwise it emits `data`. */
  readonly readsDirectly: boolean;
}

/**
 * Begins to connect, with Nagle's algorithm off: requests are small and somebody waits for each.
 *
 * @throws Error for certificates or keys that can't be read
 */
export function openTransport(address: Address, tls: TlsOptions | undefined, reader: Reader): Transport {
  const { host, port } = address;
  if (tls === undefined) {
    const onread = {
      buffer: () => reader.room,
      callback: (count: number) => {
        reader.read(count);
        return true;
      },
    };
    return { socket: connectTcp({ host, port, noDelay: true, onread }), readyEvent: 'connect', readsDirectly: true };
  }
  // Loaded when it is needed: it takes 3 MB, and most brokers are talked to without it.
  const socket = process.getBuiltinModule('node:tls').connect(tlsConnectOptions(tls, host, port));
  socket.setNoDelay(true);
  return { socket, readyEvent: 'secureConnect', readsDirectly: false };
}
