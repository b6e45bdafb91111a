import { ValidationError } from '../errors.js';
import { javaStringHash } from './java-hash.js';
import type { JsonObject } from './json-fields.js';
import { arrayField, asObject, asSafeInteger, asString, booleanField, integerField } from './json-fields.js';
import { optionalTextField, textField } from './json-fields.js';

/** What of a topic a consumer group wants, in the words of heartbeats. */

export type ExpressionType = 'TAG' | 'SQL92';

/** Field names are those of the wire. */
export interface SubscriptionData {
  readonly topic: string;
  /** The expression; `*` for everything. */
  readonly subString: string;
  /** The tags of a TAG expression. Empty for everything and for SQL92. */
  readonly tagsSet: readonly string[];
  /** Java hash of each tag: what the broker filters by. */
  readonly codeSet: readonly number[];
  /** Grows with each change, ms since 1970: the broker keeps the greatest. */
  readonly subVersion: number;
  /** `TAG`, `SQL92`, or a name only the broker knows. */
  readonly expressionType: string;
  readonly classFilterMode: boolean;
}

/** The expression that asks for every message. */
export const SUBSCRIBE_ALL = '*';

/**
 * A subscription out of an expression: `*`, tags joined by `||`, or SQL92.
 *
 * @throws ValidationError when the topic is blank, no tag is left, or a SQL92 expression is blank or visibly broken
 */
export function buildSubscription(
  topic: string,
  expression: string | undefined,
  type: ExpressionType = 'TAG',
  subVersion = 0,
): SubscriptionData {
  if (typeof topic !== 'string' || topic.trim() === '') {
    throw new ValidationError('subscription.topic', topic, 'the name of a topic');
  }
  if (expression !== undefined && expression !== null && typeof expression !== 'string') {
    throw new ValidationError('subscription.expression', expression, 'a string');
  }
  if (type === 'SQL92') {
    return subscription(topic, checkSql92(expression), [], subVersion, 'SQL92');
  }
  if (type !== 'TAG') throw new ValidationError('subscription.type', type, "'TAG' or 'SQL92'");
  if (expression === undefined || expression === null || expression === '' || expression === SUBSCRIBE_ALL) {
    return subscription(topic, SUBSCRIBE_ALL, [], subVersion, 'TAG');
  }
  const tags = new Set(
    expression
      .split('||')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
  );
  if (tags.size === 0) {
    throw new ValidationError('subscription.expression', expression, "'*' or tags joined by '||'");
  }
  return subscription(topic, expression, [...tags], subVersion, 'TAG');
}

function subscription(
  topic: string,
  subString: string,
  tagsSet: string[],
  subVersion: number,
  expressionType: ExpressionType,
): SubscriptionData {
  const codeSet = [...new Set(tagsSet.map(javaStringHash))];
  return { topic, subString, tagsSet, codeSet, subVersion, expressionType, classFilterMode: false };
}

/**
 * Whether a message with these tags is wanted. The broker filters by hash, so tags that collide with a wanted one come
 * through; this compares the text. A SQL92 subscription is the broker's alone to judge.
 */
export function matchesTags(subscription: SubscriptionData, tags: string | undefined): boolean {
  if (subscription.tagsSet.length === 0) return true;
  return tags !== undefined && subscription.tagsSet.includes(tags);
}

/** Finds only what is certainly wrong; the broker, which knows the grammar, is asked before consuming starts. */
function checkSql92(expression: string | undefined): string {
  if (expression === undefined || expression === null || expression.trim() === '') {
    throw new ValidationError('subscription.expression', expression, 'a SQL92 expression that is not blank');
  }
  let depth = 0;
  let inQuotes = false;
  for (const c of expression) {
    // A doubled quote within a text closes and opens again, which comes to the same.
    if (c === "'") inQuotes = !inQuotes;
    else if (inQuotes) continue;
    else if (c === '(') depth += 1;
    else if (c === ')' && --depth < 0) break;
  }
  if (inQuotes) throw new ValidationError('subscription.expression', expression, 'SQL92 with every quote closed');
  if (depth !== 0) throw new ValidationError('subscription.expression', expression, 'SQL92 with balanced parentheses');
  return expression;
}

/** The subscription as it stands in JSON bodies. */
export function subscriptionJson(data: SubscriptionData): JsonObject {
  return {
    classFilterMode: data.classFilterMode,
    codeSet: data.codeSet,
    expressionType: data.expressionType,
    subString: data.subString,
    subVersion: data.subVersion,
    tagsSet: data.tagsSet,
    topic: data.topic,
  };
}

/** @throws ProtocolError when a field is missing or malformed */
export function parseSubscription(value: unknown): SubscriptionData {
  const object = asObject(value, 'subscriptionData');
  return {
    topic: textField(object, 'topic'),
    subString: optionalTextField(object, 'subString') ?? SUBSCRIBE_ALL,
    tagsSet: arrayField(object, 'tagsSet').map((tag) => asString(tag, 'tagsSet')),
    codeSet: arrayField(object, 'codeSet').map(tagCode),
    subVersion: versionField(object['subVersion']) ?? integerField(object, 'subVersion'),
    expressionType: optionalTextField(object, 'expressionType') ?? 'TAG',
    classFilterMode: booleanField(object, 'classFilterMode', false),
  };
}

/** The hash of a tag. The Go client writes it as a text, which the reference takes as well. */
function tagCode(value: unknown): number {
  const isText = typeof value === 'string' && /^-?\d+$/.test(value);
  return asSafeInteger(isText ? Number(value) : value, 'codeSet');
}

/**
 * A version past 2^53 - 1, as the nearest number: the Go client counts nanoseconds. Versions are compared and no more, and
 * both sides of a comparison are read like this.
 */
function versionField(value: unknown): number | undefined {
  return typeof value === 'bigint' ? Number(value) : undefined;
}
