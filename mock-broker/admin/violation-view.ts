import type { Violation } from '../watchdogs/violation.js';
import type { ViolationView } from './schemas.js';

export function violationView({ kind, at, group, queue, clientId, message, entries }: Violation): ViolationView {
  const { topic, brokerName: broker, queueId } = queue;
  return { kind, at, group, topic, broker, queueId, clientId, message, entries: entries.map((entry) => entry.seq) };
}
