import type { MockCluster, ViolationKind } from '../../mock-broker/index.js';
import { WatchdogError } from '../../mock-broker/index.js';

/** Stops a cluster that may have found these kinds of violations, and must have found one of each; others throw. */
export async function stopProvoked(cluster: MockCluster, provoked: readonly ViolationKind[]): Promise<void> {
  await cluster.stop().catch((error: unknown) => {
    if (!(error instanceof WatchdogError)) throw error;
    const others = error.violations.filter(({ kind }) => !provoked.includes(kind));
    if (others.length > 0) throw new WatchdogError(others);
  });
  const missed = provoked.filter((kind) => cluster.violationCounts?.[kind] === 0);
  if (missed.length > 0) throw new Error(`the watchdogs did not find ${missed.join(', ')}`);
}
