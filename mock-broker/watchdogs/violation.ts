import { RocketMQError } from '../../lib/errors.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { describeQueue } from '../../lib/protocol/message-queue.js';
import type { JournalEntry } from '../journal-entry.js';

/** What must never happen to a group that consumes in order. */

export type ViolationKind =
  /** A client was told that it holds a queue's lock while another was, within the 30 s that counts. */
  | 'twoOwners'
  /** A pull of a queue whose lock another client holds. */
  | 'pullWithoutLock'
  /** A commit for such a queue. */
  | 'commitWithoutLock'
  /** A commit of an offset before the one committed last: messages come again. */
  | 'commitBack'
  /** A commit past everything the group was given: messages are lost. */
  | 'commitAhead'
  /** A client was given messages of a queue that is popped in order while those that another was given are not visible. */
  | 'twoReceivers'
  /** An acknowledgement of such a message by somebody who does not hold it any more. */
  | 'ackWithoutHold';

/** The kinds there are. */
export const VIOLATION_KINDS: readonly ViolationKind[] = [
  'twoOwners',
  'pullWithoutLock',
  'commitWithoutLock',
  'commitBack',
  'commitAhead',
  'twoReceivers',
  'ackWithoutHold',
];

export interface Violation {
  readonly kind: ViolationKind;
  /** When, in milliseconds of the mock's clock. */
  readonly at: number;
  readonly group: string;
  readonly queue: MessageQueue;
  /** Who did it, or was told it. */
  readonly clientId: string;
  /** For people. */
  readonly message: string;
  /** The frames that prove it, oldest first. */
  readonly entries: readonly JournalEntry[];
}

/** How many a message names. */
const SHOWN = 5;

/** Rules of ordered consumption were broken; `MockCluster.stop()` rejects with it when watchdogs are to throw. */
export class WatchdogError extends RocketMQError {
  readonly violations: readonly Violation[];

  constructor(violations: readonly Violation[]) {
    const shown = violations.slice(0, SHOWN).map(describeViolation);
    const more = violations.length > SHOWN ? `; and ${violations.length - SHOWN} more` : '';
    super(`the watchdogs of the mock cluster found ${violations.length} violations: ${shown.join('; ')}${more}`, {
      code: 'ERR_ROCKETMQ_MOCK_VIOLATION',
      retryable: false,
    });
    this.violations = violations;
  }
}

/** One violation in a line: `commitBack of billing in Orders/broker-a/3: ...`. */
export function describeViolation(violation: Violation): string {
  const entries = violation.entries.map((entry) => `#${entry.seq}`).join(', ');
  return `${violation.kind} of ${violation.group} in ${describeQueue(violation.queue)}: ${violation.message} (${entries})`;
}
