import { ValidationError } from '../../lib/errors.js';
import { RequestCode } from '../../lib/protocol/codes.js';

/** Request codes by their names, as rules and filters may have them. */

export function isRequestCodeName(name: string): name is keyof typeof RequestCode {
  return Object.hasOwn(RequestCode, name);
}

/**
 * @param field names the place in errors
 * @throws ValidationError for a name no request has
 */
export function requestCode(code: number | string, field: string): number {
  if (typeof code === 'number') return code;
  if (isRequestCodeName(code)) return RequestCode[code];
  throw new ValidationError(field, code, 'a request code or its name, such as 41 or LOCK_BATCH_MQ');
}
