import { inspect } from 'node:util';

/** What must not be seen, by name: text, or the bytes of a file. */
export type SecretValues = Readonly<Record<string, string | Buffer>>;

/** Shorter pieces of a file would be found by chance. */
const SHORTEST_LINE = 16;

/** Finds secrets in text, in every form in which they could have been written there. */
export class Secrets {
  readonly #forms: { readonly what: string; readonly text: string }[] = [];

  constructor(values: SecretValues) {
    for (const [name, value] of Object.entries(values)) {
      for (const piece of pieces(value)) {
        for (const [form, text] of Object.entries(formsOf(piece)))
          this.#forms.push({ what: `${name} as ${form}`, text });
      }
    }
  }

  /** What of them stands in the text, such as `passphrase as hex`. */
  in(text: string): string[] {
    const lower = text.toLowerCase();
    const found = this.#forms.filter((form) => lower.includes(form.text.toLowerCase()));
    return [...new Set(found.map(({ what }) => what))];
  }
}

/** A file of several lines is known by any of them, and by bytes it stands for; the frame around a key is no secret. */
function pieces(value: string | Buffer): Buffer[] {
  if (typeof value === 'string') return [Buffer.from(value)];
  const all = value.toString().split('\n');
  if (all[0]?.startsWith('-----BEGIN') !== true) return [value.subarray(0, 64)];
  const lines = all.filter((line) => line.length >= SHORTEST_LINE && !line.startsWith('-----'));
  // Behind the names of the algorithms, which are no secret.
  const inside = Buffer.from(lines.join(''), 'base64').subarray(40, 72);
  const texts = lines.map((line) => Buffer.from(line));
  return inside.length < SHORTEST_LINE ? texts : [inside, ...texts];
}

function formsOf(bytes: Buffer): Record<string, string> {
  const text = bytes.toString('latin1');
  const decimal = [...bytes];
  return {
    text,
    'JSON text': JSON.stringify(text).slice(1, -1),
    'part of a URL': encodeURIComponent(text),
    hex: bytes.toString('hex'),
    'hex with spaces': (bytes.toString('hex').match(/../g) ?? []).join(' '),
    'a list of bytes': decimal.join(','),
    'an array of bytes': decimal.join(', '),
    ...base64Forms(bytes),
  };
}

/** Where bytes stand among others, their base64 depends on how many are before them. */
function base64Forms(bytes: Buffer): Record<string, string> {
  const forms: Record<string, string> = {};
  for (const before of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
    const begin = before === 0 ? 0 : 4;
    for (const encoding of ['base64', 'base64url'] as const) {
      // What the bytes before and behind have a part in is left out.
      forms[`${encoding} at ${before}`] = shifted.subarray(0, shifted.length - (shifted.length % 3)).toString(encoding).slice(begin); // prettier-ignore
    }
  }
  return forms;
}

const EVERYTHING = {
  depth: Number.POSITIVE_INFINITY,
  showHidden: true,
  getters: true,
  maxArrayLength: null,
  maxStringLength: null,
} as const;

/** All that can be seen of a value from outside: as it is printed, as JSON, and by going from property to property. */
export function everythingOf(value: unknown): string {
  const seen: string[] = [String(value), inspect(value, EVERYTHING), inspect(value)];
  try {
    seen.push(JSON.stringify(value) ?? '');
  } catch (error) {
    seen.push(`no JSON: ${String(error)}`);
  }
  walk(value, seen, new Set());
  return seen.join('\n');
}

function walk(value: unknown, seen: string[], visited: Set<unknown>): void {
  if (typeof value === 'string') seen.push(value);
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || visited.has(value)) return;
  visited.add(value);
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    seen.push(bytes.toString('latin1'), bytes.toString('hex'));
    return;
  }
  if (value instanceof Map) for (const entry of value) walk(entry, seen, visited);
  if (value instanceof Set) for (const entry of value) walk(entry, seen, visited);
  for (let owner: unknown = value; owner !== null && owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
    for (const key of Reflect.ownKeys(owner as object)) {
      if (owner === Function.prototype) continue;
      if (typeof key === 'string') seen.push(key);
      walk(read(value, key), seen, visited);
    }
  }
}

/** With the getters of its classes; one that makes no sense here throws. */
function read(value: object, key: string | symbol): unknown {
  try {
    return Reflect.get(value, key, value);
  } catch (error) {
    return error;
  }
}
