import type { StoredMessage } from '../protocol/message.js';

/** Never added to: {@link ProcessQueue.take} replaces it. */
const NOTHING: StoredMessage[] = [];

/**
 * The messages of one queue that were pulled and are not finished: those waiting, sorted by queue offset, and those the
 * listener has been handed (`consuming`). It behaves as the two TreeMaps of the reference; inside it is a ring, since a
 * pull result is already sorted and lies behind what is held. Disorder takes a slower path with the same result.
 *
 * What may be committed follows from it alone: never past a message that is waiting or being consumed.
 */
export class ProcessQueue {
  #ring: (StoredMessage | undefined)[] = new Array<StoredMessage | undefined>(64);
  #mask = 63;
  #head = 0;
  #size = 0;
  /**
   * Sorted by offset. Holds more than one batch only while the listener commits by hand. A batch that was handed out is
   * this very array: only messages behind it may be added, and what is taken out leaves another array.
   */
  #consuming: StoredMessage[] = NOTHING;
  /** Offsets finished out of their turn (sent to the dead letter queue while a lower one waits), ascending. */
  #resolved: number[] = [];
  #bytes = 0;
  /** Offsets below this are finished; a late duplicate of one is not taken in again. */
  #floor = Number.NEGATIVE_INFINITY;

  /** Messages held, those being consumed included. */
  get count(): number {
    return this.#size + this.#consuming.length;
  }

  /** Body bytes held as stored, those being consumed included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages waiting for the listener. */
  get waiting(): number {
    return this.#size;
  }

  /** Messages the listener was handed and that are not finished. */
  get consuming(): readonly StoredMessage[] {
    return this.#consuming;
  }

