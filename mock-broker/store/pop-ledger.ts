/**
 * What was popped and is nobody else's until it is acknowledged or its invisible time is over. A pop begins where the
 * latest one ended; the committed offset follows when what lies before it is settled.
 */

/** A queue as one group pops it. */
export interface PopQueue {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
}

/** The messages of one pop out of one queue. */
export interface Popped {
  readonly offsets: readonly number[];
  readonly popTime: number;
  readonly invisibleTime: number;
  /** Where the next pop of the queue begins. */
  readonly nextOffset: number;
}

export interface PopLedgerOptions {
  /** Calls back at a time of the mock's clock, over restarts too. */
  at(dueAt: number, callback: () => void): void;
  commit(queue: PopQueue, offset: number): void;
  /** The invisible time of a message is over. */
  revive(queue: PopQueue, offset: number, popTime: number): void;
}

interface Checkpoint {
  readonly popTime: number;
  readonly nextOffset: number;
  /** Not acknowledged. */
  readonly open: Set<number>;
  /** Kept elsewhere, so that the offset may be committed. */
  isStored: boolean;
}

/** How long the reference waits for acknowledgements before it writes down what is missing: `popCkStayBufferTime`. */
const STAY_MS = 10_000;
/** It writes down what is about to end: `popCkStayBufferTimeOut`, and has some time left. */
const STORE_BEFORE_MS = 1500;

export class PopLedger {
  readonly #options: PopLedgerOptions;
  /** The pops of each queue whose offsets are not committed yet, in order. */
  readonly #uncommitted = new Map<string, Checkpoint[]>();
  /** The messages that are out, by queue, offset and time of the pop. */
  readonly #open = new Map<string, Map<string, Checkpoint>>();

  constructor(options: PopLedgerOptions) {
    this.#options = options;
  }

  /** Where the next pop of the queue begins when that is past the committed offset. */
  latestOffset(queue: PopQueue): number | undefined {
    return this.#uncommitted.get(keyOf(queue))?.at(-1)?.nextOffset;
  }

  /** How many messages of the queue are out. */
  openCount(queue: PopQueue): number {
    return this.#open.get(keyOf(queue))?.size ?? 0;
  }

  /** Messages were popped; none, when the pop only found that nothing matched. */
  add(queue: PopQueue, popped: Popped): void {
    const checkpoint = this.#register(queue, popped);
    const key = keyOf(queue);
    const checkpoints = this.#uncommitted.get(key);
    if (checkpoints === undefined) this.#uncommitted.set(key, [checkpoint]);
    else checkpoints.push(checkpoint);
    const stay = Math.max(0, Math.min(STAY_MS, popped.invisibleTime - STORE_BEFORE_MS));
    if (popped.offsets.length > 0) {
      this.#options.at(popped.popTime + stay, () => {
        checkpoint.isStored = true;
        this.#commit(queue);
      });
    }
    this.#commit(queue);
  }

  /** One message is out for another time than it was. Its offset was dealt with before. */
  extend(queue: PopQueue, offset: number, popTime: number, invisibleTime: number): void {
    this.#register(queue, { offsets: [offset], popTime, invisibleTime, nextOffset: offset + 1 });
  }

  /** A message is done. Returns whether it was out. */
  ack(queue: PopQueue, offset: number, popTime: number): boolean {
    const open = this.#open.get(keyOf(queue));
    const checkpoint = open?.get(messageKey(offset, popTime));
    if (checkpoint === undefined) return false;
    this.#close(queue, checkpoint, offset);
    this.#commit(queue);
    return true;
  }

  /** Forgets where pops of the queue are, as after a reset of its offset. What is out comes back all the same. */
  forgetOffset(queue: PopQueue): void {
    this.#uncommitted.delete(keyOf(queue));
  }

  clear(): void {
    this.#uncommitted.clear();
    this.#open.clear();
  }

  deleteTopic(topic: string): void {
    for (const table of [this.#uncommitted, this.#open]) {
      for (const key of table.keys()) if (key.startsWith(`${topic}\0`)) table.delete(key);
    }
  }

  #register(queue: PopQueue, { offsets, popTime, invisibleTime, nextOffset }: Popped): Checkpoint {
    const checkpoint: Checkpoint = { popTime, nextOffset, open: new Set(offsets), isStored: false };
    if (offsets.length === 0) return checkpoint;
    const key = keyOf(queue);
    let open = this.#open.get(key);
    if (open === undefined) this.#open.set(key, (open = new Map<string, Checkpoint>()));
    for (const offset of offsets) open.set(messageKey(offset, popTime), checkpoint);
    this.#options.at(popTime + invisibleTime, () => this.#expire(queue, checkpoint));
    return checkpoint;
  }

  #expire(queue: PopQueue, checkpoint: Checkpoint): void {
    const expired = [...checkpoint.open];
    for (const offset of expired) this.#close(queue, checkpoint, offset);
    for (const offset of expired) this.#options.revive(queue, offset, checkpoint.popTime);
    this.#commit(queue);
  }

  #close(queue: PopQueue, checkpoint: Checkpoint, offset: number): void {
    const key = keyOf(queue);
    const open = this.#open.get(key);
    checkpoint.open.delete(offset);
    open?.delete(messageKey(offset, checkpoint.popTime));
    if (open?.size === 0) this.#open.delete(key);
  }

  /** Commits past everything at the beginning that is settled. */
  #commit(queue: PopQueue): void {
    const key = keyOf(queue);
    const checkpoints = this.#uncommitted.get(key);
    if (checkpoints === undefined) return;
    let committed: number | undefined;
    while (checkpoints[0] !== undefined && (checkpoints[0].isStored || checkpoints[0].open.size === 0)) {
      committed = checkpoints.shift()?.nextOffset;
    }
    if (checkpoints.length === 0) this.#uncommitted.delete(key);
    if (committed !== undefined) this.#options.commit(queue, committed);
  }
}

function keyOf({ group, topic, queueId }: PopQueue): string {
  return `${topic}\0${group}\0${queueId}`;
}

function messageKey(offset: number, popTime: number): string {
  return `${offset}@${popTime}`;
}
