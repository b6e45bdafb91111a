import { ValidationError } from './errors.js';
import { isDlqTopic, isRetryTopic, isUnsendableTopic } from './protocol/namespace.js';
import { isReservedProperty, PropertyName } from './protocol/properties.js';

/**
 * What names and messages must look like, by the rules of the reference's client and broker: what passes here isn't
 * refused there. Each check takes anything, as not every caller writes TypeScript, and returns what it was given.
 */

const NAME = /^[%|a-zA-Z0-9_-]+$/;
const NAME_CHARACTERS = 'the characters a-z A-Z 0-9 % | _ -';

/** Longest names brokers accept; those of retry and dead letter topics hold a group's name and namespace. */
export const MAX_TOPIC_LENGTH = 127;
export const MAX_RETRY_TOPIC_LENGTH = 255;
export const MAX_GROUP_LENGTH = 120;

/** A stored message has 16 bits, signed, for the length of its properties. */
export const MAX_PROPERTIES_BYTES = 32_767;

/** Groups that the reference's own defaults use, so that everybody who forgets to set one would share them. */
const RESERVED_GROUPS: ReadonlySet<string> = new Set(['DEFAULT_CONSUMER', 'DEFAULT_PRODUCER']);

/** What separates names from values, and properties from each other, on the wire. */
const SEPARATORS = /[\u0001\u0002]/;

/** A topic's name, such as one to subscribe to. @throws ValidationError */
export function checkTopic(topic: unknown, field = 'topic'): string {
  const max =
    typeof topic === 'string' && (isRetryTopic(topic) || isDlqTopic(topic)) ? MAX_RETRY_TOPIC_LENGTH : MAX_TOPIC_LENGTH;
  return checkName(topic, field, max);
}

/** The name of a topic to send to: some of the broker's own take no messages. @throws ValidationError */
export function checkSendTopic(topic: unknown, field = 'message.topic'): string {
  const name = checkTopic(topic, field);
  if (isUnsendableTopic(name)) throw new ValidationError(field, name, 'a topic that is not a system topic');
  return name;
}

/** The name of a group of consumers or producers. @throws ValidationError */
export function checkGroup(group: unknown, field = 'consumerGroup'): string {
  const name = checkName(group, field, MAX_GROUP_LENGTH);
  if (RESERVED_GROUPS.has(name)) {
    throw new ValidationError(field, name, 'a name of your own, as this one is the default of other clients');
  }
  return name;
}

/** A namespace; it becomes a part of the names of topics and groups. @throws ValidationError */
export function checkNamespace(namespace: unknown, field = 'namespace'): string {
  return checkName(namespace, field, MAX_TOPIC_LENGTH);
}

function checkName(name: unknown, field: string, maxLength: number): string {
  if (typeof name === 'string' && name.length <= maxLength && NAME.test(name)) return name;
  throw new ValidationError(field, name, `1 to ${maxLength} of ${NAME_CHARACTERS}`);
}

/**
 * A message's body as bytes; text becomes UTF-8. The bytes of an array are not copied.
 *
 * @throws ValidationError when it is empty, as brokers refuse that, or longer than `maxMessageSize` bytes
 */
export function checkBody(body: unknown, maxMessageSize: number, field = 'message.body'): Buffer {
  const bytes = asBytes(body);
  if (bytes !== undefined && bytes.length > 0 && bytes.length <= maxMessageSize) return bytes;
  const given = bytes === undefined ? body : `${bytes.length} bytes`;
  throw new ValidationError(field, given, `a Buffer, Uint8Array or string of 1 to ${maxMessageSize} bytes`);
}

function asBytes(body: unknown): Buffer | undefined {
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  if (Buffer.isBuffer(body)) return body;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return undefined;
}

/**
 * The properties a user adds to a message. Empty names and values can't be transported, U+0001 and U+0002 are the
 * wire's separators, and names that brokers or clients give a meaning of their own are refused.
 *
 * @throws ValidationError
 */
export function checkMessageProperties(
  properties: unknown,
  field = 'message.properties',
): Readonly<Record<string, string>> {
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) {
    throw new ValidationError(field, properties, 'an object of strings');
  }
  for (const [name, value] of Object.entries(properties)) {
    if (name === '' || SEPARATORS.test(name)) {
      throw new ValidationError(field, name, 'names that are not empty and without U+0001 and U+0002');
    }
    if (isReservedProperty(name)) {
      const reserved = Object.values(PropertyName).join(', ');
      throw new ValidationError(`${field}.${name}`, value, `none of the names in use by RocketMQ: ${reserved}`);
    }
    checkPropertyText(value, `${field}.${name}`);
  }
  return properties as Readonly<Record<string, string>>;
}

/**
 * That all properties of a message together, in their text form, fit into a stored message.
 *
 * @throws ValidationError
 */
export function checkEncodedProperties(encoded: string, field = 'message.properties'): string {
  const length = Buffer.byteLength(encoded, 'utf8');
  if (length <= MAX_PROPERTIES_BYTES) return encoded;
  throw new ValidationError(field, `${length} bytes`, `at most ${MAX_PROPERTIES_BYTES} bytes with tags, keys and ids`);
}

/** The tag of a message. A subscription couldn't name one with `||` or with spaces around. @throws ValidationError */
export function checkTags(tags: unknown, field = 'message.tags'): string {
  const tag = checkPropertyText(tags, field);
  if (tag.trim() === tag && !tag.includes('||')) return tag;
  throw new ValidationError(field, tag, "text without '||' and without spaces around it");
}

/** The keys of a message, one or several. Spaces separate them on the wire. @throws ValidationError */
export function checkKeys(keys: unknown, field = 'message.keys'): readonly string[] {
  const list: readonly unknown[] = Array.isArray(keys) ? keys : [keys];
  return list.map((key) => {
    const text = checkPropertyText(key, field);
    if (!/\s/.test(text)) return text;
    throw new ValidationError(field, text, 'keys without white space; give several as an array');
  });
}

/** What decides about the queue of an ordered message. @throws ValidationError */
export function checkShardingKey(key: unknown, field = 'shardingKey'): string {
  return checkPropertyText(key, field);
}

function checkPropertyText(value: unknown, field: string): string {
  if (typeof value === 'string' && value !== '' && !SEPARATORS.test(value)) return value;
  throw new ValidationError(field, value, 'text that is not empty and without U+0001 and U+0002');
}
