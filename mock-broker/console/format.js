// @ts-check
/** Numbers, times and texts as people read them. */

const number = new Intl.NumberFormat('en');

/** @param {number} value */
export const count = (value) => number.format(value);

/** @param {number} at */
export function time(at) {
  const date = new Date(at);
  /** @param {number} value @param {number} [digits] */
  const pad = (value, digits = 2) => String(value).padStart(digits, '0');
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

/**
 * @param {number} value
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/**
 * @param {{ text?: string, base64?: string, length: number, cut: boolean }} body
 * @param {number} limit characters
 */
export function bodyText(body, limit) {
  const text = body.text ?? `base64 ${body.base64 ?? ''}`;
  const isCut = body.cut || text.length > limit;
  return text === '' ? '(empty)' : `${text.slice(0, limit)}${isCut ? ` … (${count(body.length)} bytes)` : ''}`;
}

/** @param {string} clientId an id often ends in a process and a time: its beginning and end tell most */
export const shortId = (clientId) =>
  clientId.length <= 26 ? clientId : `${clientId.slice(0, 14)}…${clientId.slice(-10)}`;
