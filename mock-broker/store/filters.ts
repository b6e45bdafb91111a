import { javaStringHash } from '../../lib/protocol/java-hash.js';
import type { SubscriptionData } from '../../lib/protocol/subscription.js';
import { compileSql92 } from '../filter/sql92.js';

/**
 * What a broker filters by. Tags are compared by their hash, so that tags of equal hash pass each other's filters; the
 * client compares the strings.
 */

/** What a filter looks at. */
export interface Filterable {
  readonly tagsCode: number;
  properties(): Readonly<Record<string, string>>;
}

export type MessageFilter = (message: Filterable) => boolean;

/** A compiled SQL92 expression of a group for a topic. */
export interface ExpressionFilter {
  readonly expression: string;
  /** The subscription's version it was compiled for. */
  clientVersion: number;
  readonly matches: (properties: Readonly<Record<string, string>>) => boolean;
}

const SUBSCRIBE_ALL = '*';

/** The number a consume queue holds for a message's tags; 0 for none. */
export function tagsCode(tags: string | undefined): number {
  return tags === undefined || tags === '' ? 0 : javaStringHash(tags);
}

/** Neither text nor type count as tags, as in clients that know nothing else. */
export function isTagType(expressionType: string | undefined): boolean {
  return expressionType === undefined || expressionType === '' || expressionType === 'TAG';
}

/** Whether a message passes: by the subscription's hashes, or by its compiled expression. */
export function createFilter(subscription: SubscriptionData, expression: ExpressionFilter | undefined): MessageFilter {
  if (isTagType(subscription.expressionType)) {
    if (subscription.subString === SUBSCRIBE_ALL || subscription.classFilterMode) return () => true;
    const codes = new Set(subscription.codeSet);
    return (message) => codes.has(message.tagsCode);
  }
  // The reference delivers everything when it has no compiled expression.
  if (expression === undefined) return () => true;
  return (message) => expression.matches(message.properties());
}

/** Compiles an expression; undefined when it is malformed. */
export function compileExpression(expression: string, clientVersion: number): ExpressionFilter | undefined {
  try {
    return { expression, clientVersion, matches: compileSql92(expression) };
  } catch {
    return undefined;
  }
}

/** The compiled expressions of all groups, kept from heartbeat to heartbeat. */
export class ExpressionFilters {
  readonly #filters = new Map<string, ExpressionFilter>();

  get(topic: string, group: string): ExpressionFilter | undefined {
    return this.#filters.get(`${topic}\0${group}`);
  }

  /** Takes a heartbeat's subscription in. An older version, or one that does not compile, changes nothing. */
  register(group: string, subscription: SubscriptionData): void {
    if (isTagType(subscription.expressionType) || subscription.subString === '') return;
    const known = this.get(subscription.topic, group);
    if (known !== undefined && subscription.subVersion <= known.clientVersion) return;
    if (known?.expression === subscription.subString) {
      known.clientVersion = subscription.subVersion;
      return;
    }
    const compiled = compileExpression(subscription.subString, subscription.subVersion);
    if (compiled !== undefined) this.#filters.set(`${subscription.topic}\0${group}`, compiled);
  }
}
