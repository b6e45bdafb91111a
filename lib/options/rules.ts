import { describeValue, kindOf, ValidationError } from '../errors.js';

/**
 * How one option is read: what it is when it isn't given, and what a given value must be. TypeScript checks what
 * TypeScript users write; these check what everybody else does.
 */
export interface Rule<T> {
  /** The value of an option that isn't given. @throws ValidationError for an option that has to be */
  readonly fallback: (name: string) => T;
  /** @throws ValidationError */
  readonly read: (value: unknown, name: string) => T;
}

/** One rule for each option. */
export type Rules<R> = { readonly [K in keyof R]: Rule<R[K]> };

/** The greatest delay a timer can have: 2^31 - 1 ms, about 25 days. Node fires longer ones at once. */
export const LONGEST_DELAY = 2_147_483_647;

/** A rule for an option that has a value in any case. */
export function withDefault<T>(fallback: T, read: Rule<T>['read']): Rule<T> {
  return { fallback: () => fallback, read };
}

/** A rule for an option that may be absent. */
export function optional<T>(read: Rule<T>['read']): Rule<T | undefined> {
  return { fallback: () => undefined, read };
}

/** A rule for an option that must be given. */
export function required<T>(allowed: string, read: Rule<T>['read']): Rule<T> {
  return {
    fallback: (name) => {
      throw new ValidationError(name, undefined, allowed);
    },
    read,
  };
}

export function integer(min: number, max: number): Rule<number>['read'] {
  return (value, name) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new ValidationError(name, value, `an integer from ${min} to ${max}`);
  };
}

/** An integer in a range, or -1 for "no such limit". */
export function integerOrMinusOne(min: number, max: number): Rule<number>['read'] {
  return (value, name) => {
    if (value === -1) return -1;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new ValidationError(name, value, `-1 or an integer from ${min} to ${max}`);
  };
}

/** A time in milliseconds that is waited for. */
export const delay: Rule<number>['read'] = integer(1, LONGEST_DELAY);

export const boolean: Rule<boolean>['read'] = (value, name) => {
  if (typeof value === 'boolean') return value;
  throw new ValidationError(name, value, 'true or false');
};

/** Text with something in it, and without white space or control characters, which would get lost on the way. */
export const word: Rule<string>['read'] = (value, name) => {
  if (typeof value === 'string' && value !== '' && !/[\s\p{Cc}]/u.test(value)) return value;
  throw new ValidationError(name, value, 'a non-empty string without white space');
};

export const text: Rule<string>['read'] = (value, name) => {
  if (typeof value === 'string' && value !== '') return value;
  throw new ValidationError(name, value, 'a non-empty string');
};

/** As {@link text}, for what must not appear in an error message. */
export const secret: Rule<string>['read'] = (value, name) => {
  if (typeof value === 'string' && value !== '') return value;
  throw new ValidationError(name, kindOf(value), 'a non-empty string');
};

export function oneOf<const T extends string>(...allowed: readonly T[]): Rule<T>['read'] {
  return (value, name) => {
    const found = allowed.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    throw new ValidationError(name, value, allowed.map((candidate) => `'${candidate}'`).join(', '));
  };
}

/** An object of the caller's with these methods. It is taken as it is. */
export function objectWith<T extends object>(methods: readonly (keyof T & string)[]): Rule<T>['read'] {
  return (value, name) => {
    if (isObject(value) && methods.every((method) => typeof value[method] === 'function')) return value as T;
    throw new ValidationError(name, value, `an object with ${methods.map((method) => `${method}()`).join(', ')}`);
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Every option by its rule, as a new object; what was given is left alone.
 *
 * @param hints what to use instead of names that other clients know and this one doesn't
 * @throws ValidationError for a value that its rule refuses, and for a name that no rule has
 */
export function applyRules<R extends object>(
  rules: Rules<R>,
  given: unknown,
  hints: Readonly<Record<string, string>> = {},
  prefix = '',
): R {
  if (!isObject(given)) throw new ValidationError(prefix === '' ? 'options' : prefix, given, 'an object');
  const names = Object.keys(rules) as (keyof R & string)[];
  const dot = prefix === '' ? '' : `${prefix}.`;
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(rules, name)) continue;
    // The value stays out of the message: it could be a mistyped secretKey's.
    throw new ValidationError(`${dot}${name}`, 'an unknown option', suggestion(name, names, hints));
  }
  const resolved: Partial<R> = {};
  for (const name of names) {
    const value = given[name];
    resolved[name] = value === undefined ? rules[name].fallback(dot + name) : rules[name].read(value, dot + name);
  }
  return resolved as R;
}

function suggestion(name: string, names: readonly string[], hints: Readonly<Record<string, string>>): string {
  const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
  if (hint !== undefined) return hint;
  const lower = name.toLowerCase();
  // A third of the name may be wrong; with more than that any short name would resemble every other.
  let best: { name: string; distance: number } = { name: '', distance: Math.ceil(name.length / 3) + 0.5 };
  for (const candidate of names) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < best.distance) best = { name: candidate, distance };
  }
  return best.name === '' ? `one of ${names.join(', ')}` : `a known one; did you mean ${describeValue(best.name)}?`;
}

/** How many letters must be inserted, removed or replaced to make one word the other. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const added = (current[column - 1] ?? 0) + 1;
      const removed = (previous[column] ?? 0) + 1;
      current.push(Math.min(replaced, added, removed));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
