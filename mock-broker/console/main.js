// @ts-check
/** The console of a mock cluster: draws what the control plane tells, and asks it to change things. */

import { Api } from './api.js';
import { announce } from './actions.js';
import { field, h, setText } from './dom.js';
import { Store } from './store.js';
import { brokers } from './views/brokers.js';
import { clock } from './views/clock.js';
import { deadLetters } from './views/dead-letters.js';
import { delayed } from './views/delayed.js';
import { faults } from './views/faults.js';
import { journal } from './views/journal.js';
import { nameServers } from './views/name-servers.js';
import { queues } from './views/queues.js';
import { send } from './views/send.js';
import { theme } from './views/theme.js';
import { tiles } from './views/tiles.js';
import { violations } from './views/violations.js';

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Asks for the token until one is given. */
function askToken() {
  const dialog = /** @type {HTMLDialogElement} */ (byId('token'));
  const input = h('input', { type: 'password', autocomplete: 'off', required: true });
  return new Promise((/** @type {(token: string) => void} */ resolve) => {
    const form = h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'token-title' }, 'Token'),
      h('p', { class: 'hint' }, 'This cluster was started with a token. It is kept until this tab is closed.'),
      field('Token', input),
      h('div', { class: 'row' }, h('button', { class: 'primary' }, 'Continue')),
    );
    form.addEventListener('submit', () => resolve(input.value.trim()));
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.replaceChildren(form);
    if (!dialog.open) dialog.showModal();
  });
}

/** Requests that are refused at the same time ask once. */
/** @type {Promise<string> | undefined} */
let asking;
const api = new Api(() => {
  asking ??= askToken().finally(() => (asking = undefined));
  return asking;
});
const store = new Store();
const page = { api, store };

theme(byId('theme'));
tiles(byId('tiles'), page);
clock(byId('clock'), page);
queues(byId('queues'), /** @type {HTMLDialogElement} */ (byId('messages')), page);
const journalView = journal(byId('journal'), page);
deadLetters(byId('dead-letters'), page);
brokers(byId('brokers'), page);
nameServers(byId('name-servers'), page);
const violationsView = violations(byId('violations'), page);
faults(byId('faults'), page);
send(byId('send'), page);
delayed(byId('delayed'), page);

let wasUp = false;
void api.listen({
  onLink(isUp) {
    const link = byId('link');
    link.dataset.state = isUp ? 'up' : 'down';
    setText(link, isUp ? 'live' : 'not connected');
    if (isUp) {
      journalView.reload();
      violationsView.reload();
    } else if (wasUp) announce('The connection to the cluster was lost', true);
    wasUp = isUp;
  },
  onEvent(type, data) {
    if (type === 'state') store.put(data);
    else if (type === 'journal') journalView.add(data);
    else if (type === 'violation') {
      violationsView.add(data);
      announce(`Violation: ${data.message}`, true);
    }
  },
});
