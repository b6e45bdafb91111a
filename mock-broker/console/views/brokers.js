// @ts-check
import { attempt, path } from '../actions.js';
import { field, h, keyed, setText } from '../dom.js';
import { plural } from '../format.js';
import { removal } from '../removal.js';
import { replicas } from './replicas.js';

/** @typedef {import('../api.js').State['cluster']['brokers'][number]} Broker */

const PERMISSIONS = /** @type {const} */ ([
  [6, 'read and write'],
  [4, 'read only'],
  [2, 'write only'],
]);

/** How a broker may come up again, by what is shown. */
const RETURNS = /** @type {Record<string, object>} */ ({
  'with its data': {},
  'with its locks, too': { keepLocks: true },
  'without its data': { keepData: false },
  'at another port': { port: 0 },
});

/**
 * The brokers, with what can be done to them.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function brokers(root, page) {
  const { api, store } = page;
  const list = h('ul', { class: 'brokers' });
  const servers = h('p', { class: 'hint mono' });
  root.append(h('h2', { id: 'brokers-title' }, 'Brokers'), servers, list, additionForm(page));

  /** @param {Broker} broker */
  const create = ({ name }) => {
    const returns = h('select', { 'aria-label': `How ${name} comes up` }, ...Object.keys(RETURNS).map((value) => h('option', { value }, value))); // prettier-ignore
    /** @param {string} what @param {string} done */
    const act = (what, done) => () => {
      const options = what === 'start' || what === 'restart' ? RETURNS[returns.value] : {};
      void attempt(() => api.call('POST', `${path`/api/brokers/${name}`}/${what}`, options), `${name} ${done}`);
    };
    const power = h('button', { class: 'power' });
    power.addEventListener('click', () => {
      if (power.dataset.next === 'stop') act('stop', 'was stopped')();
      else act('start', 'was started')();
    });
    const permission = h('select', { class: 'permission', 'aria-label': `What ${name} allows` }, ...PERMISSIONS.map(([value, label]) => h('option', { value }, label))); // prettier-ignore
    permission.addEventListener('change', () =>
      attempt(
        () => api.call('PUT', path`/api/brokers/${name}/permission`, { perm: Number(permission.value) }),
        `${name} allows to ${permission.selectedOptions[0]?.textContent}`,
      ),
    );
    const routes = h('button', { class: 'routes', 'aria-label': `${name} in routes` }, 'In routes');
    routes.addEventListener('click', () => {
      const registered = routes.getAttribute('aria-pressed') !== 'true';
      void attempt(
        () => api.call('PUT', path`/api/brokers/${name}/registered`, { registered }),
        `${name} is in ${registered ? 'routes again' : 'no route now'}`,
      );
    });
    return h(
      'li',
      { class: 'broker' },
      h('div', { class: 'row' }, h('span', { class: 'dot', 'aria-hidden': true }), h('strong', {}, name), h('span', { class: 'state' }), h('span', { class: 'mono address end' })),
      h('p', { class: 'hint facts' }),
      h('div', { class: 'row' }, power, h('button', { onclick: act('restart', 'was restarted') }, 'Restart'), returns),
      h(
        'div',
        { class: 'row' },
        permission,
        routes,
        h('button', { onclick: act('disconnect', 'disconnected its clients') }, 'Disconnect'),
        h('button', { onclick: act('expire-locks', 'let its locks expire') }, 'Expire locks'),
        h('button', { onclick: act('clear-locks', 'forgot its locks') }, 'Clear locks'),
        removal(name, () => attempt(() => api.call('DELETE', path`/api/brokers/${name}`), `${name} was removed`)),
      ),
      h('ul', { class: 'replicas', 'aria-label': `Replicas of ${name}` }),
    ); // prettier-ignore
  };

  /** @param {HTMLElement} row @param {Broker} broker */
  const update = (row, broker) => {
    const { name, brokerId, running, registered, connections, heldPulls } = broker;
    /** @param {string} selector */
    const part = (selector) => /** @type {HTMLElement} */ (row.querySelector(selector));
    row.dataset.running = String(running);
    const listed = !registered ? ', in no route' : brokerId === 0 ? '' : `, in routes as ${brokerId}`;
    setText(part('.state'), running ? `up${listed}` : registered ? 'down, still in routes' : 'down');
    setText(part('.address'), broker.address);
    const clients = new Set(connections.flatMap(({ clientId }) => clientId ?? []));
    const facts = [
      plural(connections.length, 'connection'),
      plural(clients.size, 'client'),
      `${plural(heldPulls, 'pull')} wait`,
    ];
    setText(part('.facts'), facts.join(' · '));
    const power = part('.power');
    power.dataset.next = running ? 'stop' : 'start';
    setText(power, running ? 'Stop' : 'Start');
    power.setAttribute('aria-label', `${running ? 'Stop' : 'Start'} ${name}`);
    part('.routes').setAttribute('aria-pressed', String(registered));
    const permission = /** @type {HTMLSelectElement} */ (part('.permission'));
    if (document.activeElement !== permission) permission.value = String(broker.permission);
    replicas(part('.replicas'), broker, page);
  };

  store.onState(({ cluster }) => {
    const { namesrvAddr, persona, version } = cluster;
    setText(servers, `name server ${namesrvAddr} · RocketMQ ${persona}, version ${version}`);
    keyed(list, cluster.brokers, (broker) => broker.name, create, update);
  });
}

/** @param {import('../actions.js').Page} page */
function additionForm({ api }) {
  const name = h('input', { maxlength: 255, placeholder: 'the next one' });
  const copies = h('input', { type: 'number', min: 0, max: 9, value: 0, required: true });
  const form = h('form', { class: 'inline ruled' }, field('New broker', name), field('Replicas', copies), h('button', {}, 'Add broker')); // prettier-ignore
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const wanted = { replicas: Number(copies.value), ...(name.value !== '' && { name: name.value }) };
    void attempt(
      () => api.call('POST', '/api/brokers', wanted),
      (added) => {
        name.value = '';
        return `${added.name} was added; it has no topics yet`;
      },
    );
  });
  return form;
}
