import type { HistoryEvent } from './history.js';

/** The history while it is made. */
export class History {
  readonly events: HistoryEvent[] = [];
  /** What is wrong by itself, whatever the history says. */
  readonly faults: string[] = [];
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

  fault(text: string): void {
    this.faults.push(text);
    this.note(`FAULT: ${text}`);
  }

  /** A number no other listener call has. */
  nextCall(): number {
    return ++this.#calls;
  }
}
