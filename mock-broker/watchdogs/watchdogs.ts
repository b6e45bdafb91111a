import type { BrokerState } from '../broker-state.js';
import { Listeners } from '../listeners.js';
import type { ServerObserver } from '../server/server.js';
import { BrokerWatch } from './broker-watch.js';
import { LockWatch } from './lock-watch.js';
import { OffsetWatch } from './offset-watch.js';
import { PopWatch } from './pop-watch.js';
import { type Violation, VIOLATION_KINDS, type ViolationKind, WatchdogError } from './violation.js';

/**
 * Looks at what really happens on the wire and in the brokers' tables, and says when a rule of ordered consumption is
 * broken: by a client, or by a broker that a fault made lie.
 */

/** What comes of a violation: it is told, or `stop()` of the cluster rejects as well. */
export type WatchdogMode = 'report' | 'throw';

/** How many violations are kept; what goes on for hours must not eat the memory of its machine. */
const MAX_VIOLATIONS = 1000;

export class Watchdogs {
  readonly #mode: WatchdogMode;
  readonly #violations: Violation[] = [];
  #isThrown = false;
  readonly #counts: Record<ViolationKind, number>;
  readonly #listeners = new Listeners<[violation: Violation]>();
  readonly #locks: LockWatch;
  readonly #offsets: OffsetWatch;
  readonly #pops: PopWatch;

  constructor(mode: WatchdogMode) {
    this.#mode = mode;
    this.#counts = Object.fromEntries(VIOLATION_KINDS.map((kind) => [kind, 0])) as Record<ViolationKind, number>;
    const report = (violation: Violation): void => this.#report(violation);
    this.#locks = new LockWatch(report);
    this.#offsets = new OffsetWatch(report);
    this.#pops = new PopWatch(report);
  }

  /** The first thousand, in order. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** How many of each kind. */
  get counts(): Readonly<Record<ViolationKind, number>> {
    return this.#counts;
  }

  onViolation(listener: (violation: Violation) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Looks on at one broker. */
  observe(broker: BrokerState): ServerObserver {
    return new BrokerWatch(broker, { locks: this.#locks, offsets: this.#offsets, pops: this.#pops });
  }

  /** Somebody in charge moved offsets: of a group, in a topic, or both. What clients make of it is not judged. */
  offsetsMoved(broker: BrokerState, group: string | undefined, topic: string | undefined): void {
    this.#offsets.excuse(broker, group, topic);
    this.#pops.excuse(broker, group, topic);
  }

  /** @throws WatchdogError when something was found, and that is to be thrown; once */
  check(): void {
    if (this.#mode !== 'throw' || this.#isThrown || this.#violations.length === 0) return;
    this.#isThrown = true;
    throw new WatchdogError(this.#violations);
  }

  #report(violation: Violation): void {
    this.#counts[violation.kind] += 1;
    if (this.#violations.length < MAX_VIOLATIONS) this.#violations.push(violation);
    this.#listeners.tell(violation);
  }
}
