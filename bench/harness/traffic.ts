import { Producer, type MessageQueue } from '../../lib/index.js';

/** Steady traffic: a message to every queue, every few milliseconds, until it is stopped. */
export class Traffic {
  readonly #producer: Producer;
  readonly #timer: NodeJS.Timeout;
  #failed: Error | undefined;

  private constructor(producer: Producer, queues: readonly MessageQueue[], everyMs: number) {
    this.#producer = producer;
    this.#timer = setInterval(() => {
      for (const queue of queues) {
        producer.send({ topic: queue.topic, body: Buffer.from('x') }, { queue }).catch((error: unknown) => {
          this.#failed ??= error instanceof Error ? error : new Error(String(error));
        });
      }
    }, everyMs);
  }

  static async start(namesrvAddr: string, queues: readonly MessageQueue[], everyMs: number): Promise<Traffic> {
    const producer = new Producer({ namesrvAddr });
    await producer.start();
    return new Traffic(producer, queues, everyMs);
  }

  /** @throws whatever a send failed with */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#producer.close();
    if (this.#failed !== undefined) throw this.#failed;
  }
}
