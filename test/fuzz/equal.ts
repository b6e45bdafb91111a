import { Discrepancy } from './target.js';

/** Whether two values say the same: a field that is undefined is one that is absent, and zero has no sign. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b || (a !== a && b !== b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Buffer.isBuffer(a)) return Buffer.isBuffer(b) && a.equals(b);
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => isSame(item, b[i]));
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  return hasAll(a as Fields, b as Fields) && knowsAll(b as Fields, a as Fields);
}

type Fields = Readonly<Record<string, unknown>>;

function hasAll(a: Fields, b: Fields): boolean {
  return Object.keys(a).every((name) => a[name] === undefined || (Object.hasOwn(b, name) && isSame(a[name], b[name])));
}

/** The other way round only by name: each pair is compared once. */
function knowsAll(a: Fields, b: Fields): boolean {
  return Object.keys(a).every((name) => a[name] === undefined || Object.hasOwn(b, name));
}

/** @throws Discrepancy when they don't say the same. `what` is a few words, and the same ones for the same mistake. */
export function expectSame(a: unknown, b: unknown, what: string): void {
  if (!isSame(a, b)) throw new Discrepancy(`${what}: ${show(a)} and ${show(b)}`);
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}
