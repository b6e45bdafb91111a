// @ts-check
/** A button for what can't be taken back: it asks once more before it does it. */

import { h, setText } from './dom.js';

/**
 * @param {string} name of what goes
 * @param {() => unknown} remove
 */
export function removal(name, remove) {
  const button = h('button', { type: 'button' });
  /** @param {boolean} isAsking */
  const show = (isAsking) => {
    button.dataset.asking = String(isAsking);
    setText(button, isAsking ? 'Remove for good?' : 'Remove');
    button.setAttribute('aria-label', isAsking ? `Remove ${name} for good, with all it has` : `Remove ${name}`);
  };
  button.addEventListener('click', () => {
    const isSure = button.dataset.asking === 'true';
    show(!isSure);
    if (isSure) remove();
  });
  button.addEventListener('blur', () => show(false));
  button.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') show(false);
  });
  show(false);
  return button;
}
