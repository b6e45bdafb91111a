import { RequestCode } from '../../lib/protocol/codes.js';
import { describeQueue, messageQueueKey, type MessageQueue } from '../../lib/protocol/message-queue.js';
import { lockBatchMq } from '../../lib/protocol/requests/lock-batch-mq.js';
import { unlockBatchMq } from '../../lib/protocol/requests/unlock-batch-mq.js';
import { PullSysFlag } from '../../lib/protocol/sys-flag.js';
import type { JournalEntry, MockCluster } from '../../mock-broker/index.js';
import type { ConsumeOrderlyContext, ListenerAnswer, MessageExt } from '../../lib/index.js';
import type { Delivery, WatchedConsumer } from './rig.js';

/** One offset a client gave to a broker, by a request of its own or along with a pull. */
export interface Commit {
  readonly seq: number;
  readonly at: number;
  readonly clientId: string | undefined;
  readonly queue: MessageQueue;
  readonly offset: number;
  readonly by: 'update' | 'pull';
}

/** A request that locks or unlocks queues, read. */
export interface LockRequest {
  readonly seq: number;
  readonly at: number;
  readonly broker: string;
  readonly clientId: string;
  readonly queues: readonly MessageQueue[];
}

/** Every commit that reached a broker, in order. */
export function allCommits(cluster: MockCluster): Commit[] {
  return cluster.journal.requests().flatMap((entry) => commitOf(entry) ?? []);
}

function commitOf(entry: JournalEntry): Commit | undefined {
  const { ext, seq, at, clientId } = entry;
  const queue = { topic: ext['topic'] ?? '', brokerName: entry.broker, queueId: Number(ext['queueId']) };
  const offset = Number(ext['commitOffset']);
  if (entry.code === RequestCode.UPDATE_CONSUMER_OFFSET) return { seq, at, clientId, queue, offset, by: 'update' };
  const commitsToo =
    entry.code === RequestCode.PULL_MESSAGE && (Number(ext['sysFlag']) & PullSysFlag.COMMIT_OFFSET) > 0;
  return commitsToo ? { seq, at, clientId, queue, offset, by: 'pull' } : undefined;
}

export function lockRequests(cluster: MockCluster): LockRequest[] {
  return lockOrUnlock(cluster, RequestCode.LOCK_BATCH_MQ);
}

export function unlockRequests(cluster: MockCluster): LockRequest[] {
  return lockOrUnlock(cluster, RequestCode.UNLOCK_BATCH_MQ);
}

function lockOrUnlock(cluster: MockCluster, code: number): LockRequest[] {
  return cluster.journal.requests({ code }).map((entry) => {
    const { seq, at, broker } = entry;
    const { clientId, queues } = lockBatchMq.decode(asCommand(entry));
    return { seq, at, broker, clientId, queues };
  });
}

/**
 * What is wrong with the commits of a run, in words; nothing when all is well. Replays the journal: a client owns a
 * queue from the answer that grants it until the answer that refuses it, or its own unlock. Each commit must come from
 * somebody who owned the queue when it arrived, and within one ownership none may go back.
 *
 * A lock that is taken by force at the broker ends an ownership only when its owner hears of it. A grant more than 60 s
 * after the one before begins a new ownership. What a broker did not answer on a connection without a name was dropped
 * by a fault, and changed nothing.
 */
