/** Committed offsets of consumer groups, and resets that wait for the next pull. Kept over a restart. */

/** One committed offset. */
export interface CommittedOffset {
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
}

export class OffsetTable {
  readonly #committed = new Map<string, Map<number, number>>();
  readonly #resets = new Map<string, Map<number, number>>();
  readonly #pulled = new Map<string, Map<number, number>>();

  /** Overwrites, unconditionally: nothing checks the order of offsets or who owns the queue. */
  commit(group: string, topic: string, queueId: number, offset: number): void {
    put(this.#committed, tableKey(topic, group), queueId, offset);
  }

  /** Forgets what is committed for a queue. */
  forget(group: string, topic: string, queueId: number): void {
    this.#committed.get(tableKey(topic, group))?.delete(queueId);
  }

  /** The committed offset; a pending reset counts as committed. */
  query(group: string, topic: string, queueId: number): number | undefined {
    const key = tableKey(topic, group);
    return this.#resets.get(key)?.get(queueId) ?? this.#committed.get(key)?.get(queueId);
  }

  /** Where the group's latest pull of the queue ended: what is between this and the committed offset is under way. */
  notePulled(group: string, topic: string, queueId: number, nextOffset: number): void {
    put(this.#pulled, tableKey(topic, group), queueId, nextOffset);
  }

  pulled(group: string, topic: string, queueId: number): number | undefined {
    return this.#pulled.get(tableKey(topic, group))?.get(queueId);
  }

  /** The topics a group has committed something in. */
  topicsOf(group: string): string[] {
    return [...this.#committed.keys()].flatMap((key) => {
      const [topic, owner] = key.split('\0');
      return owner === group && topic !== undefined ? [topic] : [];
    });
  }

  /** The groups that have committed something in a topic. */
  groupsOf(topic: string): string[] {
    return [...this.#committed.keys()].flatMap((key) => {
      const [name, owner] = key.split('\0');
      return name === topic && owner !== undefined ? [owner] : [];
    });
  }

  /** Gives a group the offsets that another has in a topic. */
  copy(fromGroup: string, toGroup: string, topic: string): void {
    const offsets = this.#committed.get(tableKey(topic, fromGroup));
    if (offsets !== undefined) this.#committed.set(tableKey(topic, toGroup), new Map(offsets));
  }

  list(group: string): CommittedOffset[] {
    const found: CommittedOffset[] = [];
    for (const [key, offsets] of this.#committed) {
      const [topic, owner] = key.split('\0');
      if (owner !== group || topic === undefined) continue;
      for (const [queueId, offset] of offsets) found.push({ topic, queueId, offset });
    }
    return found;
  }

  /** The next pull of the queue is answered with `offset`, and commits are ignored until then. */
  assignReset(group: string, topic: string, queueId: number, offset: number): void {
    put(this.#resets, tableKey(topic, group), queueId, offset);
    // The reference makes it the committed offset at once, so that whoever starts next begins there.
    this.commit(group, topic, queueId, offset);
  }

  hasReset(group: string, topic: string, queueId: number): boolean {
    return this.#resets.get(tableKey(topic, group))?.has(queueId) ?? false;
  }

  /** The pending reset, which is forgotten by this. */
  takeReset(group: string, topic: string, queueId: number): number | undefined {
    const resets = this.#resets.get(tableKey(topic, group));
    const offset = resets?.get(queueId);
    resets?.delete(queueId);
    return offset;
  }

  /** The same offsets in a table of its own; resets that wait stay behind. */
  clone(): OffsetTable {
    const copy = new OffsetTable();
    for (const [key, offsets] of this.#committed) copy.#committed.set(key, new Map(offsets));
    return copy;
  }

  /** Forgets everything, as a broker does that lost its disk. */
  clear(): void {
    for (const table of [this.#committed, this.#resets, this.#pulled]) table.clear();
  }

  /** Forgets everything about a topic that is deleted. */
  deleteTopic(topic: string): void {
    for (const table of [this.#committed, this.#resets, this.#pulled]) {
      for (const key of table.keys()) if (key.startsWith(`${topic}\0`)) table.delete(key);
    }
  }

  /** Forgets everything about a group. */
  deleteGroup(group: string): void {
    for (const table of [this.#committed, this.#resets, this.#pulled]) {
      for (const key of table.keys()) if (key.endsWith(`\0${group}`)) table.delete(key);
    }
  }
}

function tableKey(topic: string, group: string): string {
  return `${topic}\0${group}`;
}

function put(table: Map<string, Map<number, number>>, key: string, queueId: number, offset: number): void {
  let offsets = table.get(key);
  if (offsets === undefined) table.set(key, (offsets = new Map<number, number>()));
  offsets.set(queueId, offset);
}
