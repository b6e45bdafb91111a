// @ts-check
import { h, keyed, setText } from '../dom.js';
import { count, plural } from '../format.js';

/** @typedef {{ name: string, value: number, hint: string, isBad?: boolean }} Tile */

/**
 * The numbers to see first.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function tiles(root, { store }) {
  const list = h('dl', {});
  root.append(list);
  store.onState((state) => {
    const { cluster, topics, groups, pulls, faults } = state;
    const normal = topics.filter((topic) => topic.kind === 'normal');
    const running = cluster.brokers.filter((broker) => broker.running).length;
    const members = groups.reduce((sum, group) => sum + group.members.length, 0);
    const dead = groups.reduce((sum, group) => sum + group.deadLetters, 0);
    const violations = cluster.violations;
    /** @type {Tile[]} */
    const shown = [
      {
        name: 'Brokers up',
        value: running,
        hint: `of ${cluster.brokers.length}`,
        isBad: running < cluster.brokers.length,
      },
      {
        name: 'Messages',
        value: normal.reduce((sum, topic) => sum + topic.messages, 0),
        hint: `in ${plural(normal.length, 'topic')}`,
      },
      {
        name: 'Lag',
        value: groups.reduce((sum, group) => sum + group.lag, 0),
        hint: `of ${plural(groups.length, 'group')}`,
      },
      { name: 'Consumers', value: members, hint: `${pulls.length} pulls wait` },
      { name: 'Dead letters', value: dead, hint: 'in all groups', isBad: dead > 0 },
      { name: 'Faults', value: faults.length, hint: 'switched on', isBad: faults.length > 0 },
      { name: 'Violations', value: violations, hint: 'of the rules of order', isBad: violations > 0 },
    ];
    keyed(
      list,
      shown,
      (tile) => tile.name,
      (tile) =>
        h('div', { class: 'tile' }, h('dt', {}, tile.name), h('dd', { class: 'value' }), h('dd', { class: 'hint' })),
      (row, tile) => {
        row.classList.toggle('bad', tile.isBad === true);
        setText(/** @type {Element} */ (row.children[1]), count(tile.value));
        setText(/** @type {Element} */ (row.children[2]), tile.hint);
      },
    );
  });
}
