import pLimit from 'p-limit';

/**
 * One at a time: whoever hands messages of a queue to the listener and waits for it holds this. Whether it is held is
 * looked at with each pull of each queue, so it is a plain number.
 */
export class CallLock {
  readonly #limit = pLimit(1);
  #held = 0;

  get isHeld(): boolean {
    return this.#held > 0;
  }

  /** Runs the step when those before it have ended, and resolves or rejects as it does. */
  async run<T>(step: () => T | PromiseLike<T>): Promise<T> {
    this.#held++;
    try {
      return await this.#limit(step);
    } finally {
      this.#held--;
    }
  }
}
