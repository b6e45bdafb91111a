import { StateError, TimeoutError, toError } from '../lib/errors.js';
import { requestCodeName, responseCodeName } from '../lib/protocol/codes.js';
import { requestCode } from './faults/codes.js';
import { Listeners } from './listeners.js';
import { Entry, type JournalEntry, type JournalKind, type JournalRecord } from './journal-entry.js';

export type { JournalEntry, JournalKind } from './journal-entry.js';

/** Every frame the mock cluster received and sent, in order: what a test asserts on. */

/** Which frames are meant. What is left out matches anything. */
export interface JournalFilter {
  /** Request code, by number or name, or several; of responses it is the request's. */
  readonly code?: number | string | readonly (number | string)[];
  /** Broker name, or `namesrv`. */
  readonly broker?: string;
  /** The sender's client id, or one the request names. */
  readonly clientId?: string;
  readonly group?: string;
  readonly topic?: string;
  readonly queueId?: number;
  readonly connection?: number;
  readonly direction?: 'in' | 'out';
  readonly kind?: JournalKind;
  /** Only what came after the entry of this `seq`. */
  readonly since?: number;
}

/** Which requests {@link Journal.requests} lists. What is left out matches anything. */
export type RequestFilter = Omit<JournalFilter, 'direction' | 'kind'>;

interface Waiter {
  readonly predicate: (entry: Entry) => boolean;
  readonly resolve: (entry: JournalEntry) => void;
  readonly reject: (error: Error) => void;
}

export const DEFAULT_JOURNAL_LIMIT = 20_000;
/** Bodies kept by all entries together: a long benchmark must not eat the memory of its machine. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const DEFAULT_WAIT_MS = 5000;
/** How many of the latest frames a failed wait names. */
const SHOWN_ENTRIES = 8;

export class Journal {
  readonly #limit: number;
  #entries: Entry[] = [];
  /** Entries before this index were dropped; the array is cut now and then. */
  #start = 0;
  #bodyBytes = 0;
  #sequence = 0;
  #dropped = 0;
  #waiters: Waiter[] = [];
  readonly #listeners = new Listeners<[entry: JournalEntry]>();
  readonly #isKept: boolean;

  /**
   * @param limit how many entries are kept
   * @param isKept whether entries are made though none of them is kept here: somebody else needs them
   */
  constructor(limit: number = DEFAULT_JOURNAL_LIMIT, isKept = false) {
    this.#limit = limit;
    this.#isKept = isKept || limit > 0;
  }

  /** What is kept, oldest first: the newest entries up to the limit. */
  get entries(): readonly JournalEntry[] {
    return this.#entries.slice(this.#start);
  }

  /** The position of the newest entry, -1 before the first: `since` of a filter for what comes after. */
  get lastSeq(): number {
    return this.#sequence - 1;
  }

  /** How many of the oldest entries were forgotten because of the limit. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Requests, one-way ones too, that the mock received. */
  requests(filter: RequestFilter = {}): JournalEntry[] {
    return this.filter({ ...filter, direction: 'in' }).filter((entry) => entry.kind !== 'response');
  }

  /**
   * What is kept of these frames, oldest first.
   *
   * @throws ValidationError for a code no request has
   */
  filter(filter: JournalFilter): JournalEntry[] {
    return this.#entries.slice(this.#start).filter(matcher(filter));
  }

  /**
   * The next such frame from now on.
   *
   * @param options `timeoutMs`: how long to wait, in real time; 5000 by default
   * @throws ValidationError for a code no request has; TimeoutError which names the latest frames
   */
  async next(filter: JournalFilter = {}, options: { timeoutMs?: number } = {}): Promise<JournalEntry> {
    return this.#wait(matcher(filter), options.timeoutMs ?? DEFAULT_WAIT_MS);
  }

