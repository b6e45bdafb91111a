// @ts-check
import { attempt, path } from '../actions.js';
import { h, keyed, setText } from '../dom.js';
import { plural } from '../format.js';

/** @typedef {import('../api.js').State['cluster']['brokers'][number]} Broker */

const PERMISSIONS = /** @type {const} */ ([
  [6, 'read and write'],
  [4, 'read only'],
  [2, 'write only'],
]);

/**
 * The brokers, with what can be done to them.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function brokers(root, { api, store }) {
  const list = h('ul', { class: 'brokers' });
  const servers = h('p', { class: 'hint mono' });
  root.append(h('h2', { id: 'brokers-title' }, 'Brokers'), servers, list);

  /** @param {Broker} broker */
  const create = ({ name }) => {
    /** @param {string} what @param {string} done */
    const act = (what, done) => () =>
      void attempt(() => api.call('POST', `${path`/api/brokers/${name}`}/${what}`, {}), `${name} ${done}`);
    const power = h('button', { class: 'power' });
    power.addEventListener('click', () => {
      if (power.dataset.next === 'stop') act('stop', 'was stopped')();
      else act('start', 'was started')();
    });
    const permission = h('select', { 'aria-label': `What ${name} allows` }, ...PERMISSIONS.map(([value, label]) => h('option', { value }, label))); // prettier-ignore
    permission.addEventListener('change', () =>
      attempt(
        () => api.call('PUT', path`/api/brokers/${name}/permission`, { perm: Number(permission.value) }),
        `${name} allows to ${permission.selectedOptions[0]?.textContent}`,
      ),
    );
    return h(
      'li',
      { class: 'broker' },
      h('div', { class: 'row' }, h('span', { class: 'dot', 'aria-hidden': true }), h('strong', {}, name), h('span', { class: 'state' }), h('span', { class: 'mono address end' })),
      h('p', { class: 'hint facts' }),
      h(
        'div',
        { class: 'row' },
        power,
        h('button', { onclick: act('restart', 'was restarted') }, 'Restart'),
        h('button', { onclick: act('disconnect', 'disconnected its clients') }, 'Disconnect'),
        h('button', { onclick: act('expire-locks', 'let its locks expire') }, 'Expire locks'),
        h('button', { onclick: act('clear-locks', 'forgot its locks') }, 'Clear locks'),
        permission,
      ),
    ); // prettier-ignore
  };

  /** @param {HTMLElement} row @param {Broker} broker */
  const update = (row, broker) => {
    const { name, running, registered, connections, heldPulls, replicas } = broker;
    /** @param {string} selector */
    const part = (selector) => /** @type {HTMLElement} */ (row.querySelector(selector));
    row.dataset.running = String(running);
    setText(part('.state'), running ? (registered ? 'up' : 'up, in no route') : 'down');
    setText(part('.address'), broker.address);
    const clients = new Set(connections.flatMap(({ clientId }) => clientId ?? []));
    const facts = [
      plural(connections.length, 'connection'),
      plural(clients.size, 'client'),
      `${plural(heldPulls, 'pull')} wait`,
    ];
    if (replicas.length > 0)
      facts.push(`${replicas.filter((replica) => replica.running).length} of ${plural(replicas.length, 'replica')} up`);
    setText(part('.facts'), facts.join(' · '));
    const power = part('.power');
    power.dataset.next = running ? 'stop' : 'start';
    setText(power, running ? 'Stop' : 'Start');
    power.setAttribute('aria-label', `${running ? 'Stop' : 'Start'} ${name}`);
    const permission = /** @type {HTMLSelectElement} */ (part('select'));
    if (document.activeElement !== permission) permission.value = String(broker.permission);
  };

  store.onState(({ cluster }) => {
    const { namesrvAddr, persona, version } = cluster;
    setText(servers, `name server ${namesrvAddr} · RocketMQ ${persona}, version ${version}`);
    keyed(list, cluster.brokers, (broker) => broker.name, create, update);
  });
}
