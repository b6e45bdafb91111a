// @ts-check
import { attempt } from '../actions.js';
import { h, setText } from '../dom.js';
import { duration, time } from '../format.js';

const STEPS = /** @type {const} */ ([
  [1000, '+1 s'],
  [10_000, '+10 s'],
  [60_000, '+1 min'],
]);

/**
 * The cluster's time, which can be moved ahead.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function clock(root, { api, store }) {
  const shown = h('output', { class: 'time', 'aria-label': 'Time of the cluster' });
  const custom = h('input', { type: 'number', min: 1, max: 31_622_400_000, value: 5000, 'aria-label': 'Milliseconds to move the time ahead' }); // prettier-ignore
  /** @param {number} ms */
  const advance = (ms) =>
    attempt(() => api.call('POST', '/api/clock/advance', { ms }), `The time was moved ahead by ${duration(ms)}`);
  const form = h(
    'form',
    { class: 'advance' },
    ...STEPS.map(([ms, label]) =>
      h(
        'button',
        { type: 'button', 'aria-label': `Move the time ahead by ${duration(ms)}`, onclick: () => advance(ms) },
        label,
      ),
    ),
    custom,
    h('button', { 'aria-label': 'Move the time ahead by so many milliseconds' }, '+ms'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void advance(Number(custom.value));
  });
  root.append(shown, form);
  const show = () => {
    const manual = store.state?.cluster.clock.manual === true;
    setText(shown, `${time(store.now()).slice(0, manual ? 12 : 8)}${manual ? ' stands still' : ''}`);
  };
  store.onState(show);
  setInterval(show, 500);
}
