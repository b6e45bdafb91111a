/** A link of a chain. */
export interface ChainLink {
  /** Called when all links before it are done; the next one is called when the promise is. It must not reject. */
  run(): Promise<void>;
  /** Called instead of {@link run} when the chain is cut before. */
  cut(error: Error): void;
}

interface Node {
  readonly link: ChainLink;
  next: Node | undefined;
}

interface Chain {
  /** The link that runs. */
  current: Node;
  last: Node;
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
    const node: Node = { link, next: undefined };
    const chain = this.#chains.get(key);
    if (chain === undefined) {
      const started = { current: node, last: node };
      this.#chains.set(key, started);
      void this.#follow(key, started);
    } else {
      chain.last.next = node;
      chain.last = node;
    }
  }

  /** Takes the links that wait behind the running one out of their chain, now, so that none added later is among them. */
  cut(key: string, error: Error): void {
    const chain = this.#chains.get(key);
    if (chain === undefined) return;
    const waiting = chain.current.next;
    chain.current.next = undefined;
    chain.last = chain.current;
    for (let node = waiting; node !== undefined; node = node.next) node.link.cut(error);
  }

  async #follow(key: string, chain: Chain): Promise<void> {
    for (;;) {
      await chain.current.link.run();
      const { next } = chain.current;
      if (next === undefined) break;
      chain.current = next;
    }
    this.#chains.delete(key);
  }
}
