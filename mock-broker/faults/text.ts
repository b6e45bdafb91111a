import { ValidationError } from '../../lib/errors.js';
import type { FaultRule } from './rule.js';
import { parseFaultRule } from './rule-json.js';
import { FaultActionSchemas } from './rule-schemas.js';

/**
 * A rule in one line, for command lines: a JSON object, or
 *
 *     <code or *>:<action type>[=<its do, what, when or number>][,key=value...]
 *
 * such as `LOCK_BATCH_MQ:lock=refuse,group=billing,times=3`. A key is a field of the action, else one of the rule.
 * Several codes are joined by `+`, several client ids too.
 */

/** The field `=` gives a value to, by action. */
const MAIN_FIELD: Readonly<Record<string, string>> = {
  answer: 'code',
  delay: 'ms',
  raw: 'base64',
  close: 'when',
  halfOpen: 'ms',
  chunk: 'size',
  coalesce: 'frames',
  throttle: 'bytesPerSecond',
  corrupt: 'what',
  lock: 'do',
  offset: 'do',
  members: 'remove',
  pull: 'do',
};

const NUMBERS: ReadonlySet<string> = new Set([
  ...['ms', 'size', 'frames', 'bytesPerSecond', 'to', 'offset', 'delta'],
  ...['queueId', 'connection', 'after', 'times', 'probability', 'seed'],
]);
const LISTS: ReadonlySet<string> = new Set(['remove', 'add']);

/** @throws ValidationError naming what is wrong with it */
export function parseFaultText(text: string): FaultRule {
  if (text.trimStart().startsWith('{')) return parseFaultRule(parseJson(text));
  const [, codes, type, main, rest] = /^([^:=,]+):([A-Za-z]+)(?:=([^,]*))?(?:,(.*))?$/.exec(text) ?? [];
  if (codes === undefined || type === undefined) {
    throw new ValidationError('fault', text, 'a JSON object, or <code or *>:<action>[=<value>][,key=value...]');
  }
  const action: Record<string, unknown> = { type };
  const rule: Record<string, unknown> = { action };
  if (codes !== '*') rule['code'] = codes.split('+').map((code) => (/^\d+$/.test(code) ? Number(code) : code));
  if (main !== undefined) {
    const field = MAIN_FIELD[type];
    if (field === undefined) throw new ValidationError(`fault.action.${type}`, main, 'no value');
    action[field] = valueOf(type, field, main);
  }
  for (const pair of rest === undefined ? [] : rest.split(',')) {
    const at = pair.indexOf('=');
    if (at < 1) throw new ValidationError('fault', pair, 'key=value');
    const key = pair.slice(0, at);
    const target = actionHas(type, key) ? action : rule;
    target[key] = valueOf(type, key, pair.slice(at + 1));
  }
  return parseFaultRule(rule);
}

function actionHas(type: string, key: string): boolean {
  const schema = Object.entries(FaultActionSchemas).find(([name]) => name === type)?.[1];
  return schema !== undefined && key in schema.properties;
}

function valueOf(type: string, key: string, text: string): unknown {
  if (LISTS.has(key)) return text.split('+');
  // A thief is a name, messages to go back are a number; an answer's code is one, too.
  const isNumber = NUMBERS.has(key) || (key === 'by' && type === 'offset') || (key === 'code' && type === 'answer');
  return isNumber && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ValidationError('fault', text, `a JSON object (${(error as Error).message})`);
  }
}
