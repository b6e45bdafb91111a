// @ts-check
import { attempt } from '../actions.js';
import { h, keyed, setText } from '../dom.js';
import { plural } from '../format.js';
import { routes } from './routes.js';

/** @typedef {import('../api.js').State['cluster']['nameServers'][number]} NameServer */

/**
 * The name servers: whether they run, and what each of them says of topics.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function nameServers(root, page) {
  const list = h('ul', { class: 'brokers' });
  root.append(h('h2', { id: 'name-servers-title' }, 'Name servers'), list);
  page.store.onState(({ cluster }) => {
    keyed(
      list,
      cluster.nameServers,
      ({ nameServer }) => String(nameServer),
      ({ nameServer }) => create(nameServer, page),
      update,
    );
  });
}

/** @param {number} nameServer @param {import('../actions.js').Page} page */
function create(nameServer, page) {
  const name = nameOf(nameServer);
  /** @param {'power' | 'view'} part @param {Record<string, string>} done by what is done */
  const toggle = (part, done) => {
    const button = h('button', { class: part });
    button.addEventListener('click', () => {
      const { next = '' } = button.dataset;
      void attempt(() => page.api.call('POST', `/api/name-servers/${nameServer}/${next}`, {}), `${name} ${done[next]}`);
    });
    return button;
  };
  return h(
    'li',
    { class: 'broker' },
    h('div', { class: 'row' }, h('span', { class: 'dot', 'aria-hidden': true }), h('strong', {}, name), h('span', { class: 'state' }), h('span', { class: 'mono address end' })),
    h(
      'div',
      { class: 'row' },
      toggle('power', { stop: 'was stopped', start: 'was started' }),
      toggle('view', { freeze: 'goes on saying what it says now', thaw: 'says how things are' }),
    ),
    routes(nameServer, name, page),
  ); // prettier-ignore
}

/** @param {HTMLElement} row @param {NameServer} nameServer */
function update(row, { nameServer, address, running, frozen, overrides }) {
  const name = nameOf(nameServer);
  /** @param {string} selector */
  const part = (selector) => /** @type {HTMLElement} */ (row.querySelector(selector));
  /** @param {string} selector @param {string} next @param {string} label */
  const show = (selector, next, label) => {
    const button = part(selector);
    button.dataset.next = next;
    setText(button, label);
    button.setAttribute('aria-label', `${label} ${name}`);
  };
  row.dataset.running = String(running);
  const own = overrides.length === 0 ? [] : [`another view of ${plural(overrides.length, 'topic')}`];
  setText(part('.state'), [running ? 'up' : 'down', ...(frozen ? ['frozen'] : []), ...own].join(', '));
  setText(part('.address'), address);
  show('.power', running ? 'stop' : 'start', running ? 'Stop' : 'Start');
  show('.view', frozen ? 'thaw' : 'freeze', frozen ? 'Thaw' : 'Freeze');
}

/** @param {number} nameServer its place, from 0 on */
const nameOf = (nameServer) => `name server ${nameServer + 1}`;
