import type { TObject, TProperties, TSchema } from 'typebox';
import Value from 'typebox/value';
import { ValidationError } from '../../lib/errors.js';

/** Checks of what came in, with words for the field that is not right. */

/** Texts from a path or query as the numbers and truth values they are meant to be. */
export function fromTexts(schema: TObject, texts: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, fromText(schema.properties[name], text)]),
  );
}

function fromText(schema: TSchema | undefined, text: string): unknown {
  const { type } = (schema ?? {}) as { type?: string };
  if ((type === 'integer' || type === 'number') && /^-?\d+$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** @throws ValidationError naming the first field that is not right, such as `route.queueDatas.0.perm`, and what it may be */
export function checkInput(schema: TObject, input: Record<string, unknown>): void {
  if (!Value.Check(schema, input)) throw refusal(schema, input, '');
}

/** Of a value that does not fit: what is wrong with it, or within it. */
function refusal(schema: TSchema, value: unknown, path: string): ValidationError {
  const { anyOf = [], items, properties } = schema as { anyOf?: TSchema[]; items?: TSchema; properties?: TProperties };
  if (Array.isArray(value)) {
    const at = value.findIndex((item) => items !== undefined && !Value.Check(items, item));
    if (items !== undefined && at !== -1 && Object.hasOwn(items, 'properties')) {
      return refusal(items, value[at], `${path}.${at}`);
    }
  } else if (typeof value === 'object' && value !== null) {
    const meant = anyOf.find((one) => Object.hasOwn(one, 'properties'));
    if (meant !== undefined) return refusal(meant, value, path);
    const inner = properties && memberRefusal(schema as TObject, value as Record<string, unknown>, path);
    if (inner !== undefined) return inner;
  }
  return new ValidationError(path === '' ? 'input' : path, value, expectation(schema));
}

function memberRefusal(schema: TObject, value: Record<string, unknown>, path: string): ValidationError | undefined {
  const pathOf = (name: string): string => (path === '' ? name : `${path}.${name}`);
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(schema.properties, name)) {
      return new ValidationError(pathOf(name), value[name], describeNames(Object.keys(schema.properties)));
    }
  }
  for (const name of schema.required ?? []) {
    if (Object.hasOwn(value, name)) continue;
    return new ValidationError(pathOf(name), undefined, expectation(schema.properties[name]));
  }
  for (const [name, member] of Object.entries(schema.properties)) {
    if (Object.hasOwn(value, name) && !Value.Check(member, value[name])) {
      return refusal(member, value[name], pathOf(name));
    }
  }
  return undefined;
}

/** What a member may be, in words. */
function expectation(schema: TSchema | undefined): string {
  const known = (schema ?? {}) as {
    type?: string;
    const?: unknown;
    anyOf?: TSchema[];
    enum?: unknown[];
    minimum?: number;
    maximum?: number;
    minLength?: number;
    maxLength?: number;
    items?: TSchema;
    properties?: TProperties;
    pattern?: string;
  };
  if (known.const !== undefined) return JSON.stringify(known.const);
  if (known.anyOf !== undefined) return known.anyOf.map(expectation).join(' or ');
  if (known.enum !== undefined) return known.enum.join(', ');
  if (known.pattern !== undefined) return 'a text in base64';
  switch (known.type) {
    case 'integer':
      return `a whole number${range(known.minimum, known.maximum)}`;
    case 'string':
      return `a text${known.maxLength === undefined ? '' : ` of ${known.minLength ?? 0} to ${known.maxLength} characters`}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list, each ${expectation(known.items)}`;
    case 'null':
      return 'null';
    default:
      if (known.properties === undefined) return 'an object of texts';
      return `an object of ${Object.keys(known.properties).join(', ')}`;
  }
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum === undefined) return '';
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
    ? ` from ${minimum} on`
    : ` from ${minimum} to ${maximum}`;
}

function describeNames(names: readonly string[]): string {
  return names.length === 0 ? 'no members' : `one of ${names.join(', ')}`;
}
