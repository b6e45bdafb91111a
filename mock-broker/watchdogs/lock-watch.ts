import { ResponseCode } from '../../lib/protocol/codes.js';
import { leaseOf } from '../../lib/protocol/lease.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { messageQueueKey } from '../../lib/protocol/message-queue.js';
import type { JournalEntry } from '../journal-entry.js';
import type { Violation, ViolationKind } from './violation.js';

/** Who was told to hold which queue. */

interface Holding {
  /** When the client stops counting on it. */
  readonly until: number;
  /** The request and its answer. */
  readonly entries: readonly JournalEntry[];
}

/** A request to lock or unlock. */
export interface LockRequest {
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly queues: readonly MessageQueue[];
}

export class LockWatch {
  readonly #report: (violation: Violation) => void;
  /** By group and queue: the clients that count on it. */
  readonly #holdings = new Map<string, Map<string, Holding>>();

  constructor(report: (violation: Violation) => void) {
    this.#report = report;
  }

  /** An answer to a lock request goes out. */
  answered(request: LockRequest, locked: readonly MessageQueue[], asked: JournalEntry, answer: JournalEntry): void {
    const granted = new Set(answer.code === ResponseCode.SUCCESS ? locked.map(messageQueueKey) : []);
    for (const queue of request.queues) {
      const holdings = this.#of(request.consumerGroup, queue);
      if (granted.has(messageQueueKey(queue))) this.#grant(request, queue, holdings, asked, answer);
      else if (answer.code === ResponseCode.SUCCESS) holdings.delete(request.clientId);
    }
  }

  /** A client gives queues up: whether the broker hears of it or not. */
  unlocked({ consumerGroup, clientId, queues }: LockRequest): void {
    for (const queue of queues) this.#of(consumerGroup, queue).delete(clientId);
  }

  /** A client leaves a group. */
  left(group: string, clientId: string): void {
    for (const [key, holdings] of this.#holdings) if (key.startsWith(`${group}\0`)) holdings.delete(clientId);
  }

  /** A pull or commit of a queue whose lock another client holds. */
  foreign(
    kind: Extract<ViolationKind, 'pullWithoutLock' | 'commitWithoutLock'>,
    where: { group: string; queue: MessageQueue; clientId: string; holder: string },
    request: JournalEntry,
  ): void {
    const { group, queue, clientId, holder } = where;
    const grants = this.#of(group, queue).get(holder)?.entries ?? [];
    const what = kind === 'pullWithoutLock' ? 'pulls' : 'commits';
    const message = `${clientId} ${what} while ${holder} holds the lock`;
    this.#report({ kind, at: request.at, group, queue, clientId, message, entries: [...grants, request] });
  }

  #grant(
    { consumerGroup: group, clientId }: LockRequest,
    queue: MessageQueue,
    holdings: Map<string, Holding>,
    asked: JournalEntry,
    answer: JournalEntry,
  ): void {
    const before = holdings.get(clientId);
    const isNew = before === undefined || before.until <= answer.at;
    const until = asked.at + leaseOf(clientId);
    holdings.set(clientId, { until, entries: [asked, answer] });
    // Two that renew side by side are told once, not at each renewal.
    if (!isNew || until <= answer.at) return;
    for (const [other, holding] of holdings) {
      if (other === clientId) continue;
      if (holding.until <= answer.at) {
        holdings.delete(other);
        continue;
      }
      const message = `${clientId} was told that it holds the lock, and ${other} counts on it for another ${holding.until - answer.at} ms`;
      const entries = [...holding.entries, asked, answer].sort((a, b) => a.seq - b.seq);
      this.#report({ kind: 'twoOwners', at: answer.at, group, queue, clientId, message, entries });
    }
  }

  #of(group: string, queue: MessageQueue): Map<string, Holding> {
    const key = `${group}\0${messageQueueKey(queue)}`;
    let holdings = this.#holdings.get(key);
    if (holdings === undefined) this.#holdings.set(key, (holdings = new Map<string, Holding>()));
    return holdings;
  }
}
