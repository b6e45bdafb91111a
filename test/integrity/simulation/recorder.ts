import type { Breach, Invariant } from './checker/checker.js';
import type { HistoryEvent } from './history.js';

/** The history while it is made. */
export class History {
  readonly events: HistoryEvent[] = [];
  /** What is wrong by itself, whatever the history says. */
  readonly faults: Breach[] = [];
  readonly #now: () => number;
  #calls = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(event: HistoryEvent): void {
    this.events.push(event);
  }

  note(text: string): void {
    this.add({ type: 'note', at: this.#now(), text });
  }

  fault(invariant: Invariant, what: string): void {
    this.faults.push({ invariant, at: this.#now(), queue: undefined, what });
    this.note(`FAULT: ${what}`);
  }

  /** A number no other listener call has. */
  nextCall(): number {
    return ++this.#calls;
  }
}
