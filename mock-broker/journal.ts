import { StateError, TimeoutError } from '../lib/errors.js';
import { requestCodeName, responseCodeName } from '../lib/protocol/codes.js';
import type { ExtFields, RemotingCommand } from '../lib/protocol/command.js';
import { isOneway, isResponse } from '../lib/protocol/command.js';

/** Every frame the mock cluster received and sent, in order: what a test asserts on. */

/** The peer of a connection, shared by all of its journal entries. */
export interface ConnectionIdentity {
  readonly id: number;
  /** Known once the client has sent a heartbeat, a lock or an unregister request on this connection. */
  readonly clientId: string | undefined;
}

export type JournalKind = 'request' | 'oneway' | 'response';

export interface JournalEntry {
  /** When, in milliseconds of the mock's clock. */
  readonly at: number;
  /** Position in the journal since the cluster was started; never used twice. */
  readonly seq: number;
  /** Broker name, or `namesrv`. */
  readonly broker: string;
  /** `in`: the mock received it. `out`: the mock sent it. */
  readonly direction: 'in' | 'out';
  readonly kind: JournalKind;
  /** Request code, or response code when `kind` is `response`. */
  readonly code: number;
  readonly opaque: number;
  readonly remark: string | undefined;
  readonly ext: ExtFields;
  readonly body: Buffer;
  /** The sender's protocol version. */
  readonly version: number;
  /** Number of the connection, unique in the cluster. */
  readonly connection: number;
  readonly clientId: string | undefined;
  /** For responses: the code of the request that is answered. */
  readonly request: number | undefined;
}

/** Which requests {@link Journal.requests} lists. What is left out matches anything. */
export interface RequestFilter {
  readonly code?: number;
  readonly broker?: string;
  readonly clientId?: string;
  readonly connection?: number;
}

/** What a frame is recorded with. */
export interface JournalRecord {
  readonly at: number;
  readonly broker: string;
  readonly direction: 'in' | 'out';
  readonly peer: ConnectionIdentity;
  readonly command: RemotingCommand;
  readonly request?: number | undefined;
}

interface Waiter {
  readonly predicate: (entry: JournalEntry) => boolean;
  readonly resolve: (entry: JournalEntry) => void;
  readonly reject: (error: Error) => void;
}

export const DEFAULT_JOURNAL_LIMIT = 20_000;
/** Bodies kept by all entries together: a long benchmark must not eat the memory of its machine. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const DEFAULT_WAIT_MS = 5000;
/** How many of the latest frames a failed wait names. */
const SHOWN_ENTRIES = 8;

class Entry implements JournalEntry {
  readonly at: number;
  readonly seq: number;
  readonly broker: string;
  readonly direction: 'in' | 'out';
  readonly kind: JournalKind;
  readonly code: number;
  readonly opaque: number;
  readonly remark: string | undefined;
  readonly ext: ExtFields;
  readonly body: Buffer;
  readonly version: number;
  readonly connection: number;
  readonly request: number | undefined;
  readonly #peer: ConnectionIdentity;

  constructor(seq: number, record: JournalRecord) {
    const { command } = record;
    this.at = record.at;
    this.seq = seq;
    this.broker = record.broker;
    this.direction = record.direction;
    this.kind = isResponse(command) ? 'response' : isOneway(command) ? 'oneway' : 'request';
    this.code = command.code;
    this.opaque = command.opaque;
    this.remark = command.remark;
    this.ext = command.extFields;
    this.body = command.body;
    this.version = command.version;
    this.connection = record.peer.id;
    this.request = record.request;
    this.#peer = record.peer;
  }

  /** Read from the connection, so that frames sent before the client named itself have it too. */
  get clientId(): string | undefined {
    return this.#peer.clientId;
  }
}

export class Journal {
  readonly #limit: number;
  #entries: JournalEntry[] = [];
  /** Entries before this index were dropped; the array is cut now and then. */
  #start = 0;
  #bodyBytes = 0;
  #sequence = 0;
  #dropped = 0;
  #waiters: Waiter[] = [];

  constructor(limit: number = DEFAULT_JOURNAL_LIMIT) {
    this.#limit = limit;
  }

  /** What is kept, oldest first: the newest entries up to the limit. */
  get entries(): readonly JournalEntry[] {
    return this.#entries.slice(this.#start);
  }

  /** How many of the oldest entries were forgotten because of the limit. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Requests, one-way ones too, that the mock received. */
  requests(filter: RequestFilter = {}): JournalEntry[] {
    return this.entries.filter(
      (entry) =>
        entry.direction === 'in' &&
        entry.kind !== 'response' &&
        (filter.code === undefined || entry.code === filter.code) &&
        (filter.broker === undefined || entry.broker === filter.broker) &&
        (filter.clientId === undefined || entry.clientId === filter.clientId) &&
        (filter.connection === undefined || entry.connection === filter.connection),
    );
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

  /** @internal */
  record(record: JournalRecord): void {
    const entry = new Entry(this.#sequence++, record);
    this.#entries.push(entry);
    this.#bodyBytes += entry.body.length;
    this.#dropOldest();
    if (this.#waiters.length > 0) this.#tellWaiters(entry);
  }

  #tellWaiters(entry: JournalEntry): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      try {
        if (waiter.predicate(entry)) waiter.resolve(entry);
        else this.#waiters.push(waiter);
      } catch (error) {
        waiter.reject(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  #dropOldest(): void {
    while (
      this.#entries.length - this.#start > this.#limit ||
      (this.#bodyBytes > MAX_BODY_BYTES && this.#start < this.#entries.length)
    ) {
      this.#bodyBytes -= (this.#entries[this.#start] as JournalEntry).body.length;
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