  /**
   * Calls back with each frame as it comes and goes. What came of a request isn't known by then: its entry tells later.
   *
   * @returns what ends that
   */
  subscribe(listener: (entry: JournalEntry) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * The first entry, kept or to come, that `predicate` holds for.
   *
   * @param options `timeoutMs`: how long to wait, in real time; 5000 by default. `afterSeq`: entries up to this one
   *   don't count
   * @throws TimeoutError which names the latest frames
   */
  waitFor(
    predicate: (entry: JournalEntry) => boolean,
    options: { timeoutMs?: number; afterSeq?: number } = {},
  ): Promise<JournalEntry> {
    const { timeoutMs = DEFAULT_WAIT_MS, afterSeq = -1 } = options;
    const wanted = (entry: JournalEntry): boolean => entry.seq > afterSeq && predicate(entry);
    for (let at = this.#start; at < this.#entries.length; at++) {
      const entry = this.#entries[at] as JournalEntry;
      if (wanted(entry)) return Promise.resolve(entry);
    }
    return this.#wait(wanted, timeoutMs);
  }

  /** Forgets all entries. Those who wait go on waiting. */
  clear(): void {
    this.#entries = [];
    this.#start = 0;
    this.#bodyBytes = 0;
  }

  /** Nothing more will come: fails those who wait. @internal */
  close(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters)
      waiter.reject(new StateError('the mock cluster was stopped while a frame was awaited'));
  }

  /** Writes a frame down; undefined when nobody wants to know. @internal */
  record(record: JournalRecord): Entry | undefined {
    if (!this.#isKept && this.#waiters.length === 0 && this.#listeners.size === 0) return undefined;
    const entry = new Entry(this.#sequence++, record);
    if (this.#limit > 0) {
      this.#entries.push(entry);
      this.#bodyBytes += entry.body.length;
      this.#dropOldest();
    }
    if (this.#waiters.length > 0) this.#tellWaiters(entry);
    if (this.#listeners.size > 0) this.#listeners.tell(entry);
    return entry;
  }

  #wait(wanted: (entry: Entry) => boolean, timeoutMs: number): Promise<JournalEntry> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        predicate: wanted,
        resolve: (entry) => {
          clearTimeout(timer);
          resolve(entry);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(new TimeoutError(this.#describeMiss(timeoutMs), { timeoutMs }));
      }, timeoutMs);
      this.#waiters.push(waiter);
    });
  }

  #tellWaiters(entry: Entry): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      try {
        if (waiter.predicate(entry)) waiter.resolve(entry);
        else this.#waiters.push(waiter);
      } catch (error) {
        waiter.reject(toError(error));
      }
    }
  }

  #dropOldest(): void {
    while (
      this.#entries.length - this.#start > this.#limit ||
      (this.#bodyBytes > MAX_BODY_BYTES && this.#start < this.#entries.length)
    ) {
      this.#bodyBytes -= (this.#entries[this.#start] as Entry).body.length;
      this.#start++;
      this.#dropped++;
    }
    if (this.#start > 1024 && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  #describeMiss(timeoutMs: number): string {
    const latest = this.#entries.slice(Math.max(this.#start, this.#entries.length - SHOWN_ENTRIES));
    const shown = latest.map(describeEntry).join('; ');
    return `no such frame within ${timeoutMs} ms; the latest are: ${shown === '' ? 'none' : shown}`;
  }
}

/** One entry for people: `#12 broker-a in request PULL_MESSAGE (11)`. */
export function describeEntry(entry: JournalEntry): string {
  const what =
    entry.kind === 'response'
      ? `response ${responseCodeName(entry.code)}${entry.request === undefined ? '' : ` to ${requestCodeName(entry.request)}`}`
      : `${entry.kind} ${requestCodeName(entry.code)}`;
  return `#${entry.seq} ${entry.broker} ${entry.direction} ${what}`;
}

/** @throws ValidationError for a code no request has */
export function matcher(filter: JournalFilter): (entry: Entry) => boolean {
  const { code, broker, clientId, group, topic, queueId, connection, direction, kind, since = -1 } = filter;
  const codes = code === undefined ? undefined : new Set([code].flat().map((one) => requestCode(one, 'filter.code')));
  return (entry) =>
    entry.seq > since &&
    codes?.has(entry.kind === 'response' ? (entry.request ?? -1) : entry.code) !== false &&
    (broker === undefined || entry.broker === broker) &&
    (connection === undefined || entry.connection === connection) &&
    (direction === undefined || entry.direction === direction) &&
    (kind === undefined || entry.kind === kind) &&
    (clientId === undefined || entry.clientId === clientId || entry.names().clientIds.includes(clientId)) &&
    (group === undefined || entry.names().groups.includes(group)) &&
    (topic === undefined || entry.names().topics.includes(topic)) &&
    (queueId === undefined || entry.names().queueIds.includes(queueId));
}
