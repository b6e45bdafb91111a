// @ts-check
import { attempt, path } from '../actions.js';
import { chart } from '../charts.js';
import { field, h, keyed, setOptions, setText } from '../dom.js';
import { count, plural, shortId } from '../format.js';
import { createLane, updateLane } from './lane.js';
import { messages } from './messages.js';

/** @typedef {import('../api.js').State} State */
/** @typedef {import('../api.js').State['groups'][number]['queues'][number]} GroupQueue */
/** @typedef {GroupQueue & { waits: boolean }} Lane */

const NO_GROUP = '(no group)';
/** A chart has room for so many samples at first, and is drawn closer as more come. */
const MIN_POINTS = 20;

/**
 * The queues of a topic with the messages in them, and how far a group is.
 *
 * @param {HTMLElement} root
 * @param {HTMLDialogElement} dialog
 * @param {import('../actions.js').Page} page
 */
export function queues(root, dialog, page) {
  const { store } = page;
  const showMessages = messages(dialog, page);
  const topics = h('select', {});
  const groups = h('select', {});
  const members = h('p', { class: 'hint members' });
  const lanes = h('ol', { class: 'lanes' });
  const empty = h('p', { class: 'hint' }, 'No topic yet. Make one under Send, or start a client.');
  const charts = h('div', { class: 'charts' });
  const reset = resetForm(page, () => ({ group: groups.value, topic: topics.value }));
  root.append(
    h('h2', { id: 'queues-title' }, 'Queues'),
    h('div', { class: 'inline' }, field('Topic', topics), field('Group', groups), reset),
    members,
    legend(),
    empty,
    lanes,
    charts,
  );
  topics.addEventListener('change', () => store.refresh());

  /** What a person chose stays; else the first group that consumes the topic is shown. */
  let isGroupChosen = false;
  groups.addEventListener('change', () => {
    isGroupChosen = true;
    store.refresh();
  });

  /** @param {Lane} lane as it was when its row was made */
  const current = ({ topic, broker, queueId }) => {
    const queue = store.state?.topics
      .find(({ name }) => name === topic)
      ?.queues.find((one) => one.broker === broker && one.queueId === queueId);
    return { topic, broker, queueId, minOffset: queue?.minOffset ?? 0, maxOffset: queue?.maxOffset ?? 0 };
  };

  const show = () => {
    const { state } = store;
    if (state === undefined) return;
    setOptions(topics, inOrder(state).map((topic) => topic.name)); // prettier-ignore
    const topic = state.topics.find(({ name }) => name === topics.value);
    setOptions(groups, [...state.groups.map((group) => group.name), NO_GROUP]);
    if (!isGroupChosen) {
      const consuming = state.groups.find((group) => group.queues.some((queue) => queue.topic === topics.value));
      groups.value = consuming?.name ?? NO_GROUP;
    }
    const group = state.groups.find(({ name }) => name === groups.value);
    reset.hidden = group === undefined;
    empty.hidden = topic !== undefined;
    setText(members, describeMembers(group));
    /** @type {Lane[]} */
    const shown = (topic?.queues ?? []).map((queue) => {
      const own = group?.queues.find((one) => one.topic === topic?.name && one.broker === queue.broker && one.queueId === queue.queueId); // prettier-ignore
      const waits = state.pulls.some((pull) => pull.topic === topic?.name && pull.broker.split('/')[0] === queue.broker && pull.queueId === queue.queueId); // prettier-ignore
      const nothing = { committed: null, delivered: null, lag: 0, lock: null };
      return { topic: topic?.name ?? '', ...nothing, ...own, ...queue, waits };
    });
    const now = store.now();
    const samples = group === undefined ? [] : store.samples(group.name, topics.value);
    keyed(
      lanes,
      shown,
      (lane) => `${lane.topic} ${lane.broker} ${lane.queueId}`,
      (lane) => createLane(lane, () => showMessages(current(lane))),
      (row, lane) => {
        const history = samples.map((sample) => sample.byQueue.get(`${lane.broker} ${lane.queueId}`) ?? 0);
        updateLane(row, lane, { hasGroup: group !== undefined, now, expiryMs: state.cluster.lockExpiryMs, history });
      },
    );
  };
  const draw = () => {
    const samples = store.samples(groups.value, topics.value);
    charts.hidden = samples.length < 2;
    if (charts.hidden) return;
    const rate = (/** @type {'stored' | 'committed'} */ name) => samples.slice(1).map((sample, at) => Math.max(0, sample[name] - (samples[at]?.[name] ?? 0))); // prettier-ignore
    const stored = rate('stored');
    const committed = rate('committed');
    const size = { width: 300, height: 56, points: Math.max(MIN_POINTS, samples.length) };
    charts.replaceChildren(
      figure('Lag', count(samples.at(-1)?.lag ?? 0), chart([{ className: 'lag', values: samples.map(({ lag }) => lag) }], size)),
      figure(
        'Messages a second',
        `${count(stored.at(-1) ?? 0)} stored, ${count(committed.at(-1) ?? 0)} committed`,
        chart([{ className: 'stored', values: stored }, { className: 'committed', values: committed }], size),
      ),
    ); // prettier-ignore
  };
  store.onState(show);
  // Leases run down, and charts go on, when nothing happens.
  setInterval(() => {
    show();
    draw();
  }, 1000);
}

/** @param {State} state topics of people first, then what brokers made */
function inOrder({ topics }) {
  return [...topics].sort((a, b) => Number(a.kind !== 'normal') - Number(b.kind !== 'normal'));
}

/** @param {State['groups'][number] | undefined} group */
function describeMembers(group) {
  if (group === undefined) return '';
  if (group.members.length === 0) return `${group.name} has no members now.`;
  const ids = group.members.map((member) => shortId(member.clientId)).join(', ');
  return `${plural(group.members.length, 'member')}: ${ids}`;
}

function legend() {
  /** @param {string} state @param {string} text */
  const entry = (state, text) =>
    h('li', {}, h('span', { class: 'cell', 'data-state': state, 'aria-hidden': true }), text);
  return h('ul', { class: 'legend' }, entry('stored', 'stored'), entry('delivered', 'delivered'), entry('committed', 'committed')); // prettier-ignore
}

/** @param {string} title @param {string} value @param {Element} drawing */
function figure(title, value, drawing) {
  return h('figure', {}, h('figcaption', {}, h('span', {}, title), h('strong', {}, value)), drawing);
}

/**
 * @param {import('../actions.js').Page} page
 * @param {() => { group: string, topic: string }} chosen
 */
function resetForm({ api }, chosen) {
  const where = h('select', {}, h('option', { value: 'first' }, 'the first message'), h('option', { value: 'last' }, 'the end')); // prettier-ignore
  const form = h('form', { class: 'inline' }, field('Consume again from', where), h('button', {}, 'Reset offsets'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { group, topic } = chosen();
    const timestamp = where.value === 'first' ? 0 : -1;
    void attempt(
      () => api.call('POST', path`/api/groups/${group}/reset`, { topic, mode: 'server', timestamp }),
      (answer) => `${group} goes on elsewhere in ${plural(answer.items.length, 'queue')} with its next pulls`,
    );
  });
  return form;
}
