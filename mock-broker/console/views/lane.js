// @ts-check
import { chart } from '../charts.js';
import { h, keyed, setText } from '../dom.js';
import { count, duration, shortId } from '../format.js';

/** One queue: its latest messages as cells that change from stored to delivered to committed. */

/** @typedef {import('./queues.js').Lane} Lane */
/** @typedef {{ hasGroup: boolean, now: number, expiryMs: number, history: readonly number[] }} Context */

/** As many as fit on a wide screen; a narrow one hides the oldest. */
const SHOWN = 48;

/**
 * @param {Lane} lane
 * @param {() => void} showMessages
 */
export function createLane(lane, showMessages) {
  const name = `${lane.broker} · ${lane.queueId}`;
  return h(
    'li',
    { class: 'lane' },
    h(
      'div',
      { class: 'lane-head' },
      h('button', { class: 'name', 'aria-label': `Messages of ${name}`, onclick: showMessages }, name),
      h('span', { class: 'owner' }),
      h('span', { class: 'lease', 'aria-hidden': true }, h('span', { class: 'lease-left' })),
      h('span', { class: 'lease-text mono' }),
    ),
    h('div', { class: 'track', 'aria-hidden': true }),
    h('div', { class: 'lane-foot' }, h('span', { class: 'offsets mono' }), h('span', { class: 'spark' }), h('span', { class: 'lag' })), // prettier-ignore
  );
}

/**
 * @param {HTMLElement} row
 * @param {Lane} lane
 * @param {Context} context
 */
export function updateLane(row, lane, context) {
  /** @param {string} selector */
  const part = (selector) => /** @type {HTMLElement} */ (row.querySelector(selector));
  updateOwner(part, lane, context);
  updateCells(part('.track'), lane, context.hasGroup);
  setText(part('.offsets'), describeOffsets(lane, context.hasGroup));
  const lag = part('.lane-foot > .lag');
  setText(lag, context.hasGroup ? `lag ${count(lane.lag)}` : '');
  lag.classList.toggle('behind', lane.lag > 0);
  if (context.history.length > 1) {
    part('.spark').replaceChildren(chart([{ className: 'lag', values: context.history }], { width: 72, height: 18, points: Math.max(20, context.history.length) })); // prettier-ignore
  }
}

/**
 * @param {(selector: string) => HTMLElement} part
 * @param {Lane} lane
 * @param {Context} context
 */
function updateOwner(part, lane, { hasGroup, now, expiryMs }) {
  const { lock } = lane;
  const left = lock === null ? 0 : lock.expiresAt - now;
  const owner = part('.owner');
  setText(owner, !hasGroup ? '' : lock === null ? 'nobody' : shortId(lock.clientId));
  if (lock !== null) owner.title = lock.clientId;
  owner.classList.toggle('none', lock === null);
  const lease = part('.lease');
  lease.hidden = lock === null;
  const share = Math.max(0, Math.min(1, left / expiryMs));
  part('.lease-left').style.width = `${(share * 100).toFixed(1)}%`;
  lease.dataset.low = String(share < 0.25);
  setText(part('.lease-text'), lock === null ? '' : left > 0 ? duration(left) : 'expired');
}

/**
 * @param {HTMLElement} track
 * @param {Lane} lane
 * @param {boolean} hasGroup
 */
function updateCells(track, { minOffset, maxOffset, committed, delivered }, hasGroup) {
  const first = Math.max(minOffset, maxOffset - SHOWN);
  const offsets = Array.from({ length: Math.max(0, maxOffset - first) }, (_, at) => first + at);
  /** @param {number} offset */
  const stateOf = (offset) => {
    if (!hasGroup) return 'stored';
    if (committed !== null && offset < committed) return 'committed';
    return delivered !== null && offset < delivered ? 'delivered' : 'stored';
  };
  keyed(
    track,
    offsets,
    String,
    () => h('span', { class: 'cell' }),
    (cell, offset) => {
      const state = stateOf(offset);
      if (cell.dataset.state !== state) cell.dataset.state = state;
    },
  );
}

/** @param {Lane} lane @param {boolean} hasGroup */
function describeOffsets({ minOffset, maxOffset, committed, delivered, waits }, hasGroup) {
  const parts = [`${count(minOffset)}–${count(maxOffset)}`];
  if (hasGroup) parts.push(committed === null ? 'nothing committed' : `committed ${count(committed)}`);
  if (hasGroup && delivered !== null && delivered > (committed ?? minOffset))
    parts.push(`delivered ${count(delivered)}`);
  if (waits) parts.push('a pull waits');
  return parts.join(' · ');
}
