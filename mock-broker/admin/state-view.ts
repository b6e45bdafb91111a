import type { MockCluster } from '../cluster.js';
import type { Journal } from '../journal.js';
import { describeFault } from '../faults/schema.js';
import { clusterView, delayedViews, groupViews, pullViews, topicViews } from '../snapshot.js';
import type { StateView } from './schemas.js';

/** All that the console shows. */
export function stateView(cluster: MockCluster): StateView {
  const { journal, faults } = cluster;
  return {
    cluster: clusterView(cluster),
    topics: topicViews(cluster),
    groups: groupViews(cluster),
    pulls: pullViews(cluster),
    delayed: delayedViews(cluster),
    faults: faults.active.map(describeFault),
    journal: { lastSeq: lastSeq(journal), dropped: journal.dropped },
  };
}

/**
 * The same text for the same state: without what only tells that time goes by. A clock that stands still is state, since
 * it moves only when it is told to.
 */
export function stateKey(state: StateView): string {
  const { manual } = state.cluster.clock;
  return JSON.stringify(state, (name, value: unknown) => {
    if (name === 'journal') return undefined;
    return !manual && (name === 'now' || name === 'remainingMs' || name === 'pendingTimers') ? undefined : value;
  });
}

/** The position of the latest entry; -1 when there is none. */
export function lastSeq(journal: Journal): number {
  return journal.entries.at(-1)?.seq ?? -1;
}
