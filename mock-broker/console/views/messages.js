// @ts-check
import { attempt, path } from '../actions.js';
import { h } from '../dom.js';
import { bodyText, count, time } from '../format.js';

/** @typedef {import('../../admin/schemas.js').MessageView} Message */

const PAGE = 20;
const SHOWN_CHARACTERS = 2000;

/**
 * The messages of a queue, a page at a time.
 *
 * @param {HTMLDialogElement} dialog
 * @param {import('../actions.js').Page} page
 * @returns {(queue: { topic: string, broker: string, queueId: number, minOffset: number, maxOffset: number }) => void}
 */
export function messages(dialog, { api }) {
  const title = h('h2', { id: 'messages-title' });
  const list = h('ol', { class: 'messages' });
  const older = h('button', { type: 'button' }, 'Older');
  const newer = h('button', { type: 'button' }, 'Newer');
  const close = h('button', { type: 'button', class: 'primary', onclick: () => dialog.close() }, 'Close');
  dialog.append(title, list, h('div', { class: 'row' }, older, newer, h('span', { class: 'end' }, close)));

  /** @type {{ topic: string, broker: string, queueId: number }} */
  let queue = { topic: '', broker: '', queueId: 0 };
  let from = 0;
  const load = async () => {
    const { topic, broker, queueId } = queue;
    const place = path`/api/topics/${topic}/messages?broker=${broker}&queueId=${queueId}&from=${from}&limit=${PAGE}`;
    const answer = await attempt(() => api.get(place), `Messages from ${from} on`);
    if (answer === undefined) return;
    list.replaceChildren(...answer.items.map(messageRow));
    if (answer.items.length === 0) list.append(h('li', { class: 'hint' }, 'No messages here.'));
    older.disabled = from === 0;
    newer.disabled = answer.next === null;
  };
  older.addEventListener('click', () => {
    from = Math.max(0, from - PAGE);
    void load();
  });
  newer.addEventListener('click', () => {
    from += PAGE;
    void load();
  });
  return (chosen) => {
    queue = chosen;
    from = Math.max(chosen.minOffset, chosen.maxOffset - PAGE);
    title.textContent = `${chosen.topic} · ${chosen.broker} · queue ${chosen.queueId}`;
    list.replaceChildren();
    dialog.showModal();
    void load();
  };
}

/** @param {Message} message */
export function messageRow(message) {
  const { offset, msgId, keys, tags, shardingKey, properties, storeTimestamp, body, reconsumeTimes } = message;
  /** @type {[string, string][]} */
  const facts = [
    ['id', msgId],
    ['stored', time(storeTimestamp)],
    ...(reconsumeTimes > 0 ? [/** @type {[string, string]} */ (['tried again', String(reconsumeTimes)])] : []),
    ...Object.entries(properties),
  ];
  return h(
    'li',
    {},
    h(
      'details',
      {},
      h(
        'summary',
        {},
        h('span', { class: 'mono' }, `#${count(offset)}`),
        shardingKey !== null && h('span', { class: 'tag' }, shardingKey),
        tags !== null && h('span', { class: 'tag' }, tags),
        ...keys.map((key) => h('span', { class: 'tag' }, key)),
        h('span', { class: 'body' }, bodyText(body, 120)),
      ),
      h('pre', {}, bodyText(body, SHOWN_CHARACTERS)),
      h('dl', { class: 'facts' }, ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', { class: 'mono' }, value)])), // prettier-ignore
    ),
  );
}
