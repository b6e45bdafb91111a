import { StateError, TimeoutError } from '../../lib/errors.js';
import { seededRandom } from './random.js';
import type { Fault, FaultRule } from './rule.js';

/** A rule, how often it was asked and how often it has fired. */

const DEFAULT_WAIT_MS = 5000;

interface Owner {
  remove(): void;
  waitedFor(): void;
  fired(): void;
}

interface HitWaiter {
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class ActiveFault implements Fault {
  readonly id: string;
  readonly rule: FaultRule;
  hits = 0;
  matched = 0;
  #skipped = 0;
  /** undefined for all. */
  readonly #codes: ReadonlySet<number> | undefined;
  readonly #random: () => number;
  readonly #owner: Owner;
  #waiters: HitWaiter[] = [];
  #endings: (() => void)[] = [];
  #ended = false;

  constructor(id: string, rule: FaultRule, codes: ReadonlySet<number> | undefined, owner: Owner) {
    this.id = id;
    this.rule = rule;
    this.#codes = codes;
    this.#owner = owner;
    this.#random = seededRandom(rule.seed ?? 1);
  }

  /** Whether it is looked up for new connections rather than for requests. */
  get isAboutConnections(): boolean {
    return this.rule.action.type === 'refuse';
  }

  /** Whether it decides about a request, or a new connection, for which there is no code. */
  fires(matches: (rule: FaultRule) => boolean, code: number | undefined): boolean {
    const { rule } = this;
    if (code !== undefined && this.#codes?.has(code) === false) return false;
    if (!matches(rule)) return false;
    this.matched++;
    if (rule.times !== undefined && this.hits >= rule.times) return false;
    if (this.#skipped < (rule.after ?? 0)) {
      this.#skipped++;
      return false;
    }
    if (rule.probability !== undefined && this.#random() >= rule.probability) return false;
    this.hits++;
    const reached = this.#waiters.filter((waiter) => waiter.count <= this.hits);
    this.#waiters = this.#waiters.filter((waiter) => waiter.count > this.hits);
    for (const waiter of reached) waiter.resolve();
    this.#owner.fired();
    return true;
  }

  remove(): void {
    this.#owner.remove();
  }

  waitForHits(count = 1, options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.hits >= count) return Promise.resolve();
    const timeoutMs = options.timeoutMs ?? DEFAULT_WAIT_MS;
    return new Promise((resolve, reject) => {
      const waiter: HitWaiter = {
        count,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(new TimeoutError(`a fault fired ${this.hits} of ${count} times within ${timeoutMs} ms`, { timeoutMs }));
      }, timeoutMs);
      this.#waiters.push(waiter);
      this.#owner.waitedFor();
    });
  }

  failWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters)
      waiter.reject(new StateError('the mock cluster was stopped while a fault was awaited'));
  }

  /** Calls back when the rule is taken back, at once when it was before. */
  onEnd(callback: () => void): void {
    if (this.#ended) callback();
    else this.#endings.push(callback);
  }

  /** The rule was taken back. */
  end(): void {
    this.#ended = true;
    const endings = this.#endings;
    this.#endings = [];
    for (const ending of endings) ending();
  }
}
