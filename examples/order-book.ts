import type { MessageQueue } from '../lib/index.js';

/** Keeps account of what was sent, delivered and completed, and judges it: is every order's life in order, and whole? */
export class OrderBook {
  readonly #steps: number;
  readonly #completed = new Map<number, number>();
  readonly #delivered = new Set<string>();
  readonly #silences: number[] = [];
  /** By queue: who was called for it last, when that call ended, and whether it has. */
  readonly #lastCalls = new Map<string, { consumer: string; at: number; running: boolean }>();
  readonly #watchers: { reached: () => boolean; resolve: () => void }[] = [];
  readonly #startedAt = performance.now();
  #finishedAt = 0;
  sent = 0;
  consumed = 0;
  redelivered = 0;
  dead = 0;
  violations = 0;
  #deliveries = 0;

  constructor(steps: number) {
    this.#steps = steps;
  }

  sentOne(): void {
    this.sent++;
    this.#check();
  }

  /** A listener call begins. Returns how many there were before. */
  delivered(consumer: string, queue: MessageQueue, order: number, step: number): number {
    const key = queueName(queue);
    const last = this.#lastCalls.get(key);
    // Two calls for one queue at a time would be the worst of all violations.
    if (last?.running === true) this.violations++;
    if (last !== undefined && last.consumer !== consumer) this.#silences.push(performance.now() - last.at);
    this.#lastCalls.set(key, { consumer, at: performance.now(), running: true });
    const done = this.#completed.get(order) ?? -1;
    if (step > done + 1) this.violations++;
    if (this.#delivered.has(`${order}/${step}`)) this.redelivered++;
    else this.#delivered.add(`${order}/${step}`);
    return this.#deliveries++;
  }

  /** The listener call for the queue has ended, one way or the other. */
  answered(queue: MessageQueue): void {
    const last = this.#lastCalls.get(queueName(queue));
    if (last === undefined) return;
    last.at = performance.now();
    last.running = false;
  }

  completed(order: number, step: number): void {
    if ((this.#completed.get(order) ?? -1) >= step) return;
    this.#completed.set(order, step);
    this.consumed++;
    this.#finishedAt = performance.now();
    this.#check();
  }

  deadLettered(order: number, step: number): void {
    this.dead++;
    this.#completed.set(order, Math.max(step, this.#completed.get(order) ?? -1));
    this.#finishedAt = performance.now();
    this.#check();
  }

  whenSent(count: number): Promise<void> {
    return this.#when(() => this.sent >= count);
  }

  whenFinished(count: number): Promise<void> {
    return this.#when(() => this.consumed + this.dead >= count);
  }

  summary(): Record<string, string | number> & { 'order violations': number; lost: number } {
    const seconds = (this.#finishedAt - this.#startedAt) / 1_000;
    const incomplete = [...this.#completed.values()].filter((step) => step !== this.#steps - 1).length;
    return {
      sent: this.sent,
      consumed: this.consumed,
      'order violations': this.violations,
      lost: Math.max(this.sent - this.consumed - this.dead, incomplete),
      redelivered: this.redelivered,
      'dead-lettered': this.dead,
      'queues handed over': this.#silences.length,
      'hand-over silence, ms': Math.round(Math.max(0, ...this.#silences)),
      'messages per second': Math.round((this.consumed + this.dead) / seconds),
    };
  }

  #when(reached: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push({ reached, resolve });
      this.#check();
    });
  }

  #check(): void {
    for (let i = this.#watchers.length - 1; i >= 0; i--) {
      const watcher = this.#watchers[i];
      if (watcher?.reached() === true) this.#watchers.splice(i, 1)[0]?.resolve();
    }
  }
}

function queueName(queue: MessageQueue): string {
  return `${queue.brokerName}/${queue.topic}/${queue.queueId}`;
}
