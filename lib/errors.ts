/**
 * Every error this package throws or reports. The ground floor of the house: every room may know this file,
 * it knows nobody.
 *
 * A program decides on `code` (stable, listed in docs/errors.md) and `retryable`; a person reads `message`, which says
 * what happened and what to do next, and `context`, which holds the values it happened with.
 */

/** Values an error happened with: addresses, topics, offsets, limits. Never payloads or secrets. */
export type ErrorContext = Readonly<Record<string, unknown>>;

/** What a subclass hands to {@link RocketMQError}. */
export interface ErrorDetails {
  /** The stable code, `ERR_ROCKETMQ_...`. */
  readonly code: string;
  /** Whether the same call may succeed later without a change on the caller's side. */
  readonly retryable: boolean;
  readonly cause?: unknown;
  readonly context?: ErrorContext;
}

/** The base of every error of this package. */
export class RocketMQError extends Error {
  /** Stable, machine readable. Listed with its meaning in docs/errors.md. */
  readonly code: string;
  /** Whether the same call may succeed later without a change on the caller's side. */
  readonly retryable: boolean;
  /** The values it happened with. */
  readonly context: ErrorContext;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.retryable = details.retryable;
    this.context = details.context ?? {};
  }
}

/** An option, name, message or expression is not acceptable. Thrown before anything is sent. */
export class ValidationError extends RocketMQError {
  /** The field that was refused, as the caller wrote it: `consumerGroup`, `message.topic`. */
  readonly field: string;

  constructor(field: string, given: unknown, allowed: string, code = 'ERR_ROCKETMQ_INVALID_ARGUMENT') {
    super(`${field} is not valid: got ${describeValue(given)}, allowed is ${allowed}`, {
      code,
      retryable: false,
      context: { field, given: describeValue(given), allowed },
    });
    this.field = field;
  }
}

/** The object is not in a state in which the call makes sense, such as `send` before `start`. */
export class StateError extends RocketMQError {
  constructor(message: string, context?: ErrorContext) {
    super(message, { code: 'ERR_ROCKETMQ_STATE', retryable: false, ...(context && { context }) });
  }
}

/** Codes a {@link ProtocolError} can carry. */
export type ProtocolErrorCode =
  | 'ERR_ROCKETMQ_FRAME_TOO_LARGE'
  | 'ERR_ROCKETMQ_FRAME_MALFORMED'
  | 'ERR_ROCKETMQ_HEADER_MALFORMED'
  | 'ERR_ROCKETMQ_JSON_MALFORMED'
  | 'ERR_ROCKETMQ_FIELD_MISSING'
  | 'ERR_ROCKETMQ_FIELD_MALFORMED'
  | 'ERR_ROCKETMQ_OFFSET_UNSAFE';

/** Bytes that don't follow the wire protocol. A malformed frame closes its connection, and only that. */
export class ProtocolError extends RocketMQError {
  declare readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, context?: ErrorContext, cause?: unknown) {
    super(message, { code, retryable: code !== 'ERR_ROCKETMQ_OFFSET_UNSAFE', ...(context && { context }), cause });
  }
}

/** Codes a {@link MessageFormatError} can carry. */
export type MessageFormatErrorCode =
  | 'ERR_ROCKETMQ_MESSAGE_TRUNCATED'
  | 'ERR_ROCKETMQ_MESSAGE_MAGIC'
  | 'ERR_ROCKETMQ_MESSAGE_MALFORMED'
  | 'ERR_ROCKETMQ_COMPRESSION_UNKNOWN'
  | 'ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE'
  | 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'
  | 'ERR_ROCKETMQ_BODY_TOO_LARGE';

/** One stored message can't be read: truncated, of an unknown magic, or its body can't be decompressed. */
export class MessageFormatError extends RocketMQError {
  declare readonly code: MessageFormatErrorCode;

  constructor(code: MessageFormatErrorCode, message: string, context?: ErrorContext, cause?: unknown) {
    super(message, { code, retryable: false, ...(context && { context }), cause });
  }
}

/** Codes a {@link ConnectionError} can carry. */
export type ConnectionErrorCode =
  | 'ERR_ROCKETMQ_CONNECT_FAILED'
  | 'ERR_ROCKETMQ_CONNECT_TIMEOUT'
  | 'ERR_ROCKETMQ_CONNECTION_LOST'
  | 'ERR_ROCKETMQ_TLS_FAILED'
  | 'ERR_ROCKETMQ_CLOSED';

