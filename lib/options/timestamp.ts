import { ValidationError } from '../errors.js';

const ALLOWED = "a Date, milliseconds since 1970, or local time as 'yyyyMMddHHmmss'";

/**
 * Below 10^13 ms, the year 2286, so that the number 20261121120000 isn't taken for milliseconds: whoever writes that
 * means the text form.
 */
const MAX_MILLISECONDS = 10 ** 13 - 1;

/**
 * A point in time in any of the forms `consumeTimestamp` has, in milliseconds since 1970.
 *
 * @throws ValidationError
 */
export function readTimestamp(value: unknown, name: string): number {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseLocalTime(value) : value;
  if (typeof time === 'number' && Number.isInteger(time) && time >= 0 && time <= MAX_MILLISECONDS) return time;
  throw new ValidationError(name, value, ALLOWED);
}

/** The reference's form, in the time zone of this process. Undefined for a day or time that doesn't exist. */
function parseLocalTime(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  // An hour that daylight saving skips is moved by Date, as it is in the reference; everything else must come back.
  const time = new Date(year, month - 1, day, hour, minute, second);
  const exists =
    time.getFullYear() === year &&
    time.getMonth() === month - 1 &&
    time.getDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60;
  return exists ? time.getTime() : undefined;
}
