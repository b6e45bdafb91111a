import { AbortError, ConnectionError, TimeoutError } from '../errors.js';
import { requestCodeName } from '../protocol/codes.js';
import type { Call } from './call.js';
import { describeTlsFailure } from './tls.js';

/** The texts of everything that can go wrong on a connection: each names the address and what to do next. */

export function invalidAddress(address: string): ConnectionError {
  return new ConnectionError(
    'ERR_ROCKETMQ_CONNECT_FAILED',
    address,
    `can't connect to ${JSON.stringify(address)}: it is no host:port`,
  );
}

export function connectFailed(address: string, cause: unknown): ConnectionError {
  return new ConnectionError(
    'ERR_ROCKETMQ_CONNECT_FAILED',
    address,
    `can't connect to ${address}: ${describeCause(cause)}; check that it runs and listens there ` +
      '(the address of a broker is the one it registered, see brokerIP1)',
    cause,
  );
}

export function connectTimedOut(address: string, timeoutMs: number): ConnectionError {
  return new ConnectionError(
    'ERR_ROCKETMQ_CONNECT_TIMEOUT',
    address,
    `no connection to ${address} within ${timeoutMs} ms; check that this host can reach it ` +
      '(firewall, or a broker that registered an address of its own network: set its brokerIP1)',
  );
}

export function tlsFailed(address: string, cause: unknown): ConnectionError {
  return new ConnectionError(
    'ERR_ROCKETMQ_TLS_FAILED',
    address,
    `no TLS connection to ${address}: ${describeTlsFailure(cause)} (${describeCause(cause)})`,
    cause,
  );
}

export function tlsTimedOut(address: string, timeoutMs: number): ConnectionError {
  return new ConnectionError(
    'ERR_ROCKETMQ_TLS_FAILED',
    address,
    `no TLS connection to ${address}: it took the connection but did not answer the handshake within ${timeoutMs} ms, ` +
      'so it probably speaks plaintext only; switch TLS on there (tls.server.mode) or leave the tls option out here',
  );
}

/** `how` completes "the connection to A ...". */
export function connectionLost(address: string, how: string, cause?: unknown): ConnectionError {
  return new ConnectionError(
    'ERR_ROCKETMQ_CONNECTION_LOST',
    address,
    `the connection to ${address} ${how}; whether the calls under way took effect is unknown, ` +
      'the next call connects anew',
    cause,
  );
}

export function clientClosed(address: string): ConnectionError {
  return new ConnectionError(
    'ERR_ROCKETMQ_CLOSED',
    address,
    `no call to ${address}: this client was closed; create a new one to go on`,
  );
}

/** A call that would have to wait for longer than it may until its peer is connected to again. */
export function stillBackingOff(address: string, waitMs: number, last: ConnectionError | undefined): ConnectionError {
  return new ConnectionError(
    last?.code ?? 'ERR_ROCKETMQ_CONNECT_FAILED',
    address,
    `${address} is not reachable and is tried again in ${Math.ceil(waitMs)} ms, later than this call may last; ` +
      `last attempt: ${last?.message ?? 'the connection was closed before anything was answered'}`,
    last,
  );
}

export function callTimedOut(
  address: string,
  requestCode: number,
  timeoutMs: number,
  phase: 'connect' | 'write' | 'answer',
): TimeoutError {
  const request = requestCodeName(requestCode);
  const message = {
    connect:
      `${request} to ${address} was not sent: no connection within ${timeoutMs} ms; ` +
      'check that the address is reachable from here',
    write: `${request} to ${address} could not be written within ${timeoutMs} ms: the peer does not read; check its load`,
    answer:
      `${address} did not answer ${request} within ${timeoutMs} ms; whether it took effect is unknown, ` +
      'check the load of the peer or allow more time',
  }[phase];
  return new TimeoutError(message, { address, requestCode, timeoutMs, phase });
}

/** What a call was allowed to do it may do no more, or not yet: its connection came too late, or is a new one. */
export function sentTooLate(address: string, call: Pick<Call, 'command' | 'startedAt' | 'sentAt'>): TimeoutError {
  const requestCode = call.command.code;
  const timeoutMs = call.sentAt - call.startedAt;
  const request = requestCodeName(requestCode);
  const message = `${request} to ${address} was not sent: when there was a connection, the lease it needs had run out or was unconfirmed`;
  return new TimeoutError(message, { address, requestCode, timeoutMs, phase: 'connect' });
}

export function callAborted(address: string, requestCode: number, reason: unknown): AbortError {
  return new AbortError(
    `${requestCodeName(requestCode)} to ${address} was aborted by its caller's signal; ` +
      'whether it took effect is unknown if it had been sent',
    reason,
  );
}

/** The words of an error. Node reports a host with several addresses as an AggregateError without a message. */
export function describeCause(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors.map(describeCause).join(', ');
  // OpenSSL's messages are full of its source positions; the reason is what matters.
  if (cause instanceof Error && 'library' in cause && 'reason' in cause) return String(cause.reason);
  if (cause instanceof Error) return cause.message === '' ? cause.name : cause.message;
  return String(cause);
}
