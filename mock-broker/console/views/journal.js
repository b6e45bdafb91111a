// @ts-check
import { attempt } from '../actions.js';
import { field, h, keyed, setText } from '../dom.js';
import { bodyText, shortId, time } from '../format.js';

/** @typedef {import('../api.js').JournalEntry} Entry */

const SHOWN = 200;
/** Frames come in bursts: a filter is asked once for all of them. */
const RELOAD_MS = 300;
const DRAW_MS = 100;

/**
 * The frames that came and went, the newest first.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function journal(root, { api }) {
  const filters = {
    code: h('input', { placeholder: 'LOCK_BATCH_MQ or 41', list: 'codes', size: 16 }),
    broker: h('input', { placeholder: 'broker-a, namesrv', size: 12 }),
    clientId: h('input', { size: 12 }),
    group: h('input', { size: 10 }),
    topic: h('input', { size: 10 }),
    queueId: h('input', { type: 'number', min: 0, max: 16_383 }),
    direction: h('select', {}, h('option', { value: '' }, 'both'), h('option', { value: 'in' }, 'received'), h('option', { value: 'out' }, 'sent')), // prettier-ignore
    kind: h('select', {}, ...[['', 'all'], ['request', 'requests'], ['oneway', 'one-way'], ['response', 'answers']].map(([value, label]) => h('option', { value }, label))), // prettier-ignore
  };
  const pause = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause');
  const clear = h('button', { type: 'button' }, 'Clear');
  const list = h('ol', { class: 'journal', tabindex: 0, 'aria-label': 'Frames, the newest first' });
  const form = h(
    'form',
    { class: 'inline filters', role: 'search', 'aria-label': 'Filter of the journal' },
    field('Code', filters.code),
    field('Broker', filters.broker),
    field('Client', filters.clientId),
    field('Group', filters.group),
    field('Topic', filters.topic),
    field('Queue', filters.queueId),
    field('Direction', filters.direction),
    field('Kind', filters.kind),
    h('div', { class: 'row' }, h('button', {}, 'Apply'), h('button', { type: 'reset' }, 'Show all'), pause, clear),
  );
  const missed = h('p', { class: 'hint' });
  root.append(h('h2', { id: 'journal-title' }, 'Journal'), form, missed, list);

  /** @type {Entry[]} */
  let entries = [];
  let query = '';
  let isPaused = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let drawing;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let reloading;

  const draw = () => {
    clearTimeout(drawing);
    drawing = undefined;
    entries = entries.slice(-SHOWN);
    keyed(list, [...entries].reverse(), (entry) => String(entry.seq), entryRow, updateRow);
    missed.textContent =
      entries.length === 0 ? 'No such frame yet.' : isPaused ? 'Paused: what comes is not shown.' : '';
  };
  const reload = async () => {
    clearTimeout(reloading);
    reloading = undefined;
    const { items } = await api.get(`/api/journal?limit=${SHOWN}${query}`);
    entries = items;
    draw();
  };
  const apply = () => {
    const set = Object.entries(filters).filter(([, input]) => input.value.trim() !== '');
    query = set.map(([name, input]) => `&${name}=${encodeURIComponent(input.value.trim())}`).join('');
    void attempt(reload, set.length === 0 ? 'All frames are shown' : 'Only frames that fit are shown');
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    apply();
  });
  form.addEventListener('reset', () => setTimeout(apply));
  for (const input of [filters.direction, filters.kind]) input.addEventListener('change', apply);
  pause.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.setAttribute('aria-pressed', String(isPaused));
    pause.textContent = isPaused ? 'Go on' : 'Pause';
    void reload();
  });
  clear.addEventListener('click', async () => {
    await attempt(() => api.call('DELETE', '/api/journal'), 'The journal was emptied');
    await reload();
  });

  return {
    /** @param {Entry} entry */
    add(entry) {
      if (isPaused) return;
      // Which frames fit a filter is known where all of them are.
      if (query !== '') {
        reloading ??= setTimeout(() => void reload().catch(() => undefined), RELOAD_MS);
        return;
      }
      if (entry.seq <= (entries.at(-1)?.seq ?? -1)) return;
      // What came of a request is known with its answer.
      const request = entries.findLast(({ seq }) => seq === entry.requestSeq);
      if (request !== undefined) request.effect = entry.effect;
      entries.push(entry);
      drawing ??= setTimeout(draw, DRAW_MS);
    },
    reload: () => void reload().catch(() => undefined),
  };
}

/** @param {Entry} entry */
function entryRow(entry) {
  const isIn = entry.direction === 'in';
  const what = entry.kind === 'response' ? `${entry.name} to ${entry.requestName ?? 'a request'}` : entry.name;
  const isRefused = entry.kind === 'response' && entry.code !== 0;
  const ext = Object.entries(entry.ext);
  return h(
    'li',
    { class: isRefused ? 'refused' : entry.kind },
    h(
      'details',
      {},
      h(
        'summary',
        {},
        h('span', { class: 'mono seq' }, `#${entry.seq}`),
        h('span', { class: 'mono at' }, time(entry.at)),
        h('span', { class: 'way', title: isIn ? 'received' : 'sent' }, h('span', { 'aria-hidden': true }, isIn ? '→' : '←'), h('span', { class: 'unseen' }, isIn ? 'received by' : 'sent by')), // prettier-ignore
        h('span', { class: 'where' }, entry.broker),
        h('span', { class: 'what' }, what),
        h('span', { class: 'effect' }),
      ),
      h(
        'dl',
        { class: 'facts' },
        ...fact('kind', entry.kind),
        ...fact('client', entry.clientId === null ? `connection ${entry.connection}` : `${shortId(entry.clientId)}, connection ${entry.connection}`), // prettier-ignore
        ...fact('opaque', String(entry.opaque)),
        ...(entry.requestSeq === null ? [] : fact('answers', `#${entry.requestSeq}`)),
        ...(entry.remark === null ? [] : fact('remark', entry.remark)),
        ...ext.flatMap(([name, value]) => fact(name, value)),
      ),
      entry.body.length > 0 && h('pre', {}, bodyText(entry.body, 2048)),
    ),
  );
}

/** @param {Element} row @param {Entry} entry */
function updateRow(row, entry) {
  setText(/** @type {Element} */ (row.querySelector('.effect')), entry.effect ?? entry.remark ?? '');
}

/** @param {string} name @param {string} value */
function fact(name, value) {
  return [h('dt', {}, name), h('dd', { class: 'mono' }, value)];
}
