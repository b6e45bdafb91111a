// @ts-check
import { attempt, path } from '../actions.js';
import { field, h, keyed, setText } from '../dom.js';
import { plural } from '../format.js';
import { actionFields, readFields } from './fault-fields.js';

/** @typedef {import('../../faults/schema.js').FaultDescription} Fault */
/** @typedef {{ key: string, rule: Record<string, unknown>, fault: Fault | undefined }} Switch */

/** What an action is mostly about. */
const USUAL_CODES = /** @type {Record<string, string>} */ ({
  lock: 'LOCK_BATCH_MQ',
  offset: 'UPDATE_CONSUMER_OFFSET',
  members: 'GET_CONSUMER_LIST_BY_GROUP',
  pull: 'PULL_MESSAGE',
  corrupt: 'PULL_MESSAGE',
});

/** What rules match by, and how often they fire; the control plane says which are numbers. */
const MATCHERS = /** @type {const} */ (['broker', 'group', 'topic', 'queueId', 'clientId', 'connection', 'times', 'after', 'probability', 'seed']); // prettier-ignore
const LABELS = /** @type {Record<string, string>} */ ({
  broker: 'Broker',
  group: 'Group',
  topic: 'Topic',
  queueId: 'Queue',
  clientId: 'Client',
  connection: 'Connection',
  times: 'How often',
  after: 'Let pass first',
  probability: 'Probability',
  seed: 'Seed',
});

/**
 * What goes wrong on purpose: a list of switches, and a form that knows every action from the control plane's own
 * description.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function faults(root, { api, store }) {
  /** Rules that were switched off here, to be switched on again. @type {Map<string, Record<string, unknown>>} */
  const off = new Map();
  const list = h('ul', { class: 'faults' });
  const none = h('p', { class: 'hint' }, 'None: everything goes as it should.');
  const type = h('select', {});
  const code = h('input', { list: 'codes', placeholder: 'any request' });
  const fields = h('div', { class: 'grid wide' });
  const matchers = h('div', { class: 'grid' });
  const explanation = h('p', { class: 'hint wide' });
  const form = h(
    'form',
    { class: 'grid' },
    field('What happens', type),
    field('To requests', code),
    explanation,
    fields,
    h('details', { class: 'wide' }, h('summary', {}, 'Only some of them'), matchers),
    h('div', { class: 'row wide' }, h('button', { class: 'primary' }, 'Add fault'), h('button', { type: 'button', onclick: () => void clear() }, 'Remove all')), // prettier-ignore
  );
  const codes = h('datalist', { id: 'codes' });
  root.append(h('h2', { id: 'faults-title' }, 'Faults'), none, list, form, codes);

  const clear = async () => {
    off.clear();
    await attempt(() => api.call('DELETE', '/api/faults'), 'All faults were removed');
    store.refresh();
  };

  void api.get('/openapi.json').then((document) => {
    const rule = document.paths['/api/faults'].post.requestBody.content['application/json'].schema;
    /** @type {Map<string, import('./fault-fields.js').Schema>} */
    const actions = new Map(rule.properties.action.anyOf.map((/** @type {any} */ action) => [action.properties.type.const, action])); // prettier-ignore
    type.append(...[...actions.keys()].map((name) => h('option', { value: name }, name)));
    const matcherFields = Object.fromEntries(MATCHERS.map((name) => [name, { ...rule.properties[name], label: LABELS[name] }])); // prettier-ignore
    matchers.append(...actionFields({ properties: matcherFields, required: [] }));
    const show = () => {
      const action = actions.get(type.value);
      if (action === undefined) return;
      setText(explanation, action.description ?? '');
      fields.replaceChildren(...actionFields(action));
      code.value = USUAL_CODES[type.value] ?? '';
      code.disabled = type.value === 'refuse';
    };
    type.addEventListener('change', show);
    show();
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const action = { type: type.value, ...readFields(fields) };
      const added = { ...(code.value !== '' && { code: readCodes(code.value) }), ...readFields(matchers), action };
      void attempt(() => api.call('POST', '/api/faults', added), (fault) => `Fault ${fault.id} is on`); // prettier-ignore
    });
  });
  codes.append(...CODES.map((value) => h('option', { value })));

  /** @param {Switch} one */
  const create = ({ key, rule }) => {
    const name = describe(rule);
    const toggle = h('button', { role: 'switch', class: 'switch', 'aria-label': name });
    toggle.addEventListener('click', async () => {
      if (off.has(key)) {
        const added = await attempt(() => api.call('POST', '/api/faults', rule), (fault) => `Fault ${fault.id} is on`); // prettier-ignore
        if (added !== undefined) off.delete(key);
      } else {
        // It goes when the cluster says so, and stays here.
        off.set(key, rule);
        await attempt(() => api.call('DELETE', path`/api/faults/${key}`), `Fault ${key} is off`);
      }
      store.refresh();
    });
    const isFunction = JSON.stringify(rule).includes('"[function]"');
    return h(
      'li',
      { class: 'row' },
      toggle,
      h('span', { class: 'rule' }, name),
      h('span', { class: 'hits hint' }),
      h('button', { class: 'quiet', 'aria-label': `Remove ${name}`, onclick: () => void remove(key) }, 'Remove'),
      isFunction && h('span', { class: 'unseen' }, 'made by a program'),
    );
  };
  /** @param {string} key */
  const remove = async (key) => {
    if (!off.delete(key)) await attempt(() => api.call('DELETE', path`/api/faults/${key}`), `Fault ${key} was removed`);
    store.refresh();
  };
  store.onState((state) => {
    /** @type {Switch[]} */
    const switches = [
      ...state.faults.map((fault) => ({ key: fault.id, rule: fault.rule, fault })),
      ...[...off].filter(([key]) => !state.faults.some((fault) => fault.id === key)).map(([key, rule]) => ({ key, rule, fault: undefined })), // prettier-ignore
    ];
    none.hidden = switches.length > 0;
    keyed(
      list,
      switches,
      (one) => one.key,
      create,
      (row, { fault }) => {
        row.querySelector('.switch')?.setAttribute('aria-checked', String(fault !== undefined));
        setText(
          /** @type {Element} */ (row.querySelector('.hits')),
          fault === undefined ? 'off' : plural(fault.hits, 'hit'),
        );
      },
    );
  });
}

