import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Address } from './address.js';
import { tlsConnectOptions, type TlsOptions } from './tls.js';

/** A socket on its way to a peer. It is usable after `readyEvent`. */
export interface Transport {
  readonly socket: Socket;
  readonly readyEvent: 'connect' | 'secureConnect';
}

/**
 * Begins to connect, with Nagle's algorithm off: requests are small and somebody waits for each.
 *
 * @throws Error for certificates or keys that can't be read
 */
export function openTransport(address: Address, tls: TlsOptions | undefined): Transport {
  const { host, port } = address;
  if (tls === undefined) return { socket: connectTcp({ host, port, noDelay: true }), readyEvent: 'connect' };
  const socket = connectTls(tlsConnectOptions(tls, host, port));
  socket.setNoDelay(true);
  return { socket, readyEvent: 'secureConnect' };
}
