import { BrokerError, ProtocolError } from '../../errors.js';
import { accessAdvice } from '../acl-signature.js';
import type { ExtFields, RemotingCommand, RequestCommand, ResponseCommand } from '../command.js';
import { responseCodeName, requestCodeName, ResponseCode } from '../codes.js';

/**
 * One request code, seen from both ends: a client uses `encode` and `decodeReply`, a server `decode` and `encodeReply`.
 * The wire grammar stands in the comment of each file that makes one.
 */
export interface RequestType<Request, Reply> {
  readonly code: number;
  /** Client side: values -> header fields and body. */
  encode(request: Request): RequestCommand;
  /** Server side. @throws ProtocolError when a required field is missing or malformed */
  decode(command: RemotingCommand): Request;
  /** Server side: the successful answer. */
  encodeReply(reply: Reply): ResponseCommand;
  /** Client side. @throws BrokerError for an answer that is no success of this request */
  decodeReply(command: RemotingCommand): Reply;
}

/** Answers with which the same request may succeed later: the reference's `retryResponseCodes`, and flow control. */
const RETRYABLE_CODES: ReadonlySet<number> = new Set([
  ResponseCode.SYSTEM_ERROR,
  ResponseCode.SYSTEM_BUSY,
  ResponseCode.SERVICE_NOT_AVAILABLE,
  ResponseCode.NO_PERMISSION,
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.NO_BUYER_ID,
  ResponseCode.NOT_IN_CURRENT_UNIT,
  ResponseCode.FLOW_CONTROL,
  ResponseCode.GO_AWAY,
]);

/** The error for an answer that is no success of `requestCode`. */
export function brokerError(requestCode: number, reply: Pick<RemotingCommand, 'code' | 'remark'>): BrokerError {
  const { remark } = reply;
  const advice = remark === undefined ? undefined : accessAdvice(remark);
  const words =
    (remark === undefined || remark === '' ? '' : `: ${remark}`) + (advice === undefined ? '' : ` (${advice})`);
  return new BrokerError(
    `${requestCodeName(requestCode)} was answered with ${responseCodeName(reply.code)}${words}`,
    reply.code,
    reply.remark,
    RETRYABLE_CODES.has(reply.code),
    { requestCode },
  );
}

/** Passes a successful answer on. @throws BrokerError for any other */
export function requireSuccess(requestCode: number, reply: RemotingCommand): RemotingCommand {
  if (reply.code !== ResponseCode.SUCCESS) throw brokerError(requestCode, reply);
  return reply;
}

/** A field that must be there. The message is the reference broker's own. */
export function requireText(fields: ExtFields, name: string): string {
  const value = fields[name];
  if (value === undefined) {
    throw new ProtocolError('ERR_ROCKETMQ_FIELD_MISSING', `the custom field <${name}> is null`, { field: name });
  }
  return value;
}

/** A required whole number within +-(2^53 - 1). */
export function requireInteger(fields: ExtFields, name: string): number {
  return parseInteger(requireText(fields, name), name);
}

export function optionalInteger(fields: ExtFields, name: string): number | undefined {
  const value = fields[name];
  return value === undefined ? undefined : parseInteger(value, name);
}

export function optionalBoolean(fields: ExtFields, name: string): boolean | undefined {
  const value = fields[name];
  return value === undefined ? undefined : value.toLowerCase() === 'true';
}

function parseInteger(text: string, name: string): number {
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text)) {
    throw new ProtocolError('ERR_ROCKETMQ_FIELD_MALFORMED', `the header field ${name} is no integer`, {
      field: name,
      value: text.slice(0, 40),
    });
  }
  if (!Number.isSafeInteger(value)) {
    throw new ProtocolError('ERR_ROCKETMQ_OFFSET_UNSAFE', `the header field ${name} is past 2^53 - 1`, {
      field: name,
      value: text.slice(0, 40),
    });
  }
  return value;
}
