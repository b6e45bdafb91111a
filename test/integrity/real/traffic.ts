import type { MessageQueue, Producer } from '../../../lib/index.js';
import type { History } from './history.js';

/** Messages for each queue at a steady rate, whatever becomes of them; bodies tell queue and number. */
export class Traffic {
  readonly #producer: Producer;
  readonly #queues: readonly MessageQueue[];
  readonly #history: Pick<History, 'acknowledged'>;
  readonly #underWay = new Map<MessageQueue, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #number = 0;
  sent = 0;
  failed = 0;

  constructor(producer: Producer, queues: readonly MessageQueue[], history: Pick<History, 'acknowledged'>) {
    this.#producer = producer;
    this.#queues = queues;
    this.#history = history;
  }

  /** One message for each queue each `everyMs`; a queue whose last one has no answer yet is left out. */
  start(everyMs: number): void {
    this.#timer = setInterval(() => {
      for (const queue of this.#queues) {
        if (this.#underWay.has(queue)) continue;
        this.#underWay.set(
          queue,
          this.#send(queue).finally(() => this.#underWay.delete(queue)),
        );
      }
    }, everyMs);
  }

  /** So many messages more for each queue, at once: what members have in their buffers for a while. */
  async burst(count: number): Promise<void> {
    await Promise.all(this.#queues.flatMap((queue) => Array.from({ length: count }, () => this.#send(queue))));
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay.values());
  }

  async #send(queue: MessageQueue): Promise<void> {
    const body = `${queue.brokerName}#${queue.queueId}:${this.#number++}`;
    try {
      const { queueOffset } = await this.#producer.send({ topic: queue.topic, body }, { queue });
      this.#history.acknowledged.set(`${queue.brokerName}#${queue.queueId}@${queueOffset}`, body);
      this.sent++;
    } catch {
      // A broker that is away. The message may be stored all the same: what is there is counted in the end.
      this.failed++;
    }
  }
}
