// @ts-check
import { h, keyed, setText } from '../dom.js';
import { duration } from '../format.js';

/**
 * Messages that wait to be seen.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function delayed(root, { store }) {
  const list = h('ul', { class: 'lines' });
  const none = h('p', { class: 'hint' }, 'None waits.');
  root.append(h('h2', { id: 'delayed-title' }, 'Delayed messages'), none, list);
  const show = () => {
    const waiting = (store.state?.delayed ?? []).slice(0, 50);
    none.hidden = waiting.length > 0;
    keyed(
      list,
      waiting,
      (message) => `${message.broker} ${message.msgId} ${message.dueAt}`,
      (message) => h('li', {}, h('strong', {}, message.topic), ` queue ${message.queueId} `, h('span', { class: 'mono' }, message.msgId.slice(-8)), h('span', { class: 'end' })), // prettier-ignore
      (row, message) =>
        setText(/** @type {Element} */ (row.lastElementChild), `in ${duration(message.dueAt - store.now())}`),
    );
  };
  store.onState(show);
  setInterval(show, 500);
}
