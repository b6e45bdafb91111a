import type { AssignedQueue } from './assigned-queue.js';
import { QueuePuller, type PullDeps, type PullOptions } from './queue-puller.js';

/** Pulls the queues that are owned, each by itself. */
export class PullLoop {
  readonly #options: PullOptions;
  readonly #deps: PullDeps;

  constructor(options: PullOptions, deps: PullDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Starts to pull the queue, for its current generation. It ends by itself with that. */
  start(queue: AssignedQueue): void {
    new QueuePuller(queue, this.#options, this.#deps).start();
  }
}
