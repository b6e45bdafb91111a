// @ts-check
import { h, keyed } from '../dom.js';
import { time } from '../format.js';

/**
 * What the watchdogs found.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function violations(root, { api }) {
  /** @type {import('../api.js').Violation[]} */
  let found = [];
  const list = h('ul', { class: 'findings' });
  const none = h('p', { class: 'hint' }, 'None. One owner a queue, and offsets only go ahead.');
  root.append(h('h2', { id: 'violations-title' }, 'Violations'), none, list);
  const show = () => {
    none.hidden = found.length > 0;
    keyed(
      list,
      found.slice(-50).reverse(),
      (violation) => `${violation.at} ${violation.kind} ${violation.message}`,
      (violation) =>
        h(
          'li',
          {},
          h('strong', {}, violation.kind),
          h('span', { class: 'end mono' }, time(violation.at)),
          h('p', {}, violation.message),
          violation.entries.length > 0 && h('p', { class: 'hint' }, `journal ${violation.entries.map((seq) => `#${seq}`).join(', ')}`), // prettier-ignore
        ),
    );
  };
  return {
    /** @param {import('../api.js').Violation} violation */
    add(violation) {
      found.push(violation);
      show();
    },
    async reload() {
      found = (await api.get('/api/violations')).items;
      show();
    },
  };
}
