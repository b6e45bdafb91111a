// @ts-check
/** What a button does: asks the control plane, and says what came of it. */

import { setText } from './dom.js';

/** @typedef {{ api: import('./api.js').Api, store: import('./store.js').Store }} Page */

/** @param {string} text */
export function announce(text, isError = false) {
  const announcer = /** @type {HTMLElement} */ (document.getElementById('announcer'));
  setText(announcer, text);
  announcer.dataset.kind = isError ? 'error' : 'done';
  announcer.classList.remove('shown');
  // Starts its animation once more.
  void announcer.offsetWidth;
  announcer.classList.add('shown');
}

/**
 * Carries something out, and tells what was done or why not.
 *
 * @template Result
 * @param {() => Promise<Result>} action
 * @param {string | ((result: Result) => string)} done
 * @returns {Promise<Result | undefined>} undefined when it failed
 */
export async function attempt(action, done) {
  try {
    const result = await action();
    announce(typeof done === 'string' ? done : done(result));
    return result;
  } catch (error) {
    announce(error instanceof Error ? error.message : String(error), true);
    return undefined;
  }
}

/**
 * The path of an operation, its names made safe.
 *
 * @param {TemplateStringsArray} parts
 * @param {...(string | number)} values
 */
export function path(parts, ...values) {
  return parts.map((part, at) => part + (at < values.length ? encodeURIComponent(values[at] ?? '') : '')).join('');
}
