import { ValidationError } from '../errors.js';
import { setProperty } from './own-property.js';

/**
 * Message properties.
 *
 *     properties = *(name U+0001 value U+0002)      the last U+0002 may be missing
 *
 * Reading is as tolerant as the reference: a segment without a name, a value or a separator is skipped, and a value may
 * hold U+0001.
 */

const NAME_VALUE_SEPARATOR = '\u0001';
const PROPERTY_SEPARATOR = '\u0002';

export type Properties = Readonly<Record<string, string>>;

/** The wire names of the properties that have a meaning to brokers and clients. */
export const PropertyName = {
  KEYS: 'KEYS',
  TAGS: 'TAGS',
  /** `true`: answer a send only once the message is stored. */
  WAIT: 'WAIT',
  /** Delay level, 1 to 18. */
  DELAY: 'DELAY',
  RETRY_TOPIC: 'RETRY_TOPIC',
  REAL_TOPIC: 'REAL_TOPIC',
  REAL_QUEUE_ID: 'REAL_QID',
  TRANSACTION_PREPARED: 'TRAN_MSG',
  PRODUCER_GROUP: 'PGROUP',
  MIN_OFFSET: 'MIN_OFFSET',
  MAX_OFFSET: 'MAX_OFFSET',
  ORIGIN_MESSAGE_ID: 'ORIGIN_MESSAGE_ID',
  RECONSUME_TIME: 'RECONSUME_TIME',
  MAX_RECONSUME_TIMES: 'MAX_RECONSUME_TIMES',
  MSG_REGION: 'MSG_REGION',
  TRACE_ON: 'TRACE_ON',
  /** The id the sending client gave the message. */
  UNIQ_KEY: 'UNIQ_KEY',
  CONSUME_START_TIME: 'CONSUME_START_TIME',
  INSTANCE_ID: 'INSTANCE_ID',
  CORRELATION_ID: 'CORRELATION_ID',
  REPLY_TO_CLIENT: 'REPLY_TO_CLIENT',
  TTL: 'TTL',
  CLUSTER: 'CLUSTER',
  MSG_TYPE: 'MSG_TYPE',
  POP_CK: 'POP_CK',
  /** Marks a message as ordered. */
  SHARDING_KEY: '__SHARDINGKEY',
  /** The sharding key under the Go client's own name. */
  GO_SHARDING_KEY: 'SHARDING_KEY',
  TIMER_DELAY_SEC: 'TIMER_DELAY_SEC',
  TIMER_DELAY_MS: 'TIMER_DELAY_MS',
  TIMER_DELIVER_MS: 'TIMER_DELIVER_MS',
  INNER_NUM: 'INNER_NUM',
  INNER_BASE: 'INNER_BASE',
  DUP_INFO: 'DUP_INFO',
  CRC32: '__CRC32#',
  CHECK_IMMUNITY_TIME_IN_SECONDS: 'CHECK_IMMUNITY_TIME_IN_SECONDS',
  TRANSACTION_PREPARED_QUEUE_OFFSET: 'TRAN_PREPARED_QUEUE_OFFSET',
  TRANSACTION_ID: '__transactionId__',
  TRANSACTION_CHECK_TIMES: 'TRANSACTION_CHECK_TIMES',
  DLQ_ORIGIN_TOPIC: 'DLQ_ORIGIN_TOPIC',
  DLQ_ORIGIN_MESSAGE_ID: 'DLQ_ORIGIN_MESSAGE_ID',
} as const;

const RESERVED: ReadonlySet<string> = new Set(Object.values(PropertyName));

/** Whether brokers or clients give the property a meaning of their own. */
export function isReservedProperty(name: string): boolean {
  return RESERVED.has(name);
}

/** What separates the keys within `KEYS`. */
export const KEY_SEPARATOR = ' ';

/** The properties in their text form, in the order of the record. A name or value that is empty is left out. */
export function encodeProperties(properties: Properties): string {
  let text = '';
  for (const name in properties) {
    const value = properties[name];
    if (name === '' || value === undefined || value === '') continue;
    checkText(name, name);
    checkText(name, value);
    text += name + NAME_VALUE_SEPARATOR + value + PROPERTY_SEPARATOR;
  }
  return text;
}

/**
 * The text form of properties that were read from it, some of them replaced: what a sender got stored can be stored again,
 * also a value that holds U+0001.
 */
export function rewriteProperties(properties: Properties): string {
  let text = '';
  for (const name in properties) {
    text += name + NAME_VALUE_SEPARATOR + (properties[name] as string) + PROPERTY_SEPARATOR;
  }
  return text;
}

/** @throws ValidationError when the separators occur in a name or value: the message would be read differently */
function checkText(name: string, text: string): void {
  if (text.includes(NAME_VALUE_SEPARATOR) || text.includes(PROPERTY_SEPARATOR)) {
    throw new ValidationError(`message.properties.${name}`, text, 'text without U+0001 and U+0002');
  }
}

/** Reads the text form. Of a name that occurs twice the last value counts. */
export function parseProperties(text: string): Record<string, string> {
  const properties: Record<string, string> = {};
  for (let start = 0; start < text.length;) {
    const separator = text.indexOf(NAME_VALUE_SEPARATOR, start);
    if (separator === -1) break;
    let end = text.indexOf(PROPERTY_SEPARATOR, start);
    if (end !== -1 && end < separator) {
      // Segments without a separator are passed over all at once: one by one they would be read again and again.
      start = text.lastIndexOf(PROPERTY_SEPARATOR, separator) + 1;
      end = text.indexOf(PROPERTY_SEPARATOR, separator);
    }
    if (end === -1) end = text.length;
    if (separator > start && separator < end - 1) {
      setProperty(properties, text.slice(start, separator), text.slice(separator + 1, end));
    }
    start = end + 1;
  }
  return properties;
}

/** Reads the text form out of `bytes[start, end)`. */
export function decodeProperties(bytes: Buffer, start: number, end: number): Record<string, string> {
  return parseProperties(bytes.toString('utf8', start, end));
}

/** One property of the text form, found without reading the others: what {@link parseProperties} has under `name`. */
export function findProperty(text: string, name: string): string | undefined {
  if (name === '') return undefined;
  const wanted = name + NAME_VALUE_SEPARATOR;
  for (let at = text.lastIndexOf(wanted); at !== -1; at = at === 0 ? -1 : text.lastIndexOf(wanted, at - 1)) {
    if (at !== 0 && text[at - 1] !== PROPERTY_SEPARATOR) continue;
    const start = at + wanted.length;
    const end = text.indexOf(PROPERTY_SEPARATOR, start);
    if (end === -1 ? start < text.length : start < end) return end === -1 ? text.slice(start) : text.slice(start, end);
  }
  return undefined;
}
