// @ts-check
import { attempt, path } from '../actions.js';
import { field, h, setOptions } from '../dom.js';
import { plural } from '../format.js';

/**
 * A form to send messages.
 *
 * @param {HTMLElement} root
 * @param {import('../actions.js').Page} page
 */
export function send(root, { api, store }) {
  const topics = h('select', { required: true });
  const body = h('textarea', { rows: 3 }, 'hello');
  const shardingKey = h('input', { placeholder: 'chooses the queue' });
  const tags = h('input', {});
  const keys = h('input', { placeholder: 'separated by spaces' });
  const delay = h('input', { type: 'number', min: 1, max: 18, placeholder: 'none' });
  const times = h('input', { type: 'number', min: 1, max: 1000, value: 1, required: true });
  const form = h(
    'form',
    { class: 'grid' },
    field('Topic', topics),
    field('Sharding key', shardingKey),
    field('Body', body, 'wide'),
    field('Tag', tags),
    field('Keys', keys),
    field('Delay level', delay),
    field('How many', times),
    h('div', { class: 'row wide' }, h('button', { class: 'primary' }, 'Send')),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const message = {
      body: body.value,
      count: Number(times.value),
      ...(shardingKey.value !== '' && { shardingKey: shardingKey.value }),
      ...(tags.value !== '' && { tags: tags.value }),
      ...(keys.value.trim() !== '' && { keys: keys.value.trim().split(/\s+/) }),
      ...(delay.value !== '' && { delayLevel: Number(delay.value) }),
    };
    void attempt(
      () => api.call('POST', path`/api/topics/${topics.value}/messages`, message),
      (answer) => {
        const first = answer.items[0];
        return `${plural(answer.items.length, 'message')} sent, the first to ${first.broker} queue ${first.queueId} at ${first.offset}`;
      },
    );
  });
  const name = h('input', { required: true, maxlength: 127 });
  const queues = h('input', { type: 'number', min: 1, max: 64, value: 4, required: true });
  const create = h(
    'form',
    { class: 'inline' },
    field('New topic', name),
    field('Queues', queues),
    h('button', {}, 'Create'),
  );
  create.addEventListener('submit', (event) => {
    event.preventDefault();
    const topic = { name: name.value, queues: Number(queues.value) };
    void attempt(
      () => api.call('POST', '/api/topics', topic),
      () => {
        name.value = '';
        return `Topic ${topic.name} was made`;
      },
    );
  });
  root.append(h('h2', { id: 'send-title' }, 'Send'), form, create);
  store.onState((state) => {
    setOptions(topics, state.topics.filter((topic) => topic.kind === 'normal').map((topic) => topic.name)); // prettier-ignore
  });
}
