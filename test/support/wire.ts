import { RequestCode } from '../../lib/protocol/codes.js';
import type { JournalEntry, MockCluster } from '../../mock-broker/index.js';

/** Views of a mock cluster's journal that several suites share. */

/** The pulls of a topic that reached a broker, of one queue or all. */
export function pulls(cluster: MockCluster, topic: string, queueId?: number): JournalEntry[] {
  return ofQueue(cluster.journal.requests({ code: RequestCode.PULL_MESSAGE }), topic, queueId);
}

/** The commits of a topic that came as requests of their own, of one queue or all. */
export function commits(cluster: MockCluster, topic: string, queueId?: number): JournalEntry[] {
  return ofQueue(cluster.journal.requests({ code: RequestCode.UPDATE_CONSUMER_OFFSET }), topic, queueId);
}

/** How long after the one before each of these came, in milliseconds. */
export function gaps(entries: readonly JournalEntry[]): number[] {
  return entries.slice(1).map((entry, i) => entry.at - (entries[i] as JournalEntry).at);
}

function ofQueue(entries: JournalEntry[], topic: string, queueId: number | undefined): JournalEntry[] {
  return entries.filter(
    (entry) => entry.ext['topic'] === topic && (queueId === undefined || entry.ext['queueId'] === String(queueId)),
  );
}

/** Numbers from 0 on. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
