/** What was seen at one moment. */
export interface Sample {
  /** Since the beginning. */
  readonly seconds: number;
  /** Only the members that stay are there, and nothing is under way but traffic: such moments can be compared. */
  readonly calm: boolean;
  /** Bytes, after everything that is garbage was collected. */
  readonly heapUsed: number;
  /** Buffers among it. */
  readonly external: number;
  /** What the machine has given the process, garbage and all. */
  readonly rss: number;
  /** Client connections that are open. */
  readonly sockets: number;
  /** All that keeps the process alive, by kind, without what comes and goes with each turn. */
  readonly resources: Readonly<Record<string, number>>;
  readonly sent: number;
  readonly consumed: number;
  readonly lag: number;
  /** Of the mock's process; absent with a real cluster. */
  readonly mockRss?: number;
}

/** Bytes that are in use: the heap, and the buffers beside it. */
export function liveBytes({ heapUsed, external }: Pick<Sample, 'heapUsed' | 'external'>): number {
  return heapUsed + external;
}

/** What this process holds, garbage collected. @throws Error without `--expose-gc` */
export function measureProcess(): Pick<Sample, 'heapUsed' | 'external' | 'rss' | 'resources'> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('this program needs node --expose-gc');
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Immediate') resources[kind] = (resources[kind] ?? 0) + 1;
  }
  return { heapUsed, external, rss, resources };
}
