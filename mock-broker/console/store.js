// @ts-check
/** What the page knows: the latest state, and how it came about. */

/** @typedef {import('./api.js').State} State */
/** @typedef {{ at: number, lag: number, stored: number, committed: number, byQueue: Map<string, number> }} Sample */

/** One a second: two minutes of history. */
const SAMPLE_MS = 1000;
const MAX_SAMPLES = 120;

export class Store {
  /** @type {State | undefined} */
  state;
  #receivedAt = 0;
  /** @type {Map<string, Sample[]>} */
  #samples = new Map();
  /** @type {Set<(state: State) => void>} */
  #listeners = new Set();

  constructor() {
    setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** @param {(state: State) => void} listener */
  onState(listener) {
    this.#listeners.add(listener);
    if (this.state !== undefined) listener(this.state);
  }

  /** @param {State} state */
  put(state) {
    this.state = state;
    this.#receivedAt = Date.now();
    for (const listener of this.#listeners) listener(state);
  }

  /** Draws everything anew, such as after a choice. */
  refresh() {
    if (this.state !== undefined) for (const listener of this.#listeners) listener(this.state);
  }

  /** The cluster's time: it goes on between states unless it stands still. */
  now() {
    if (this.state === undefined) return Date.now();
    const { now, manual } = this.state.cluster.clock;
    return manual ? now : now + Date.now() - this.#receivedAt;
  }

  /**
   * @param {string} group
   * @param {string} topic
   * @returns {readonly Sample[]}
   */
  samples(group, topic) {
    return this.#samples.get(`${group}\n${topic}`) ?? [];
  }

  #sample() {
    for (const group of this.state?.groups ?? []) {
      for (const topic of new Set(group.queues.map((queue) => queue.topic))) {
        const queues = group.queues.filter((queue) => queue.topic === topic);
        const key = `${group.name}\n${topic}`;
        const samples = this.#samples.get(key) ?? [];
        samples.push({
          at: Date.now(),
          lag: sum(queues.map((queue) => queue.lag)),
          stored: sum(queues.map((queue) => queue.maxOffset)),
          committed: sum(queues.map((queue) => queue.committed ?? queue.minOffset)),
          byQueue: new Map(queues.map((queue) => [`${queue.broker} ${queue.queueId}`, queue.lag])),
        });
        this.#samples.set(key, samples.slice(-MAX_SAMPLES));
      }
    }
  }
}

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);
