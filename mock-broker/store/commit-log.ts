/**
 * Where the records of a broker lie: large pieces of memory, each filled to its end before the next one is begun. A
 * million small buffers would cost more than what is in them.
 */

/** A record's place in memory. */
export interface LogPlace {
  readonly segment: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What the log finds by its physical offset. */
export interface Logged {
  readonly physicalOffset: number;
}

const SEGMENT_BYTES = 4 * 1024 * 1024;
const NO_SEGMENT: Buffer = Buffer.alloc(0);
/** With fewer entries than this the list of what is forgotten is not worth tidying up. */
const LEAST_TIDIED = 1024;

export class CommitLog<Entry extends Logged> {
  #segment = NO_SEGMENT;
  #used = 0;
  /** By physical offset. */
  #entries: Entry[] = [];
  readonly #forgotten = new Set<Entry>();
  #nextPhysicalOffset = 0;

  /** Where the next record will be. */
  get nextPhysicalOffset(): number {
    return this.#nextPhysicalOffset;
  }

  /** Memory for the next record, to be filled at once and followed by {@link add}. */
  readonly allocate = (size: number): Buffer => {
    if (this.#segment.length - this.#used < size) {
      // What is larger than a segment has one of its own.
      this.#segment = Buffer.allocUnsafeSlow(Math.max(SEGMENT_BYTES, size));
      this.#used = 0;
    }
    return this.#segment.subarray(this.#used, this.#used + size);
  };

  /** The place of the record that was written to what {@link allocate} gave out last. */
  commit(size: number): LogPlace {
    const start = this.#used;
    this.#used += size;
    this.#nextPhysicalOffset += size;
    return { segment: this.#segment, start, end: this.#used };
  }

  /** Makes an entry findable. In the order of their places. */
  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Forgets everything, and begins at the beginning. */
  clear(): void {
    this.#segment = NO_SEGMENT;
    this.#used = 0;
    this.#entries = [];
    this.#forgotten.clear();
    this.#nextPhysicalOffset = 0;
  }

  /** The first that is not forgotten. */
  oldest(): Entry | undefined {
    return this.#entries.find((entry) => !this.#forgotten.has(entry));
  }

  find(physicalOffset: number): Entry | undefined {
    const entries = this.#entries;
    let low = 0;
    let high = entries.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const entry = entries[middle] as Entry;
      if (entry.physicalOffset === physicalOffset) return this.#forgotten.has(entry) ? undefined : entry;
      if (entry.physicalOffset < physicalOffset) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** Makes an entry unfindable; its memory is free when its whole segment is unused. */
  forget(entry: Entry): void {
    this.#forgotten.add(entry);
    if (this.#forgotten.size < LEAST_TIDIED || this.#forgotten.size * 2 < this.#entries.length) return;
    this.#entries = this.#entries.filter((candidate) => !this.#forgotten.has(candidate));
    this.#forgotten.clear();
  }
}
