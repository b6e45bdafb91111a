import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

/** What a program that consumes reports. Times in milliseconds, memory in bytes. */
export interface ConsumeResult {
  readonly messages: number;
  /** From the call of start() to the first message. */
  readonly firstMs: number;
  /** From the first message to the last. */
  readonly wallMs: number;
  /** Processor time of the whole process, all threads, in that span. */
  readonly cpuMs: number;
  /** Processor time since the process began. */
  readonly cpuTotalMs: number;
  /** The largest resident set so far. */
  readonly peakRss: number;
  /** How late the event loop was, at the 99th of 100, in that span. */
  readonly loopDelayP99Ms?: number | undefined;
}

/** Takes the times of a run: start, first message, last message. */
export class Meter {
  readonly #startedAt = performance.now();
  readonly #delay: IntervalHistogram | undefined;
  #firstAt = 0;
  #cpuAtFirst = process.cpuUsage();

  constructor(options: { readonly loopDelay: boolean }) {
    this.#delay = options.loopDelay ? monitorEventLoopDelay({ resolution: 5 }) : undefined;
  }

  first(): void {
    this.#firstAt = performance.now();
    this.#cpuAtFirst = process.cpuUsage();
    this.#delay?.enable();
  }

  last(messages: number): ConsumeResult {
    const wallMs = performance.now() - this.#firstAt;
    const { user, system } = process.cpuUsage(this.#cpuAtFirst);
    const total = process.cpuUsage();
    this.#delay?.disable();
    return {
      messages,
      firstMs: this.#firstAt - this.#startedAt,
      wallMs,
      cpuMs: (user + system) / 1_000,
      cpuTotalMs: (total.user + total.system) / 1_000,
      peakRss: peakRss(),
      // The timer behind it fires once in its resolution; what is above that is delay.
      loopDelayP99Ms: this.#delay === undefined ? undefined : Math.max(0, this.#delay.percentile(99) / 1e6 - 5),
    };
  }
}

/** The kernel's high-water mark where there is one to be read. */
export function peakRss(): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kib !== undefined) return Number(kib) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** The one line the harness reads. */
export function printResult(result: object): void {
  process.stdout.write(`RESULT ${JSON.stringify(result)}\n`);
}