/** A connection could not be made, or broke while a call was under way. */
export class ConnectionError extends RocketMQError {
  declare readonly code: ConnectionErrorCode;
  /** `host:port` of the peer. */
  readonly address: string;

  constructor(code: ConnectionErrorCode, address: string, message: string, cause?: unknown) {
    super(message, { code, retryable: code !== 'ERR_ROCKETMQ_CLOSED', context: { address }, cause });
    this.address = address;
  }
}

/** No answer within the time the call was given. Whether it took effect at the peer is unknown. */
export class TimeoutError extends RocketMQError {
  constructor(message: string, context?: ErrorContext) {
    super(message, { code: 'ERR_ROCKETMQ_TIMEOUT', retryable: true, ...(context && { context }) });
  }
}

/** The caller's `AbortSignal` fired before the call was done. */
export class AbortError extends RocketMQError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: 'ERR_ROCKETMQ_ABORTED', retryable: false, cause });
  }
}

/** The broker or name server answered with a code other than success. */
export class BrokerError extends RocketMQError {
  /** The answer's code, see `ResponseCode`. */
  readonly responseCode: number;
  /** The answer's own words, as the broker sent them. */
  readonly remark: string | undefined;

  constructor(
    message: string,
    responseCode: number,
    remark: string | undefined,
    retryable: boolean,
    context?: ErrorContext,
  ) {
    super(message, { code: 'ERR_ROCKETMQ_BROKER', retryable, context: { responseCode, remark, ...context } });
    this.responseCode = responseCode;
    this.remark = remark;
  }
}

/** Codes a {@link RouteError} can carry. */
export type RouteErrorCode =
  | 'ERR_ROCKETMQ_NO_NAME_SERVER'
  | 'ERR_ROCKETMQ_TOPIC_NOT_FOUND'
  | 'ERR_ROCKETMQ_NO_BROKER'
  | 'ERR_ROCKETMQ_NO_QUEUE'
  | 'ERR_ROCKETMQ_STATIC_TOPIC';

/** A topic has no usable route: no name server answers, nobody knows the topic, or its broker has no master. */
export class RouteError extends RocketMQError {
  declare readonly code: RouteErrorCode;

  constructor(code: RouteErrorCode, message: string, context?: ErrorContext, cause?: unknown) {
    super(message, { code, retryable: code !== 'ERR_ROCKETMQ_STATIC_TOPIC', ...(context && { context }), cause });
  }
}

/** A message could not be sent, or its outcome is unknown; `cause` holds the last attempt's error. */
export class SendError extends RocketMQError {
  constructor(message: string, retryable: boolean, context?: ErrorContext, cause?: unknown) {
    super(message, { code: 'ERR_ROCKETMQ_SEND_FAILED', retryable, ...(context && { context }), cause });
  }
}

/** The listener threw, rejected, or answered with something that is no status. The message is consumed again. */
export class ListenerError extends RocketMQError {
  constructor(message: string, context?: ErrorContext, cause?: unknown) {
    super(message, { code: 'ERR_ROCKETMQ_LISTENER', retryable: true, ...(context && { context }), cause });
  }
}

/** The reason of a context's `AbortSignal`: the queue is given up, was lost, or starts over at another offset. */
export class QueueLostError extends RocketMQError {
  constructor(message: string, context: ErrorContext) {
    super(message, { code: 'ERR_ROCKETMQ_QUEUE_LOST', retryable: false, context });
  }
}

/** An offset file of a broadcasting consumer can't be read or written. */
export class OffsetStoreError extends RocketMQError {
  constructor(message: string, context?: ErrorContext, cause?: unknown) {
    super(message, { code: 'ERR_ROCKETMQ_OFFSET_STORE', retryable: true, ...(context && { context }), cause });
  }
}

/** What was thrown, as an error: anything can be. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Shows of a URL what no secret can be in: user, password and query stay out. What is no URL is not shown at all. */
export function describeUrl(url: unknown): string {
  if (typeof url !== 'string' || !URL.canParse(url)) return 'something that is no URL';
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?...'}`;
}

/** What kind of value it is, for errors about values that may be secret. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Shows a refused value in an error message, shortened, so that it never floods a log. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (Buffer.isBuffer(value)) return `a Buffer of ${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name ?? 'no prototype'})`;
  return String(value);
}
