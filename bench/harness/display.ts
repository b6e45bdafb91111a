/** Shows how far a run is: a line that changes in place on a terminal, only what is finished elsewhere. */
export class Display {
  readonly #tty = process.stderr.isTTY;
  #doing = '';
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  /** What goes on from now on; replaces what went on before. */
  doing(text: string): void {
    if (this.#timer === undefined || this.#doing.split(':')[0] !== text.split(':')[0]) this.#since = performance.now();
    this.#doing = text;
    this.#timer ??= setInterval(() => this.#show(), 250).unref();
    this.#show();
  }

  /** Nothing goes on any more; `text` stays. */
  done(text: string): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#tty) process.stderr.write('\r\x1b[K');
    process.stderr.write(`  ${text}\n`);
  }

  /** Ends the line in place, when something failed. */
  stop(): void {
    if (this.#timer !== undefined) this.done(`${this.#doing} (stopped)`);
  }

  #show(): void {
    if (!this.#tty) return;
    const seconds = Math.floor((performance.now() - this.#since) / 1000);
    process.stderr.write(`\r\x1b[K  ${this.#doing} ${seconds} s`);
  }
}
