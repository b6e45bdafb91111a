import { parseLenientJson } from '../../../lib/protocol/lenient-json.js';
import type { Random } from '../random.js';

/** JSON as it is written: keys and scalars are kept as text, so that they can be written in ways no value has. */
export type Json = JsonScalar | JsonArray | JsonObject;

export interface JsonScalar {
  readonly kind: 'scalar';
  text: string;
}

export interface JsonArray {
  readonly kind: 'array';
  readonly items: Json[];
}

export interface JsonObject {
  readonly kind: 'object';
  readonly members: { key: string; value: Json }[];
}

/** The tree of a text that is valid in the sense of lenient-json.ts. */
export function readJson(text: string): Json {
  return toJson(parseLenientJson(text));
}

export function toJson(value: unknown): Json {
  if (Array.isArray(value)) return { kind: 'array', items: value.map(toJson) };
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, member]) => ({ key: writtenKey(key), value: toJson(member) }));
    return { kind: 'object', members };
  }
  return { kind: 'scalar', text: typeof value === 'bigint' ? String(value) : JSON.stringify(value) };
}

/** An object as a key stands there bare, as the reference writes it. */
function writtenKey(key: string): string {
  return key.startsWith('{') ? key : JSON.stringify(key);
}

export function cloneJson(value: Json): Json {
  if (value.kind === 'scalar') return { kind: 'scalar', text: value.text };
  if (value.kind === 'array') return { kind: 'array', items: value.items.map(cloneJson) };
  const members = value.members.map((member) => ({ key: member.key, value: cloneJson(member.value) }));
  return { kind: 'object', members };
}

export function jsonText(value: Json): string {
  if (value.kind === 'scalar') return value.text;
  if (value.kind === 'array') return `[${value.items.map(jsonText).join(',')}]`;
  return `{${value.members.map((member) => `${member.key}:${jsonText(member.value)}`).join(',')}}`;
}

/** Scalars that decoders trip over. */
const SCALARS = [
  ...['0', '-0', '1', '-1', '2147483647', '2147483648', '-2147483648', '-2147483649', '4294967296'],
  ...['9007199254740991', '9007199254740992', '9223372036854775807', '9223372036854775808', '-9223372036854775809'],
  ...['1e400', '-1e400', '1e-400', '1.5', '0.1e1', '1E+2', '01', '-', '+1', '.5', '5.', '0x10', 'NaN', 'Infinity'],
  ...['true', 'false', 'null', 'nul', 'TRUE', 'undefined', '""', "''", "'a'", '" "', '"5"', '"true"', '{}', '[]', '', ' '],
  ...['"\\ud800"', '"\\udc00\\ud800"', '"\ud800"', '"\\u0000"', '"\0"', '"\\u12"', '"\\x41"', '"\\', '"\u2028"', '"\\v\\0"'],
  ...['"__proto__"', '{"__proto__":{"a":1}}', '{"a":1,"a":2}', '[[]]', '[,]', '[1,]', '{,}', '{"a"}', '"\ufeff"', '\ufeff1'],
  ...['"a', '/**/1', '1//', '"\n"', '"\u007f\u0080\u00ff"'],
]; // prettier-ignore

/** Keys that mean something to JavaScript, or are written as no standard allows. */
const KEYS = [
  ...['"__proto__"', '__proto__', '"constructor"', 'toString', '"hasOwnProperty"', '"length"', '""', "''", '0', '-1', '00'],
  ...['4294967295', '99999999999999999999', 'a', "'b'", '"\\u0061"', '"a\\"b"', '{}', '[]', '{"a":1}', '{{}:1}', '"\ud800"'],
  ...['$', '_', 'a b', 'true', '"{}"', '"{"', '"1e3"', '{"brokerName":"b","queueId":0,"topic":"t"}', '""""'],
]; // prettier-ignore

/** Changes one place of the tree; returns the new root. */
export function mutateJson(root: Json, random: Random): Json {
  if (random.oneIn(40)) return deep(random);
  const parents: Exclude<Json, JsonScalar>[] = [];
  const visit = (value: Json): void => {
    if (value.kind === 'scalar') return;
    parents.push(value);
    if (value.kind === 'array') value.items.forEach(visit);
    else for (const member of value.members) visit(member.value);
  };
  visit(root);
  if (parents.length === 0 || random.oneIn(30)) return scalar(root, random);
  const parent = random.pick(parents);
  if (parent.kind === 'array') mutateList(parent.items, random, cloneJson, (item) => changed(item, root, random));
  else mutateMembers(parent.members, root, random);
  return root;
}

