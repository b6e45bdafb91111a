/** A link of a chain. */
export interface ChainLink {
  /** Called when all links before it are done; the next one is called when the promise is. It must not reject. */
  run(): Promise<void>;
  /** Called instead of {@link run} when the chain is cut before this link. */
  cut(error: Error): void;
  /** Kept by the chain. */
  next?: ChainLink | undefined;
}

interface Chain {
  /** The link that runs. */
  current: ChainLink;
  last: ChainLink;
}

/**
 * One chain for each key: its links run one after the other in the order they were added, those of different chains
 * side by side. A chain exists only while it has links, so any number of keys may come and go.
 */
export class KeyChains {
  readonly #chains = new Map<string, Chain>();

  /** How many chains have links. */
  get size(): number {
    return this.#chains.size;
  }

  /** Adds a link; the first one of a chain runs at once. */
  add(key: string, link: ChainLink): void {
    const chain = this.#chains.get(key);
    if (chain === undefined) {
      const started = { current: link, last: link };
      this.#chains.set(key, started);
      void this.#follow(key, started);
    } else {
      chain.last.next = link;
      chain.last = link;
    }
  }

  /** Takes all links behind `link`, which must not be done yet, out of the chain, before it returns. */
  cutBehind(key: string, link: ChainLink, error: Error): void {
    const chain = this.#chains.get(key);
    if (chain === undefined) return;
    let behind = link.next;
    link.next = undefined;
    chain.last = link;
    while (behind !== undefined) {
      const { next } = behind;
      behind.next = undefined;
      behind.cut(error);
      behind = next;
    }
  }

  async #follow(key: string, chain: Chain): Promise<void> {
    for (;;) {
      await chain.current.run();
      const { next } = chain.current;
      if (next === undefined) break;
      chain.current = next;
    }
    this.#chains.delete(key);
  }
}
