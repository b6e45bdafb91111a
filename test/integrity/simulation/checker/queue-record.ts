import type { Running } from './ownership-record.js';

/** What all members together have made of a queue, as far as the history has been read. */
export class QueueRecord {
  /** Offsets that are finished, or that nobody has to finish, at and above {@link floor}. */
  readonly #beyond = new Set<number>();
  #floor: number | undefined;
  /** How many messages the broker has. */
  end = 0;
  /** Listener calls under way, whoever's. */
  readonly calls = new Map<number, Running>();
  /** What the broker had for its committed offset, from when on. The last is what it has now. */
  readonly committed: { readonly at: number; readonly offset: number | undefined }[] = [
    { at: Number.NEGATIVE_INFINITY, offset: undefined },
  ];
  /** When a lock was last taken from its owner by force. */
  forcedAt = Number.NEGATIVE_INFINITY;
  /** Offsets the queue was sent to from outside. */
  readonly targets = new Set<number>();
  /** The last owner has left in good order, with everything before this finished. */
  handedOver: number | undefined;

  /** The lowest offset nobody has finished; `undefined` as long as nobody has said where the group begins. */
  get floor(): number | undefined {
    return this.#floor;
  }

  /** The group begins here. */
  begin(offset: number): void {
    this.#floor ??= offset;
  }

  finish(offsets: Iterable<number>): void {
    this.#floor ??= 0;
    for (const offset of offsets) if (offset >= this.#floor) this.#beyond.add(offset);
    while (this.#beyond.delete(this.#floor)) this.#floor++;
  }

  /** Whatever lies before this need not be finished any more. */
  passOver(offset: number): void {
    const from = this.#floor ?? 0;
    this.finish(Array.from({ length: Math.max(0, offset - from) }, (_, index) => from + index));
  }

  /**
   * Whether the broker had this for its committed offset, and has less now: it has worked on a commit late, which was
   * judged when it was sent.
   */
  wasOverwritten(offset: number): boolean {
    const now = this.committed.at(-1)?.offset;
    return now !== undefined && now < offset && this.wasCommitted(offset, Number.NEGATIVE_INFINITY);
  }

  /** Whether the broker had this for its committed offset at some time since then. */
  wasCommitted(offset: number, since: number): boolean {
    for (let i = this.committed.length - 1; i >= 0; i--) {
      const { at, offset: one } = this.committed[i] as (typeof this.committed)[number];
      if (one === offset) return true;
      if (at < since) return false;
    }
    return false;
  }
}