function mutateMembers(members: JsonObject['members'], root: Json, random: Random): void {
  const copy = (member: { key: string; value: Json }): { key: string; value: Json } => ({
    key: member.key,
    value: cloneJson(member.value),
  });
  mutateList(members, random, copy, (member) => {
    if (!random.oneIn(4)) return { key: member.key, value: changed(member.value, root, random) };
    return { key: changedKey(member.key, members, random), value: member.value };
  });
  if (random.oneIn(12)) members.push({ key: random.pick(KEYS), value: { kind: 'scalar', text: random.pick(SCALARS) } });
}

/** Drops, doubles, swaps, or changes one of a list; seldom makes it long. */
export function mutateList<T>(list: T[], random: Random, copy: (item: T) => T, change: (item: T) => T): void {
  if (list.length === 0) return;
  const at = random.below(list.length);
  const item = list[at] as T;
  const choice = random.below(300);
  if (choice < 60) list.splice(at, 1);
  else if (choice < 100) list.splice(random.below(list.length + 1), 0, copy(item));
  else if (choice < 120) {
    const other = random.below(list.length);
    list[at] = list[other] as T;
    list[other] = item;
  } else if (choice === 120) {
    const count = 1 << random.below(13);
    for (let i = 0; i < count; i++) list.push(copy(item));
  } else list[at] = change(item);
}

function changed(value: Json, root: Json, random: Random): Json {
  const choice = random.below(10);
  if (choice === 0) return cloneJson(anyOf(root, random));
  if (choice === 1) return { kind: 'array', items: [value] };
  return scalar(value, random);
}

function anyOf(root: Json, random: Random): Json {
  let value = root;
  for (;;) {
    if (value.kind === 'scalar' || random.oneIn(3)) return value;
    const next = value.kind === 'array' ? random.pick(value.items) : random.pick(value.members)?.value;
    if (next === undefined) return value;
    value = next;
  }
}

/** Another text for a scalar; most of the time one of the same type, so that the value is still taken. */
function scalar(value: Json, random: Random): Json {
  const text = value.kind === 'scalar' ? value.text : '';
  const choice = random.below(1_000);
  if (choice < 2) return { kind: 'scalar', text: `"${random.pick(['a', '\\', '\\n', '{', 'é', '1']).repeat(repeats(random))}"` };
  if (choice < 4) return { kind: 'scalar', text: random.pick(['9', '1.', '-', '0', 'e']).repeat(repeats(random)) };
  if (choice < 6) return { kind: 'scalar', text: ' '.repeat(repeats(random)) + text };
  if (choice < 500 && text.startsWith('"')) return { kind: 'scalar', text: otherText(text, random) };
  if (choice < 500 && /^-?\d/.test(text)) return { kind: 'scalar', text: String((random.uint32() - 2 ** 31) * 2 ** random.below(30)) };
  return { kind: 'scalar', text: random.pick(SCALARS) };
} // prettier-ignore

function otherText(text: string, random: Random): string {
  const at = 1 + random.below(text.length - 1);
  const insert = random.pick(['x', '\\u0041', '\\ud83d\\ude00', '||', ';', ':', '%', '\\u0001', '\\u0002', ' ', '9', '\0', "'"]);
  return text.slice(0, at) + insert + text.slice(random.oneIn(2) ? at : Math.min(text.length - 1, at + 1));
} // prettier-ignore

function changedKey(key: string, members: JsonObject['members'], random: Random): string {
  const choice = random.below(6);
  if (choice === 0) return key.replaceAll('"', '');
  if (choice === 1) return key.replaceAll('"', "'");
  if (choice === 2) return random.pick(members).key;
  if (choice === 3) return ` ${key}\t`;
  return random.pick(KEYS);
}

/** Mostly short; long enough, seldom, for time to show what grows faster than the input. */
function repeats(random: Random): number {
  return 1 << random.below(random.oneIn(8) ? 18 : 10);
}

function deep(random: Random): Json {
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['{a:[', ']}'],
    ['{{', ':1}:1}'],
    ['{[', ']:1}'],
  ]);
  const depth = random.pick([2, 49, 50, 51, 99, 100, 101, 102, 5_000]);
  const end = random.oneIn(8) ? '' : close.repeat(depth);
  return { kind: 'scalar', text: open.repeat(depth) + random.pick(['1', '', '{}', 'null']) + end };
}
