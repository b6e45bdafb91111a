import { Producer, type MessageQueue } from '../../lib/index.js';

/**
 * Steady traffic that outlives lost connections: each queue gets a message every few milliseconds, the next one only when
 * the one before is stored or has failed for good.
 */
export class Feeder {
  readonly #producer: Producer;
  readonly #body: Buffer;
  readonly #ends = new Map<string, number>();
  readonly #running: Promise<unknown>;
  readonly #stopped = new AbortController();
  #sent = 0;
  #failed = 0;

  private constructor(producer: Producer, queues: readonly MessageQueue[], everyMs: number, size: number) {
    this.#producer = producer;
    this.#body = Buffer.alloc(size, 'rocketmq-ordered ');
    this.#running = Promise.all(queues.map((queue) => this.#feed(queue, everyMs)));
  }

  static async start(
    namesrvAddr: string,
    queues: readonly MessageQueue[],
    everyMs: number,
    size: number,
  ): Promise<Feeder> {
    const producer = new Producer({ namesrvAddr });
    await producer.start();
    return new Feeder(producer, queues, everyMs, size);
  }

  /** How many messages are stored for certain. */
  get sent(): number {
    return this.#sent;
  }

  /** How many sends failed, retries included: a lost connection may take some with it. */
  get failed(): number {
    return this.#failed;
  }

  /** By queue, the offset behind the last message that is stored for certain. */
  get ends(): ReadonlyMap<string, number> {
    return this.#ends;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    await this.#producer.close();
  }

  async #feed(queue: MessageQueue, everyMs: number): Promise<void> {
    const name = `${queue.topic}@${queue.brokerName}#${queue.queueId}`;
    const { signal } = this.#stopped;
    for (let dueAt = performance.now(); !signal.aborted; dueAt += everyMs) {
      const wait = dueAt - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      else dueAt = performance.now();
      try {
        const { queueOffset } = await this.#producer.send({ topic: queue.topic, body: this.#body }, { queue });
        this.#ends.set(name, Math.max(this.#ends.get(name) ?? 0, queueOffset + 1));
        this.#sent++;
      } catch {
        // Its outcome is unknown: the queue may hold it. Consumers tell.
        this.#failed++;
      }
    }
  }
}
