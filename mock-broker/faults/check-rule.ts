import { ValidationError } from '../../lib/errors.js';
import { RequestCode } from '../../lib/protocol/codes.js';
import { requestCode } from './codes.js';
import type { FaultAction, FaultRule } from './rule.js';

/** What a rule must be for the mock to work with it, whoever wrote it. */

const PULLS = [RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE];

/** The requests an action makes sense for; a rule without codes is about these. undefined for all. */
export function codesOfAction(action: FaultAction): readonly number[] | undefined {
  switch (action.type) {
    case 'lock':
      return [RequestCode.LOCK_BATCH_MQ];
    case 'members':
      return [RequestCode.GET_CONSUMER_LIST_BY_GROUP];
    case 'pull':
      // Who pops knows nothing of offsets.
      return action.do === 'illegalOffset' || action.do === 'wrongNextOffset'
        ? PULLS
        : [...PULLS, RequestCode.POP_MESSAGE];
    case 'offset':
      if (action.do === 'none') return [RequestCode.QUERY_CONSUMER_OFFSET];
      if (action.do === 'refuse') return [RequestCode.UPDATE_CONSUMER_OFFSET];
      // Pulls commit, too, when they say so.
      if (action.do !== 'moveMin') return [RequestCode.UPDATE_CONSUMER_OFFSET, ...PULLS];
      return [...PULLS, RequestCode.QUERY_CONSUMER_OFFSET, RequestCode.UPDATE_CONSUMER_OFFSET];
    default:
      return undefined;
  }
}

/**
 * The request codes a rule is about; undefined for all.
 *
 * @throws ValidationError for a rule that makes no sense
 */
export function checkRule(rule: FaultRule): ReadonlySet<number> | undefined {
  const { action } = rule;
  checkNumbers(rule);
  checkAction(action);
  if (action.type === 'refuse') checkRefusal(rule);
  const allowed = codesOfAction(action);
  if (rule.code === undefined) return allowed === undefined ? undefined : new Set(allowed);
  const codes = [rule.code].flat().map((code) => requestCode(code, 'fault.code'));
  for (const code of codes) {
    if (allowed?.includes(code) === false) {
      const names = Object.entries(RequestCode).filter(([, value]) => allowed.includes(value)).map(([name]) => name); // prettier-ignore
      throw new ValidationError('fault.code', code, `${names.join(', ')} for an action of type ${action.type}`);
    }
  }
  return new Set(codes);
}

function checkNumbers({ probability, times, after }: FaultRule): void {
  if (probability !== undefined && !(probability >= 0 && probability <= 1)) {
    throw new ValidationError('fault.probability', probability, 'a number from 0 to 1');
  }
  atLeast('fault.times', times, 0);
  atLeast('fault.after', after, 0);
}

function checkAction(action: FaultAction): void {
  switch (action.type) {
    case 'delay':
    case 'halfOpen':
      return atLeast('fault.action.ms', action.ms, 0);
    case 'chunk':
      return atLeast('fault.action.size', action.size, 1);
    case 'coalesce':
      return atLeast('fault.action.frames', action.frames, 2);
    case 'throttle':
      return atLeast('fault.action.bytesPerSecond', action.bytesPerSecond, 1);
    case 'offset':
      atLeast('fault.action.by', action.by, 0);
      return atLeast('fault.action.to', action.to, 0);
    default:
  }
}

function atLeast(field: string, value: number | undefined, min: number): void {
  if (value !== undefined && !(value >= min)) throw new ValidationError(field, value, `${min} or more`);
}

/** A new connection has sent nothing yet that could be matched. */
function checkRefusal(rule: FaultRule): void {
  for (const field of ['code', 'clientId', 'group', 'topic', 'queueId', 'connection', 'where'] as const) {
    if (rule[field] === undefined) continue;
    throw new ValidationError(`fault.${field}`, rule[field], 'nothing when new connections are refused');
  }
}
