import { ProtocolError } from '../errors.js';
import { parseLenientJson } from './lenient-json.js';
import type { MessageQueue } from './message-queue.js';
import { setProperty } from './own-property.js';

/** Typed access to what {@link parseLenientJson} returns. A field that is null counts as absent, as in the reference. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The object a body consists of.
 *
 * @throws ProtocolError `ERR_ROCKETMQ_JSON_MALFORMED`, `ERR_ROCKETMQ_FIELD_MALFORMED` when it is no object
 */
export function parseJsonObject(body: Buffer): JsonObject {
  return asObject(parseLenientJson(body.toString('utf8')), 'the body');
}

/** A value as a standard JSON body. */
export function jsonBody(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function asObject(value: unknown, name: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(name, 'object');
  return value as JsonObject;
}

export function asString(value: unknown, name: string): string {
  if (typeof value !== 'string') throw malformed(name, 'string');
  return value;
}

/** @throws ProtocolError `ERR_ROCKETMQ_OFFSET_UNSAFE` past +-(2^53 - 1) */
export function asSafeInteger(value: unknown, name: string): number {
  if (typeof value === 'bigint') {
    throw new ProtocolError('ERR_ROCKETMQ_OFFSET_UNSAFE', `the body field ${name} is past 2^53 - 1`, {
      field: name,
      value: value.toString().slice(0, 40),
    });
  }
  if (!Number.isSafeInteger(value)) throw malformed(name, 'integer');
  return value as number;
}

/** A required string. */
export function textField(object: JsonObject, name: string): string {
  return asString(required(object, name), name);
}

export function optionalTextField(object: JsonObject, name: string): string | undefined {
  const value = object[name];
  return value === undefined || value === null ? undefined : asString(value, name);
}

/** A required integer. */
export function integerField(object: JsonObject, name: string): number {
  return asSafeInteger(required(object, name), name);
}

export function optionalIntegerField(object: JsonObject, name: string): number | undefined {
  const value = object[name];
  return value === undefined || value === null ? undefined : asSafeInteger(value, name);
}

/** A number that may have a fraction; 0 when absent, as a Java field would be. Infinity could not be written again. */
export function numberField(object: JsonObject, name: string): number {
  const value = object[name] ?? 0;
  if (typeof value === 'bigint') return Number(value);
  if (!Number.isFinite(value)) throw malformed(name, 'number');
  return value as number;
}

export function booleanField(object: JsonObject, name: string, absent: boolean): boolean {
  const value = object[name] ?? absent;
  if (typeof value !== 'boolean') throw malformed(name, 'boolean');
  return value;
}

/** An array; empty when absent. */
export function arrayField(object: JsonObject, name: string): readonly unknown[] {
  const value = object[name] ?? [];
  if (!Array.isArray(value)) throw malformed(name, 'array');
  return value as unknown[];
}

/** An object; empty when absent. */
export function objectField(object: JsonObject, name: string): JsonObject {
  return asObject(object[name] ?? {}, name);
}

/** A map from string to string; empty when absent. */
export function textMapField(object: JsonObject, name: string): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [key, value] of Object.entries(objectField(object, name))) setProperty(map, key, asString(value, name));
  return map;
}

/** `{"brokerName":string,"queueId":int,"topic":string}` */
export function asMessageQueue(value: unknown): MessageQueue {
  const object = asObject(value, 'a message queue');
  return {
    topic: textField(object, 'topic'),
    brokerName: textField(object, 'brokerName'),
    queueId: integerField(object, 'queueId'),
  };
}

/** A message queue as its JSON object, its fields in the reference's order. */
export function messageQueueJson(queue: MessageQueue): JsonObject {
  return { brokerName: queue.brokerName, queueId: queue.queueId, topic: queue.topic };
}

/** A map whose keys are message queues, read from either form of its keys. */
export function messageQueueMapField<T>(
  object: JsonObject,
  name: string,
  readValue: (value: unknown, name: string) => T,
): { queue: MessageQueue; value: T }[] {
  return Object.entries(objectField(object, name)).map(([key, value]) => ({
    queue: asMessageQueue(parseLenientJson(key)),
    value: readValue(value, name),
  }));
}

/** A map whose keys are message queues in standard JSON: each key is the text of its object. For readers of our own. */
export function messageQueueMapJson(entries: Iterable<readonly [MessageQueue, unknown]>): JsonObject {
  const map: Record<string, unknown> = {};
  for (const [queue, value] of entries) map[JSON.stringify(messageQueueJson(queue))] = value;
  return map;
}

/**
 * The JSON text of a map whose keys are message queues, each key a bare object. That is no standard JSON, but the one
 * form that every version of the reference reads: keys that are texts are refused by 5.5.
 */
export function stringifyMessageQueueMap(entries: Iterable<readonly [MessageQueue, unknown]>): string {
  const members: string[] = [];
  for (const [queue, value] of entries) {
    members.push(`${JSON.stringify(messageQueueJson(queue))}:${JSON.stringify(value)}`);
  }
  return `{${members.join(',')}}`;
}

function required(object: JsonObject, name: string): unknown {
  const value = object[name];
  if (value === undefined || value === null) {
    throw new ProtocolError('ERR_ROCKETMQ_FIELD_MISSING', `the body field ${name} is missing`, { field: name });
  }
  return value;
}

function malformed(name: string, expected: string): ProtocolError {
  const article = /^[aeiou]/.test(expected) ? 'an' : 'a';
  return new ProtocolError('ERR_ROCKETMQ_FIELD_MALFORMED', `the body field ${name} is not ${article} ${expected}`, {
    field: name,
  });
}
