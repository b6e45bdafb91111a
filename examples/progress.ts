import type { OrderBook } from './order-book.js';

/** Shows how far things are: a line that changes in place on a terminal, a line a second elsewhere. */
export class Progress {
  readonly #total: number;
  readonly #book: OrderBook;
  readonly #timer: NodeJS.Timeout;

  constructor(total: number, book: OrderBook) {
    this.#total = total;
    this.#book = book;
    this.#timer = setInterval(() => this.#show(), process.stdout.isTTY ? 100 : 1_000);
    this.#timer.unref();
  }

  note(text: string): void {
    if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
    console.log(`  ${text}`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#show();
    if (process.stdout.isTTY) process.stdout.write('\n');
  }

  #show(): void {
    const { sent, consumed, dead, redelivered, violations } = this.#book;
    const percent = Math.floor(((consumed + dead) / this.#total) * 100);
    const line = `${percent} %  sent ${sent}  consumed ${consumed}  redelivered ${redelivered}  dead ${dead}  violations ${violations}`;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`);
    else console.log(line);
  }
}
