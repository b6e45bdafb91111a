import type { TObject, TSchema } from 'typebox';
import Value from 'typebox/value';
import { ValidationError } from '../../lib/errors.js';
import { isRequestCodeName } from './codes.js';
import type { Fault, FaultAction, FaultRule } from './rule.js';
import {
  FaultActionSchemas,
  type FaultDescription,
  type FaultRuleJson,
  RuleWithoutActionSchema,
} from './rule-schemas.js';

/** Rules between their JSON form and the one the mock works with. */

/**
 * Reads a rule that came as JSON.
 *
 * @throws ValidationError naming the field and what it expects
 */
export function parseFaultRule(value: unknown): FaultRule {
  check(RuleWithoutActionSchema, value, 'fault');
  const { action, ...fields } = value as { action: { type: string }; code?: unknown };
  const schema: TObject | undefined = Object.hasOwn(FaultActionSchemas, action.type)
    ? FaultActionSchemas[action.type as keyof typeof FaultActionSchemas]
    : undefined;
  if (schema === undefined) {
    throw new ValidationError('fault.action.type', action.type, Object.keys(FaultActionSchemas).join(', '));
  }
  check(schema, action, 'fault.action');
  for (const code of [fields.code ?? []].flat()) {
    if (typeof code === 'string' && !isRequestCodeName(code)) {
      throw new ValidationError('fault.code', code, 'a request code or its name, such as 41 or LOCK_BATCH_MQ');
    }
  }
  return { ...(fields as Omit<FaultRuleJson, 'action'>), action: toAction(action as FaultRuleJson['action']) };
}

/** A fault with everything that can't travel in a form that can. */
export function describeFault(fault: Fault): FaultDescription {
  const { where, action, ...fields } = fault.rule;
  const rule = { ...fields, ...(where !== undefined && { where: '[function]' }), action: describeAction(action) };
  return { id: fault.id, rule, hits: fault.hits, matched: fault.matched };
}

function describeAction(action: FaultAction): Record<string, unknown> {
  switch (action.type) {
    case 'rewrite':
      return { type: 'rewrite', reply: '[function]' };
    case 'raw':
      return { type: 'raw', base64: action.bytes.toString('base64') };
    case 'answer': {
      const { body, ...rest } = action;
      if (body === undefined) return rest;
      const text = body.toString();
      return Buffer.from(text).equals(body)
        ? { ...rest, bodyText: text }
        : { ...rest, bodyBase64: body.toString('base64') };
    }
    default:
      return { ...action };
  }
}

function toAction(action: FaultRuleJson['action']): FaultAction {
  if (action.type === 'raw') return { type: 'raw', bytes: Buffer.from(action.base64, 'base64') };
  if (action.type !== 'answer') return action;
  const { bodyText, bodyBase64, ...rest } = action;
  if (bodyText !== undefined && bodyBase64 !== undefined) {
    throw new ValidationError('fault.action.bodyBase64', bodyBase64, 'only one of bodyText and bodyBase64');
  }
  const body = bodyText !== undefined ? Buffer.from(bodyText) : Buffer.from(bodyBase64 ?? '', 'base64');
  return body.length > 0 ? { ...rest, body } : rest;
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
}

function check(schema: TSchema, value: unknown, root: string): void {
  if (Value.Check(schema, value)) return;
  const errors: readonly SchemaError[] = Value.Errors(schema, value);
  const unknown = errors.find((error) => error.keyword === 'additionalProperties');
  if (unknown !== undefined) {
    const [name = ''] = (unknown.params as { additionalProperties: string[] }).additionalProperties;
    const known = Object.keys((schema as TObject).properties);
    throw new ValidationError(
      `${root}.${name}`,
      valueAt(value, `/${name}`),
      `a field that exists: ${known.join(', ')}`,
    );
  }
  const missing = errors.find((error) => error.keyword === 'required');
  const first = errors[0];
  const path =
    missing !== undefined
      ? `${missing.instancePath}/${(missing.params as { requiredProperties: string[] }).requiredProperties[0] ?? ''}`
      : (first?.instancePath ?? '');
  throw new ValidationError(`${root}${path.replaceAll('/', '.')}`, valueAt(value, path), expectationAt(schema, path));
}

function valueAt(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('/').slice(1)) at = (at as Record<string, unknown> | undefined)?.[name];
  return at;
}

/** The description of the field, or of what it is in. */
function expectationAt(schema: TSchema, path: string): string {
  let at: { description?: string; properties?: Record<string, TSchema>; const?: unknown } = schema;
  let found = at.description;
  for (const name of path.split('/').slice(1)) {
    const next: unknown = at.properties?.[name];
    if (next === undefined) break;
    at = next as typeof at;
    found = at.description ?? (at.const === undefined ? found : JSON.stringify(at.const));
  }
  return found ?? 'an object';
}
