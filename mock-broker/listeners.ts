/**
 * Callbacks of the program around the mock. What one of them throws is that program's own failure: it is raised outside
 * of what the mock is doing, and neither breaks a connection nor goes unseen.
 */
export class Listeners<Args extends unknown[]> {
  readonly #listeners = new Set<(...args: Args) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns what takes it back. */
  add(listener: (...args: Args) => void): () => void {
    // The same function may be added twice, and is taken back one at a time.
    const own = (...args: Args): void => listener(...args);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell(...args: Args): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
