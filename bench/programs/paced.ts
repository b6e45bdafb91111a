/** Messages at an even pace, and how long they took: what every program that measures latency has in common. */

/** What such a program reports. */
export interface LatencyResult {
  readonly messages: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Calls `send` with 0, 1, ... at that pace. Each has its time; one that is late does not move those after it. */
export async function paced(count: number, intervalMs: number, send: (index: number) => void): Promise<void> {
  const begin = performance.now();
  for (let index = 0; index < count; index++) {
    const wait = begin + index * intervalMs - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    send(index);
  }
}

export function latencyResult(latencies: readonly number[]): LatencyResult {
  const sorted = [...latencies].sort((a, b) => a - b);
  const percentile = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return {
    messages: sorted.length,
    p50Ms: percentile(0.5),
    p90Ms: percentile(0.9),
    p99Ms: percentile(0.99),
    maxMs: percentile(1),
  };
}
