import type { TObject, TSchema } from 'typebox';
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

/** @throws ValidationError naming the first field that is not right, and what it may be */
export function checkInput(schema: TObject, input: Record<string, unknown>): void {
  if (Value.Check(schema, input)) return;
  for (const name of Object.keys(input)) {
    if (!Object.hasOwn(schema.properties, name)) {
      throw new ValidationError(name, input[name], describeNames(Object.keys(schema.properties)));
    }
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(input, name)) throw new ValidationError(name, undefined, expectation(schema.properties[name]));
  }
  for (const [name, member] of Object.entries(schema.properties)) {
    if (!Object.hasOwn(input, name) || Value.Check(member, input[name])) continue;
    throw new ValidationError(name, input[name], expectation(member));
  }
  throw new ValidationError('input', input, 'an object that fits');
}

/** What a member may be, in words. */
function expectation(schema: TSchema | undefined): string {
  const known = (schema ?? {}) as {
    type?: string;
    const?: unknown;
    anyOf?: TSchema[];
    minimum?: number;
    maximum?: number;
    minLength?: number;
    maxLength?: number;
    items?: TSchema;
    pattern?: string;
  };
  if (known.const !== undefined) return JSON.stringify(known.const);
  if (known.anyOf !== undefined) return known.anyOf.map(expectation).join(' or ');
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
    default:
      return 'an object of texts';
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
