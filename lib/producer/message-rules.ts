import { MessageFormatError, ValidationError } from '../errors.js';
import { boolean, delay, integer, isObject, optional, required, withDefault } from '../options/rules.js';
import type { Rule, Rules } from '../options/rules.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import {
  checkBody,
  checkKeys,
  checkMessageProperties,
  checkSendTopic,
  checkShardingKey,
  checkTags,
} from '../validation.js';
import type { QueueSelector } from './producer-message.js';

/** A message's fields once they are checked, with every default filled in. */
export interface CheckedMessage {
  readonly topic: string;
  readonly body: Buffer;
  readonly tags: string | undefined;
  readonly keys: readonly string[] | undefined;
  readonly shardingKey: string | undefined;
  readonly properties: Readonly<Record<string, string>> | undefined;
  readonly flag: number;
  readonly waitStoreMsgOk: boolean;
  readonly delayTimeLevel: number;
  /** Milliseconds since 1970. */
  readonly deliverAt: number | undefined;
  /** 0: at once. */
  readonly delayMs: number;
}

/** The options of one send once they are checked. */
export interface CheckedSendOptions {
  readonly queue: MessageQueue | undefined;
  readonly selector: QueueSelector | undefined;
  readonly arg: unknown;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The levels a broker has by default; one that is higher it takes for the highest, so a wrong unit would go unnoticed. */
const HIGHEST_DELAY_LEVEL = 18;

const INT32_MAX = 2_147_483_647;

/** How each field of a message is read. */
export function messageRules(maxMessageSize: number): Rules<CheckedMessage> {
  return {
    topic: required('the name of a topic', checkSendTopic),
    body: required('a Buffer, Uint8Array or string', (value, name) => {
      checkSize(value, maxMessageSize, name);
      return checkBody(value, maxMessageSize, name);
    }),
    tags: optional(checkTags),
    keys: optional(checkKeys),
    shardingKey: optional(checkShardingKey),
    properties: optional(checkMessageProperties),
    flag: withDefault(0, integer(-INT32_MAX - 1, INT32_MAX)),
    waitStoreMsgOk: withDefault(true, boolean),
    delayTimeLevel: withDefault(0, integer(0, HIGHEST_DELAY_LEVEL)),
    deliverAt: optional(time),
    delayMs: withDefault(0, integer(0, Number.MAX_SAFE_INTEGER)),
  };
}

/** What people who come from other clients write, and what to write here. */
export const MESSAGE_HINTS: Readonly<Record<string, string>> = {
  tag: "the field 'tags'",
  key: "the field 'keys'",
  messageGroup: "the field 'shardingKey'",
  delayLevel: "the field 'delayTimeLevel'",
  deliveryTimestamp: "the field 'deliverAt'",
  waitStoreMsgOK: "the field 'waitStoreMsgOk'",
};

/** How each option of a send is read. */
export function sendOptionRules(sendMsgTimeout: number): Rules<CheckedSendOptions> {
  return {
    queue: optional(messageQueue),
    selector: optional(selector),
    arg: optional((value) => value),
    timeoutMs: withDefault(sendMsgTimeout, delay),
    signal: optional(signal),
  };
}

/**
 * @throws MessageFormatError `ERR_ROCKETMQ_BODY_TOO_LARGE`
 */
export function checkSize(body: unknown, maxMessageSize: number, field: string): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body instanceof Uint8Array ? body.byteLength : 0;
  if (length <= maxMessageSize) return;
  throw new MessageFormatError(
    'ERR_ROCKETMQ_BODY_TOO_LARGE',
    `${field} has ${length} bytes, at most ${maxMessageSize} can be sent; split it, keep the content elsewhere, ` +
      'or raise maxMessageSize here and at the brokers',
    { field, length, maxMessageSize },
  );
}

const time: Rule<number>['read'] = (value, name) => {
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new ValidationError(name, value, 'a Date or milliseconds since 1970');
};

const messageQueue: Rule<MessageQueue>['read'] = (value, name) => {
  if (!isObject(value)) throw new ValidationError(name, value, 'an object with topic, brokerName and queueId');
  const { topic, brokerName } = value;
  if (typeof brokerName !== 'string' || brokerName === '') {
    throw new ValidationError(`${name}.brokerName`, brokerName, 'the name of a broker');
  }
  return {
    topic: checkSendTopic(topic, `${name}.topic`),
    brokerName,
    queueId: integer(0, INT32_MAX)(value.queueId, `${name}.queueId`),
  };
};

const selector: Rule<QueueSelector>['read'] = (value, name) => {
  if (typeof value === 'function') return value as QueueSelector;
  throw new ValidationError(name, value, 'a function (queues, message, arg) => MessageQueue');
};

const signal: Rule<AbortSignal>['read'] = (value, name) => {
  if (value instanceof AbortSignal) return value;
  throw new ValidationError(name, value, 'an AbortSignal');
};
