// @ts-check
import { attempt, path } from '../actions.js';
import { h, keyed, setText } from '../dom.js';
import { duration, plural } from '../format.js';

/** @typedef {import('./brokers.js').Broker} Broker */
/** @typedef {Broker['replicas'][number]} Replica */

/**
 * Brings a broker's list of replicas up to date: whether each runs, and how what its master stores comes to it.
 *
 * @param {HTMLElement} list
 * @param {Broker} broker
 * @param {import('../actions.js').Page} page
 */
export function replicas(list, broker, page) {
  list.hidden = broker.replicas.length === 0;
  keyed(
    list,
    broker.replicas,
    ({ brokerId }) => String(brokerId),
    ({ brokerId }) => create(broker.name, brokerId, page),
    update,
  );
}

/**
 * @param {string} broker
 * @param {number} brokerId
 * @param {import('../actions.js').Page} page
 */
function create(broker, brokerId, { api }) {
  const name = `${broker}/${brokerId}`;
  const base = path`/api/brokers/${broker}/replicas/${brokerId}`;
  /** @param {'power' | 'replication'} part @param {Record<string, string>} done by what is done */
  const toggle = (part, done) => {
    const button = h('button', { class: part });
    button.addEventListener('click', () => {
      const { next = '' } = button.dataset;
      void attempt(() => api.call('POST', `${base}/${next}`, {}), `${name} ${done[next]}`);
    });
    return button;
  };
  const lag = h('input', { class: 'lag-ms', type: 'number', min: 0, max: 31_622_400_000, required: true, 'aria-label': `Lag of ${name} in milliseconds` }); // prettier-ignore
  const form = h('form', { class: 'row' }, lag, h('button', { 'aria-label': `Set the lag of ${name}` }, 'Set lag, ms'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const lagMs = Number(lag.value);
    void attempt(() => api.call('PUT', `${base}/lag`, { lagMs }), `${name} is ${duration(lagMs)} behind from now on`);
  });
  return h(
    'li',
    { class: 'replica', 'data-name': name },
    h('div', { class: 'row' }, h('span', { class: 'dot', 'aria-hidden': true }), h('strong', {}, name), h('span', { class: 'state' }), h('span', { class: 'mono address end' })),
    h(
      'div',
      { class: 'row' },
      toggle('power', { stop: 'was stopped', start: 'was started' }),
      toggle('replication', { pause: 'hears of nothing from now on', resume: 'was given what it missed' }),
      form,
    ),
  ); // prettier-ignore
}

/** @param {HTMLElement} row @param {Replica} replica */
function update(row, { address, running, paused, lagMs, behind }) {
  const { name = '' } = row.dataset;
  /** @param {string} selector */
  const part = (selector) => /** @type {HTMLElement} */ (row.querySelector(selector));
  /** @param {string} selector @param {string} next @param {string} label */
  const show = (selector, next, label) => {
    const button = part(selector);
    button.dataset.next = next;
    setText(button, label);
    button.setAttribute('aria-label', `${label} ${selector === '.power' ? name : `the replication of ${name}`}`);
  };
  row.dataset.running = String(running);
  const facts = [running ? 'up' : 'down', ...(paused ? ['paused'] : []), behind === 0 ? 'up to date' : `${plural(behind, 'change')} behind`]; // prettier-ignore
  setText(part('.state'), facts.join(', '));
  setText(part('.address'), address);
  show('.power', running ? 'stop' : 'start', running ? 'Stop' : 'Start');
  show('.replication', paused ? 'resume' : 'pause', paused ? 'Resume' : 'Pause');
  const lag = /** @type {HTMLInputElement} */ (part('.lag-ms'));
  if (document.activeElement !== lag) lag.value = String(lagMs);
}
