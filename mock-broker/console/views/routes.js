// @ts-check
import { attempt, path } from '../actions.js';
import { field, h, keyed, setOptions, setText } from '../dom.js';
import { plural } from '../format.js';

/** @typedef {import('../../admin/schemas.js').RouteView} Route */

const AS_IT_IS = 'how it is';
const NOTHING = 'no such topic';
const FEWER = 'so many queues';

/**
 * What one name server says of a topic, and a form to have it say something else.
 *
 * @param {number} nameServer
 * @param {string} name
 * @param {import('../actions.js').Page} page
 */
export function routes(nameServer, name, { api, store }) {
  const topics = h('select', {});
  const says = h('p', { class: 'hint says' });
  const wanted = h('select', {});
  const count = h('input', { type: 'number', min: 0, max: 16_384, value: 1, required: true });
  const counted = field('Queues', count);
  const form = h('form', { class: 'inline' }, field('Topic', topics), field('Says', wanted), counted, h('button', { 'aria-label': `Have ${name} say so` }, 'Apply')); // prettier-ignore
  const own = h('ul', { class: 'lines' });
  const details = h('details', { class: 'own-routes' }, h('summary', { 'aria-label': `Routes of ${name}` }, 'Routes'), form, says, own); // prettier-ignore
  /** What it says now. @type {Route | null} */
  let route = null;

  /** @param {string} topic */
  const pathOf = (topic) => path`/api/name-servers/${nameServer}/routes/${topic}`;
  const showCount = () => (counted.hidden = wanted.value !== FEWER);
  const load = async () => {
    const topic = topics.value;
    if (!details.open || topic === '') return;
    /** @type {{ route: Route | null } | undefined} */
    const answer = await api.get(pathOf(topic)).catch(() => undefined);
    if (answer === undefined || topics.value !== topic) return;
    ({ route } = answer);
    setText(says, `${topic}: ${describe(route)}`);
    const names = route?.brokerDatas.map(({ brokerName }) => `without ${brokerName}`) ?? [];
    setOptions(wanted, [AS_IT_IS, NOTHING, ...(route === null ? [] : [FEWER]), ...names]);
    showCount();
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const topic = topics.value;
    if (wanted.value === AS_IT_IS) await takeBack(topic);
    else {
      const change = { route: changed(route, wanted.value, Number(count.value)) };
      await attempt(
        () => api.call('PUT', pathOf(topic), change),
        `${name} says of ${topic}: ${describe(change.route)}`,
      );
    }
    await load();
  });
  /** @param {string} topic */
  const takeBack = async (topic) => {
    await attempt(() => api.call('DELETE', pathOf(topic)), `${name} says of ${topic} how it is`);
    await load();
  };
  topics.addEventListener('change', () => void load());
  wanted.addEventListener('change', showCount);
  details.addEventListener('toggle', () => void load());
  store.onState(({ cluster, topics: all }) => {
    setOptions(topics, all.filter(({ kind }) => kind === 'normal').map((topic) => topic.name)); // prettier-ignore
    keyed(
      own,
      cluster.nameServers[nameServer]?.overrides ?? [],
      (topic) => topic,
      (topic) => h('li', {}, h('strong', {}, topic), h('span', { class: 'hint' }, 'another view'), h('button', { class: 'quiet end', 'aria-label': `Have ${name} say of ${topic} how it is`, onclick: () => void takeBack(topic) }, 'Take back')), // prettier-ignore
    );
    void load();
  });
  return details;
}

/**
 * @param {Route | null} route
 * @param {string} wanted
 * @param {number} count
 * @returns {Route | null}
 */
function changed(route, wanted, count) {
  if (route === null || wanted === NOTHING) return null;
  if (wanted === FEWER) {
    const numbers = { readQueueNums: count, writeQueueNums: count };
    return { ...route, queueDatas: route.queueDatas.map((data) => ({ ...data, ...numbers })) };
  }
  /** @param {{ brokerName: string }} data */
  const stays = ({ brokerName }) => wanted !== `without ${brokerName}`;
  return { ...route, queueDatas: route.queueDatas.filter(stays), brokerDatas: route.brokerDatas.filter(stays) };
}

/** @param {Route | null} route `broker-a 4 queues, broker-b 2 queues to read` */
function describe(route) {
  if (route === null) return NOTHING;
  if (route.queueDatas.length === 0) return 'no queues';
  return route.queueDatas
    .map(({ brokerName, readQueueNums, writeQueueNums }) => {
      const written = readQueueNums === writeQueueNums ? '' : `, ${writeQueueNums} to write`;
      return `${brokerName} ${plural(readQueueNums, 'queue')}${written}`;
    })
    .join('; ');
}
