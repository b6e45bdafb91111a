import type { History } from './history.js';
import type { Violation } from './rules.js';

/** Lines of the queue's history that are shown on each side of a violation. */
const AROUND = 25;

/** What a history says of one queue around one moment, a line each, with the times before and after it. */
export function evidence(history: History, { rule, queue, at, text }: Violation): string {
  const lines = linesOf(history, queue).sort((a, b) => a.at - b.at);
  const place = lines.findIndex((line) => line.at >= at);
  const middle = place < 0 ? lines.length : place;
  const shown = lines
    .slice(Math.max(0, middle - AROUND), middle + AROUND)
    .map((line) => `  ${((line.at - at) / 1_000_000).toFixed(6).padStart(12)} s  ${line.text}`);
  return [`${rule}: ${queue}: ${text}`, ...shown].join('\n');
}

interface Line {
  readonly at: number;
  readonly text: string;
}

function linesOf(history: History, queue: string): Line[] {
  const broker = queue.slice(0, queue.indexOf('#'));
  const lines: Line[] = [];
  const add = (at: number, text: string): void => void lines.push({ at, text });
  for (const call of history.calls) {
    if (call.queue !== queue) continue;
    add(call.begin, `${call.member} begins ${call.offset}`);
    if (call.end !== undefined)
      add(call.end, `${call.member} ends ${call.offset}${call.done ? '' : ', wants it again'}`);
  }
  for (const { kind, member, queue: of, at, offset } of history.events) {
    if (of === queue) add(at, `${member} says ${kind}${offset === undefined ? '' : ` at ${offset}`}`);
  }
  for (const { member, askedAt, answeredAt, asked, granted } of history.locks) {
    if (!asked.includes(queue)) continue;
    add(askedAt, `${member} asks for the lock`);
    add(answeredAt, `${member} is ${granted.includes(queue) ? 'granted' : 'refused'} the lock`);
  }
  for (const { member, at, queues } of history.unlocks) if (queues.includes(queue)) add(at, `${member} unlocks`);
  for (const { member, queue: of, at, offset, answeredAt } of history.commits) {
    if (of !== queue) continue;
    add(at, `${member} commits ${offset}`);
    if (answeredAt !== undefined) add(answeredAt, `${member} is answered on ${offset}`);
  }
  let before: number | undefined;
  for (const { queue: of, at, offset } of history.stored) {
    if (of !== queue || offset === before) continue;
    add(at, `the broker has ${offset ?? 'no offset'}`);
    before = offset;
  }
  const concerned = new Set(lines.map(({ text }) => text.slice(0, text.indexOf(' '))));
  for (const { what, whom, from, to } of history.faults) {
    if (whom !== broker && !concerned.has(whom)) continue;
    add(from, `** ${whom}: ${what}`);
    if (to !== undefined) add(to, `** ${whom}: no longer ${what}`);
  }
  return lines;
}
