import type { MessageFilter } from './filters.js';

/** One queue of a topic: its stored records in order of their offsets, and what a pull finds in it. */

/** A stored message, or a batch stored as one. */
export interface QueueEntry {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** How many offsets it takes: more than 1 only for a batch stored as one. */
  readonly count: number;
  /** The stored bytes. */
  readonly record: Buffer;
  /** How many they are. */
  readonly size: number;
  readonly physicalOffset: number;
  readonly storeTimestamp: number;
  readonly tagsCode: number;
  properties(): Readonly<Record<string, string>>;
}

/** Names of the reference's store, which travel in remarks. */
export type FindStatus =
  | 'FOUND'
  | 'NO_MATCHED_MESSAGE'
  | 'NO_MESSAGE_IN_QUEUE'
  | 'OFFSET_OVERFLOW_ONE'
  | 'OFFSET_OVERFLOW_BADLY'
  | 'OFFSET_TOO_SMALL';

export interface FindResult {
  readonly status: FindStatus;
  readonly nextBeginOffset: number;
  readonly entries: readonly QueueEntry[];
}

/** The reference's limits of one reply, for messages still in memory. */
const MAX_MESSAGES = 32;
const MAX_BYTES = 256 * 1024;
/** It looks at this many messages for some that match: 16000 bytes of index, 20 bytes each. */
const MAX_SCANNED = 800;

export class ConsumeQueue {
  minOffset = 0;
  #maxOffset = 0;
  readonly #entries: QueueEntry[] = [];

  /** The offset the next message gets. */
  get maxOffset(): number {
    return this.#maxOffset;
  }

  /** What is stored, oldest first. */
  get entries(): readonly QueueEntry[] {
    return this.#entries;
  }

  append(entry: QueueEntry): void {
    this.#entries.push(entry);
    this.#maxOffset = entry.queueOffset + entry.count;
  }

  /** What a pull from `offset` gets, by the reference's rules. */
  find(offset: number, maxMessages: number, filter: MessageFilter): FindResult {
    const { minOffset } = this;
    const maxOffset = this.#maxOffset;
    if (maxOffset === 0) return { status: 'NO_MESSAGE_IN_QUEUE', nextBeginOffset: 0, entries: [] };
    if (offset < minOffset) return { status: 'OFFSET_TOO_SMALL', nextBeginOffset: minOffset, entries: [] };
    if (offset === maxOffset) return { status: 'OFFSET_OVERFLOW_ONE', nextBeginOffset: offset, entries: [] };
    if (offset > maxOffset) return { status: 'OFFSET_OVERFLOW_BADLY', nextBeginOffset: maxOffset, entries: [] };

    const found: QueueEntry[] = [];
    let bytes = 0;
    let messages = 0;
    let next = offset;
    for (let at = this.#indexOf(offset); at < this.#entries.length; at++) {
      const entry = this.#entries[at] as QueueEntry;
      if (entry.queueOffset - offset >= Math.max(MAX_SCANNED, maxMessages)) break;
      if (found.length > 0) {
        if (messages + entry.count > Math.min(maxMessages, MAX_MESSAGES)) break;
        if (bytes + entry.size > MAX_BYTES) break;
      }
      next = entry.queueOffset + entry.count;
      if (!filter(entry)) continue;
      found.push(entry);
      bytes += entry.size;
      messages += entry.count;
    }
    return { status: found.length > 0 ? 'FOUND' : 'NO_MATCHED_MESSAGE', nextBeginOffset: next, entries: found };
  }

  /** The entry that holds `offset`. */
  entryAt(offset: number): QueueEntry | undefined {
    const entry = this.#entries[this.#indexOf(offset)];
    return entry !== undefined && entry.queueOffset <= offset ? entry : undefined;
  }

  /**
   * The offset of the first message stored at `timestamp` or later (`LOWER`), or of the last one stored then or before
   * (`UPPER`).
   */
  offsetByTime(timestamp: number, boundary: 'LOWER' | 'UPPER'): number {
    const entries = this.#entries;
    const last = entries[entries.length - 1];
    if (last === undefined) return 0;
    if (boundary === 'LOWER') {
      const first = entries.find((entry) => entry.storeTimestamp >= timestamp);
      return first?.queueOffset ?? this.#maxOffset;
    }
    let found = 0;
    for (const entry of entries) if (entry.storeTimestamp <= timestamp) found = entry.queueOffset;
    return found;
  }

  /** Forgets what is before `offset`, as a broker does with messages past their retention. */
  expireBefore(offset: number): QueueEntry[] {
    this.minOffset = Math.min(Math.max(offset, this.minOffset), this.#maxOffset);
    return this.#entries.splice(0, this.#indexOf(this.minOffset));
  }

  /** The entry that holds `offset`, or the first after it. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle] as QueueEntry;
      if (entry.queueOffset + entry.count <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
