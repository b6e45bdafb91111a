// @ts-check
import { attempt, path } from '../actions.js';
import { field, h, keyed, setOptions } from '../dom.js';
import { bodyText, count, time } from '../format.js';

/** @typedef {import('../../admin/schemas.js').DeadLetterView} DeadLetter */

/**
 * What a group gave up on, with its history, to be stored once more.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function deadLetters(root, { api, store }) {
  const groups = h('select', {});
  const chooser = h('div', { class: 'inline' }, field('Group', groups));
  const none = h('p', { class: 'hint' }, 'None: no group has given up on a message.');
  const list = h('ul', { class: 'letters', tabindex: 0, 'aria-label': 'Dead letters, the newest first' });
  root.append(h('h2', { id: 'dead-letters-title' }, 'Dead letters'), chooser, none, list);
  groups.addEventListener('change', () => void load());

  /** What the list was loaded for: asked again only when something may have changed. */
  let loadedFor = '';
  const load = async () => {
    if (groups.value === '') return;
    const { items } = await api.get(path`/api/groups/${groups.value}/dead-letters?limit=50`);
    keyed(list, /** @type {DeadLetter[]} */ (items), keyOf, create, update);
  };
  /** @param {DeadLetter} letter */
  const create = ({ message }) =>
    h(
      'li',
      { class: 'letter' },
      h(
        'div',
        { class: 'row' },
        h('span', { class: 'body' }, bodyText(message.body, 120)),
        message.shardingKey !== null && h('span', { class: 'tag' }, message.shardingKey),
        h('button', { class: 'end', 'aria-label': `Replay ${bodyText(message.body, 40)}`, onclick: () => void replay(message) }, 'Replay'), // prettier-ignore
      ),
      h('ol', { class: 'history' }),
    );
  /** @param {HTMLElement} row @param {DeadLetter} letter */
  const update = (row, { history }) => {
    keyed(
      /** @type {HTMLElement} */ (row.querySelector('.history')),
      history,
      (event) => `${event.what} ${event.broker} ${event.queueId} ${event.offset}`,
      (event) =>
        h(
          'li',
          { 'data-what': event.what },
          h('strong', {}, event.what),
          ` ${event.topic} queue ${event.queueId} at ${count(event.offset)}`,
          event.reconsumeTimes > 0 && `, reconsumeTimes ${event.reconsumeTimes}`,
          h('span', { class: 'mono end' }, time(event.at)),
        ),
    );
  };
  /** @param {DeadLetter['message']} message */
  const replay = async ({ broker, queueId, offset }) => {
    await attempt(
      () => api.call('POST', path`/api/groups/${groups.value}/dead-letters/replay`, { broker, queueId, offset }),
      (stored) => `Stored again in ${stored.topic}, ${stored.broker} queue ${stored.queueId} at ${stored.offset}`,
    );
    await load();
  };

  store.onState((state) => {
    const withLetters = state.groups.filter((group) => group.deadLetters > 0);
    setOptions(groups, withLetters.map((group) => group.name)); // prettier-ignore
    none.hidden = withLetters.length > 0;
    chooser.hidden = withLetters.length === 0;
    list.hidden = withLetters.length === 0;
    const key = JSON.stringify([groups.value, withLetters.map((group) => [group.deadLetters, group.queues.map((queue) => queue.maxOffset)])]); // prettier-ignore
    if (key === loadedFor) return;
    loadedFor = key;
    void load().catch(() => (loadedFor = ''));
  });
}

/** @param {DeadLetter} letter */
function keyOf({ message }) {
  return `${message.topic} ${message.broker} ${message.queueId} ${message.offset}`;
}