export function commitFaults(cluster: MockCluster): string[] {
  const faults: string[] = [];
  /** By client and queue: the highest commit of the ownership, and when the lock was last granted. */
  const owned = new Map<string, { highest: number; grantedAt: number }>();
  const answered = new Set(cluster.journal.entries.filter(({ kind }) => kind === 'response').map(callKey));
  const asked = new Map<string, readonly MessageQueue[]>();
  for (const entry of cluster.journal.entries) {
    const commit = entry.direction === 'in' ? commitOf(entry) : undefined;
    if (commit !== undefined) {
      if (commit.clientId === undefined && !answered.has(callKey(entry))) continue;
      const own = owned.get(ownership(commit.clientId, commit.queue));
      const what = `#${commit.seq} ${commit.clientId} commits ${commit.offset} of ${describeQueue(commit.queue)}`;
      if (own === undefined) faults.push(`${what} without owning it`);
      else if (commit.offset < own.highest) faults.push(`${what} after ${own.highest}`);
      else own.highest = commit.offset;
    } else if (entry.code === RequestCode.LOCK_BATCH_MQ && entry.direction === 'in') {
      asked.set(callKey(entry), lockBatchMq.decode(asCommand(entry)).queues);
    } else if (entry.request === RequestCode.LOCK_BATCH_MQ && entry.kind === 'response' && entry.code === 0) {
      const granted = new Set(lockBatchMq.decodeReply(asCommand(entry)).lockedQueues.map(messageQueueKey));
      for (const queue of asked.get(callKey(entry)) ?? []) {
        const own = ownership(entry.clientId, queue);
        const before = owned.get(own);
        if (!granted.has(messageQueueKey(queue))) owned.delete(own);
        else if (before === undefined || entry.at - before.grantedAt > 60_000) {
          owned.set(own, { highest: Number.NEGATIVE_INFINITY, grantedAt: entry.at });
        } else before.grantedAt = entry.at;
      }
    } else if (entry.code === RequestCode.UNLOCK_BATCH_MQ && entry.direction === 'in') {
      const { clientId, queues } = unlockBatchMq.decode(asCommand(entry));
      for (const queue of queues) owned.delete(ownership(clientId, queue));
    }
  }
  return faults;
}

function ownership(clientId: string | undefined, queue: MessageQueue): string {
  return `${clientId}\0${messageQueueKey(queue)}`;
}

function callKey(entry: JournalEntry): string {
  return `${entry.connection}/${entry.opaque}`;
}

function asCommand(entry: JournalEntry): never {
  return { ...entry, extFields: entry.ext } as never;
}

/** The codes of a client's requests to a broker, only those asked for, in order. */
export function sequence(cluster: MockCluster, clientId: string, codes: readonly number[], afterSeq = -1): number[] {
  return cluster.journal
    .requests()
    .filter((entry) => entry.seq > afterSeq && entry.clientId === clientId && codes.includes(entry.code))
    .map((entry) => entry.code);
}

/** The number of the newest journal entry: what is asserted afterwards can begin behind it. */
export function lastSeq(cluster: MockCluster): number {
  return cluster.journal.entries.at(-1)?.seq ?? -1;
}

type Inner = (
  delivery: Delivery,
  context: ConsumeOrderlyContext,
  message: MessageExt,
) => ListenerAnswer | Promise<ListenerAnswer>;

/**
 * Watches which listeners are at work: the consumers must not have answers of their own, `answer` is what they answer.
 * Two calls for one queue at the same time, of whomever, end up in `overlaps`.
 */
export class ListenerWatch {
  readonly overlaps: string[] = [];
  readonly #atWork = new Map<string, string>();

  watch(watched: WatchedConsumer, answer: Inner): void {
    watched.answer = (delivery, context, message) => {
      const key = `${delivery.topic}@${delivery.brokerName}#${delivery.queueId}`;
      const other = this.#atWork.get(key);
      if (other !== undefined) this.overlaps.push(`${watched.name} at ${key} ${delivery.offset}, while ${other}`);
      this.#atWork.set(key, `${watched.name} at ${delivery.offset}`);
      const done = (): void => void this.#atWork.delete(key);
      const result = answer(delivery, context, message);
      if (!(result instanceof Promise)) {
        done();
        return result;
      }
      return result.finally(done);
    };
  }
}

/** A listener's answer that is given from outside, when it is time. */
export class HeldAnswer {
  /** Whether a listener call has come to wait for it. */
  reached = false;
  #give: (answer: ListenerAnswer) => void = () => undefined;
  readonly #promise = new Promise<ListenerAnswer>((resolve) => (this.#give = resolve));

  wait(): Promise<ListenerAnswer> {
    this.reached = true;
    return this.#promise;
  }

  give(answer: ListenerAnswer = 'SUCCESS'): void {
    this.#give(answer);
  }
}
