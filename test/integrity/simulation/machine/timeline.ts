/** Kept from before the globals are replaced: promises need real turns of the event loop. */
const realSetImmediate = globalThis.setImmediate;

/** What can be done to whoever an event belongs to: it may be dead, or asleep until later. */
export interface Host {
  readonly alive: boolean;
  /** Nothing of it runs before this, in milliseconds of the timeline. */
  readonly asleepUntil: number;
  /** What it does has been done, promises included. */
  ended(): void;
}

/** Something that is going to happen. */
export class Happening {
  at: number;
  readonly host: Host | undefined;
  readonly run: () => void;
  /** It happens to the host rather than by it: whether it sleeps makes no difference. */
  readonly befalls: boolean;
  cancelled = false;

  constructor(at: number, host: Host | undefined, run: () => void, befalls: boolean) {
    this.at = at;
    this.host = host;
    this.run = run;
    this.befalls = befalls;
  }
}

/**
 * The one order in which everything in a simulation happens: timers, what arrives at sockets, what befalls somebody. Time
 * stands still while something happens, with all promises that follow from it, and then jumps to the next thing. What is
 * due at the same time happens in the order it was planned.
 */
export class Timeline {
  #now = 0;
  #count = 0;
  /** Sorted backwards: the next thing is the last. */
  readonly #planned: Happening[] = [];
  #current: Host | undefined;
  #running = false;
  /** Looks on after each thing that has happened. */
  onHappened: ((host: Host | undefined) => void) | undefined;

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** How many things have happened. */
  get count(): number {
    return this.#count;
  }

  /** Whose doing it is, what happens now. */
  get current(): Host | undefined {
    return this.#current;
  }

  plan(at: number, host: Host | undefined, run: () => void, befalls = false): Happening {
    const happening = new Happening(Math.max(at, this.#now), host, run, befalls);
    this.#insert(happening);
    return happening;
  }

  #insert(happening: Happening): void {
    let low = 0;
    let high = this.#planned.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#planned[middle] as Happening).at > happening.at) low = middle + 1;
      else high = middle;
    }
    this.#planned.splice(low, 0, happening);
  }

  /** Goes on until a point in time. Everything that is due by then has happened when this resolves. */
  async run(until: number): Promise<void> {
    if (this.#running) throw new Error('the timeline is at work already: await what was begun before');
    this.#running = true;
    try {
      await this.#run(until);
    } finally {
      this.#running = false;
    }
  }

  async #run(until: number): Promise<void> {
    for (let next = this.#planned.at(-1); next !== undefined && next.at <= until; next = this.#planned.at(-1)) {
      this.#planned.pop();
      if (!next.cancelled) await this.#happen(next);
    }
    this.#now = Math.max(this.#now, until);
  }

  async #happen(happening: Happening): Promise<void> {
    const { at, host, run, befalls } = happening;
    if (host !== undefined) {
      if (!host.alive) return;
      if (host.asleepUntil > at && !befalls) {
        happening.at = host.asleepUntil;
        this.#insert(happening);
        return;
      }
    }
    this.#now = Math.max(this.#now, at);
    this.#count++;
    this.#current = host;
    run();
    // Everything that follows without time passing: promises, and what was put off to the end of the turn.
    await new Promise<void>((resolve) => realSetImmediate(resolve));
    host?.ended();
    this.#current = undefined;
    this.onHappened?.(host);
  }
}