/** @param {string} text */
function readCodes(text) {
  const codes = text.split(/[\s,]+/).filter((code) => code !== '').map((code) => (/^\d+$/.test(code) ? Number(code) : code)); // prettier-ignore
  return codes.length === 1 ? codes[0] : codes;
}

/** @param {Record<string, unknown>} rule `lock refuse · LOCK_BATCH_MQ · group billing` */
function describe({ code, action, ...matchers }) {
  const { type, ...details } = /** @type {Record<string, unknown>} */ (action);
  /** @param {unknown} value */
  const text = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  const what = [type, ...Object.entries(details).map(([name, value]) => (name === 'do' || name === 'what' || name === 'when' ? text(value) : `${name} ${text(value)}`))].join(' '); // prettier-ignore
  return [what, ...(code === undefined ? [] : [text(code)]), ...Object.entries(matchers).map(([name, value]) => `${name} ${text(value)}`)].join(' · '); // prettier-ignore
}

/** To choose from; any other number does as well. */
const CODES = [
  'LOCK_BATCH_MQ', 'UNLOCK_BATCH_MQ', 'PULL_MESSAGE', 'LITE_PULL_MESSAGE', 'SEND_MESSAGE', 'SEND_MESSAGE_V2', 'SEND_BATCH_MESSAGE',
  'QUERY_CONSUMER_OFFSET', 'UPDATE_CONSUMER_OFFSET', 'GET_CONSUMER_LIST_BY_GROUP', 'NOTIFY_CONSUMER_IDS_CHANGED', 'HEART_BEAT',
  'UNREGISTER_CLIENT', 'CONSUMER_SEND_MSG_BACK', 'GET_ROUTEINFO_BY_TOPIC', 'GET_MAX_OFFSET', 'GET_MIN_OFFSET', 'SEARCH_OFFSET_BY_TIMESTAMP',
]; // prettier-ignore
