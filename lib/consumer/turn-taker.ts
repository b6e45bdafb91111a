import type { Clock } from '../clock.js';

const RESOLVED = Promise.resolve();

/** A promise's side of the queue. */
class Waiter {
  readonly wake: () => void;

  constructor(wake: () => void) {
    this.wake = wake;
  }
}

/**
 * Shares one thread among the queues of a consumer and everything else that runs in the process. Slices with a
 * synchronous listener never give way by themselves; here they take turns: after `budgetMs` the event loop goes round
 * once, so that heartbeats, lock renewals and the user's own work keep their time, and then whoever has waited longest
 * goes on.
 */
export class TurnTaker<Task> {
  readonly #clock: Clock;
  readonly #budgetMs: number;
  readonly #run: (task: Task, now: number) => void;
  /** First come, first served. */
  readonly #waiting: (Task | Waiter)[] = [];
  #turnStart: number;
  #microtaskPlanned = false;
  #turnPlanned = false;

  /** @param run carries a task out, up to the end of the turn; it must not throw */
  constructor(clock: Clock, budgetMs: number, run: (task: Task, now: number) => void) {
    this.#clock = clock;
    this.#budgetMs = budgetMs;
    this.#run = run;
    this.#turnStart = clock.now();
  }

  /** Whether the current turn of the event loop is used up at `now`. */
  isOver(now: number): boolean {
    return now - this.#turnStart >= this.#budgetMs;
  }

  /** Runs the task as soon as what runs now has ended, or in a later turn when this one is used up. */
  enter(task: Task): void {
    this.#waiting.push(task);
    if (this.#microtaskPlanned || this.#turnPlanned) return;
    this.#microtaskPlanned = true;
    void RESOLVED.then(this.#goOn);
  }

  /** Resolves when it is the caller's turn, with a fresh budget. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(new Waiter(resolve));
      this.#planTurn();
    });
  }

  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#turnPlanned = false;
    this.#turnStart = this.#clock.now();
    const first = this.#waiting[0];
    if (first instanceof Waiter) {
      this.#waiting.shift();
      // What it does, it does after this: the next one has to wait for a turn of its own.
      first.wake();
      if (this.#waiting.length > 0) this.#planTurn();
    } else {
      this.#goOn();
    }
  };

  readonly #goOn = (): void => {
    this.#microtaskPlanned = false;
    // A turn that is planned already will see to those who wait.
    while (this.#waiting.length > 0 && !this.#turnPlanned) {
      const now = this.#clock.now();
      const first = this.#waiting[0] as Task | Waiter;
      if (first instanceof Waiter || this.isOver(now)) return this.#planTurn();
      this.#waiting.shift();
      this.#run(first, now);
    }
  };
}
