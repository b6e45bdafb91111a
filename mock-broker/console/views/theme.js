// @ts-check
import { setText } from '../dom.js';

const THEMES = /** @type {const} */ (['auto', 'light', 'dark']);

/**
 * As the system has it, or as is chosen here.
 *
 * @param {HTMLElement} button
 */
export function theme(button) {
  let chosen = THEMES.find((name) => name === localStorage.getItem('theme')) ?? 'auto';
  const show = () => {
    if (chosen === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    setText(button, `Theme: ${chosen}`);
  };
  button.addEventListener('click', () => {
    chosen = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length] ?? 'auto';
    localStorage.setItem('theme', chosen);
    show();
  });
  show();
}