  /** The lowest offset that isn't finished, or `undefined` when nothing is held. */
  get lowestUnfinished(): number | undefined {
    const waiting = this.#ring[this.#head]?.queueOffset;
    const consuming = this.#consuming[0]?.queueOffset;
    if (this.#size === 0) return consuming;
    if (consuming === undefined) return waiting;
    return waiting !== undefined && waiting < consuming ? waiting : consuming;
  }

  /** The highest offset held, or `undefined`. */
  get highest(): number | undefined {
    const waiting = this.#size === 0 ? undefined : this.#at(this.#size - 1).queueOffset;
    const consuming = this.#consuming.at(-1)?.queueOffset;
    if (waiting === undefined) return consuming;
    return consuming === undefined || waiting > consuming ? waiting : consuming;
  }

  /** Forgets everything and takes in messages from `floor` on. */
  reset(floor: number): void {
    this.#ring = new Array<StoredMessage | undefined>(64);
    this.#mask = 63;
    this.#head = 0;
    this.#size = 0;
    this.#consuming = NOTHING;
    this.#resolved = [];
    this.#bytes = 0;
    this.#floor = floor;
  }

  /** Takes messages in. Those already held, being consumed or finished are left out. Returns how many were new. */
  put(messages: readonly StoredMessage[]): number {
    let added = 0;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i] as StoredMessage;
      const offset = message.queueOffset;
      if (offset < this.#floor) continue;
      if (this.#resolved.length > 0 && this.#resolved.includes(offset)) continue;
      const consuming = this.#consuming;
      const lastConsuming =
        consuming.length === 0 ? -1 : (consuming[consuming.length - 1] as StoredMessage).queueOffset;
      if (offset <= lastConsuming && consuming.some((held) => held.queueOffset === offset)) continue;
      if (!this.#insert(message)) continue;
      this.#bytes += message.bodyLength;
      added++;
    }
    return added;
  }

  /** Moves the lowest `most` waiting messages to those being consumed and returns them in order. */
  take(most: number): readonly StoredMessage[] {
    const count = most < this.#size ? most : this.#size;
    if (count === 0) return NOTHING;
    const batch = [this.#shift()];
    for (let i = 1; i < count; i++) batch.push(this.#shift());
    if (this.#consuming.length === 0) this.#consuming = batch;
    else this.#consuming = appended(this.#consuming, batch);
    return batch;
  }

  /** Finishes everything being consumed. Returns the offset to commit, or -1 when there was nothing to finish. */
  commit(): number {
    const finished = this.#consuming;
    const last = finished.at(-1);
    if (last === undefined && this.#resolved.length === 0) return -1;
    for (let i = 0; i < finished.length; i++) this.#bytes -= (finished[i] as StoredMessage).bodyLength;
    this.#consuming = NOTHING;
    const waiting = this.lowestUnfinished;
    if (last === undefined || (waiting !== undefined && waiting < last.queueOffset)) {
      // A message arrived late, below what was consumed meanwhile: the offset stays before it.
      for (const message of finished) this.#rememberResolved(message.queueOffset);
      return this.#finishUpTo(this.#floor);
    }
    return this.#finishUpTo(last.queueOffset + 1);
  }

  /**
   * Finishes one message that is being consumed, whatever becomes of its neighbours: it is safe elsewhere.
   * Returns the offset that may be committed now, or -1 when a lower message is still unfinished.
   */
  resolve(message: StoredMessage): number {
    if (!this.#consuming.includes(message)) return -1;
    this.#consuming = this.#consuming.filter((held) => held !== message);
    this.#bytes -= message.bodyLength;
    this.#rememberResolved(message.queueOffset);
    const lowest = this.lowestUnfinished;
    const first = this.#resolved[0] as number;
    if (lowest !== undefined && lowest < first) return -1;
    return this.#finishUpTo(this.#floor);
  }

  /** Puts everything being consumed back, to be handed out again in order. */
  rollback(): void {
    const back = this.#consuming;
    this.#consuming = NOTHING;
    this.#unshift(back);
  }

  /** Puts these messages back, of those being consumed. */
  makeConsumeAgain(messages: readonly StoredMessage[]): void {
    const back =
      messages.length === this.#consuming.length
        ? this.#consuming
        : this.#consuming.filter((m) => messages.includes(m));
    this.#consuming = back === this.#consuming ? NOTHING : this.#consuming.filter((m) => !messages.includes(m));
    this.#unshift(back);
  }

  /** All below `offset` is finished, and so are the resolved ones that follow without an unfinished one between. */
  #finishUpTo(offset: number): number {
    let next = offset;
    if (this.#resolved.length === 0) {
      if (next > this.#floor) this.#floor = next;
      return next;
    }
    const lowest = this.lowestUnfinished ?? Number.POSITIVE_INFINITY;
    while (this.#resolved.length > 0 && (this.#resolved[0] as number) < lowest) {
      next = Math.max(next, (this.#resolved.shift() as number) + 1);
    }
    this.#floor = Math.max(this.#floor, next);
    return next;
  }

  #rememberResolved(resolved: number): void {
    const at = this.#resolved.findIndex((offset) => offset > resolved);
    this.#resolved.splice(at === -1 ? this.#resolved.length : at, 0, resolved);
  }

  #at(index: number): StoredMessage {
    return this.#ring[(this.#head + index) & this.#mask] as StoredMessage;
  }

  #shift(): StoredMessage {
    const message = this.#ring[this.#head] as StoredMessage;
    this.#ring[this.#head] = undefined;
    this.#size--;
    // Emptied, it begins anew: what is filled and emptied again and again goes on using the same few slots.
    this.#head = this.#size === 0 ? 0 : (this.#head + 1) & this.#mask;
    return message;
  }

  /** Returns false when a message of that offset is already waiting: the one held stays. */
  #insert(message: StoredMessage): boolean {
    const offset = message.queueOffset;
    if (this.#size === 0 || this.#at(this.#size - 1).queueOffset < offset) {
      this.#grow(1);
      this.#ring[(this.#head + this.#size) & this.#mask] = message;
      this.#size++;
      return true;
    }
    let low = 0;
    let high = this.#size - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle).queueOffset < offset) low = middle + 1;
      else high = middle;
    }
    const found = this.#at(low);
    if (found.queueOffset === offset) return false;
    this.#grow(1);
    for (let i = this.#size; i > low; i--) {
      this.#ring[(this.#head + i) & this.#mask] = this.#ring[(this.#head + i - 1) & this.#mask];
    }
    this.#ring[(this.#head + low) & this.#mask] = message;
    this.#size++;
    return true;
  }

  /** Back to the front: what comes back is usually lower than all that wait. */
  #unshift(messages: readonly StoredMessage[]): void {
    for (let i = messages.length - 1; i >= 0; i--) {
      const message = messages[i] as StoredMessage;
      if (this.#size > 0 && this.#at(0).queueOffset < message.queueOffset) {
        this.#insert(message);
        continue;
      }
      this.#grow(1);
      this.#head = (this.#head - 1) & this.#mask;
      this.#ring[this.#head] = message;
      this.#size++;
    }
  }

  #grow(more: number): void {
    if (this.#size + more <= this.#ring.length) return;
    const larger = new Array<StoredMessage | undefined>(this.#ring.length * 2);
    for (let i = 0; i < this.#size; i++) larger[i] = this.#at(i);
    this.#ring = larger;
    this.#mask = larger.length - 1;
    this.#head = 0;
  }
}

/**
 * A listener that commits by hand may leave thousands uncommitted: the array grows in place. The batch it once was is
 * looked at no more when the next one is handed out.
 */
function appended(consuming: StoredMessage[], batch: readonly StoredMessage[]): StoredMessage[] {
  const last = consuming[consuming.length - 1] as StoredMessage;
  for (let i = 0; i < batch.length; i++) consuming.push(batch[i] as StoredMessage);
  return last.queueOffset < (batch[0] as StoredMessage).queueOffset ? consuming : consuming.sort(byOffset);
}

function byOffset(a: StoredMessage, b: StoredMessage): number {
  return a.queueOffset - b.queueOffset;
}
