import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import { messageQueueKey } from '../../lib/protocol/message-queue.js';
import type { BrokerState } from '../broker-state.js';
import type { JournalEntry } from '../journal-entry.js';
import type { Violation } from './violation.js';

/** What groups were given, and what they have committed. */

/** How long clients have to carry out what somebody in charge did to their offsets: they ask once a minute or sooner. */
const EXCUSE_MS = 60_000;

interface Progress {
  /** The latest commit, and its frame. */
  committed?: number;
  entry?: JournalEntry;
  /** The end of what the group was given, or told of its own offset. */
  given: number;
  givenBy?: JournalEntry;
  /** Until then commits are not judged. */
  excusedUntil: number;
  /** Neither is the next one, whenever it comes. */
  excusesNext: boolean;
}

/** A commit that took effect. */
export interface Commit {
  readonly group: string;
  readonly queue: MessageQueue;
  readonly clientId: string | undefined;
  readonly offset: number;
  /** Where the queue begins: who commits that, or less, skips nothing. */
  readonly minOffset: number;
  /** Whether who commits is a member of the group, whom no fault made do it. */
  readonly isJudged: boolean;
}

export class OffsetWatch {
  readonly #report: (violation: Violation) => void;
  readonly #progress = new Map<string, Progress>();
  /** Offsets of a queue that a client was told on request: its end, its beginning, or one by time. */
  readonly #told = new Map<string, number>();

  constructor(report: (violation: Violation) => void) {
    this.#report = report;
  }

  committed({ group, queue, clientId = '', offset, minOffset, isJudged }: Commit, entry: JournalEntry): void {
    const progress = this.#of(group, queue);
    const { committed, given } = progress;
    const isExcused = !isJudged || progress.excusesNext || entry.at < progress.excusedUntil;
    if (!isExcused) {
      const told = this.#told.get(toldKey(clientId, queue)) ?? -1;
      const limit = Math.max(given, told, committed ?? -1, minOffset);
      if (committed !== undefined && offset < committed) {
        const message = `${clientId} commits ${offset} after ${committed} was committed`;
        const entries = [...(progress.entry ? [progress.entry] : []), entry];
        this.#report({ kind: 'commitBack', at: entry.at, group, queue, clientId, message, entries });
      } else if (offset > limit) {
        const had = limit <= 0 ? 'nothing' : `only what is before ${limit}`;
        const message = `${clientId} commits ${offset}, and the group was given ${had}`;
        const entries = [...(progress.givenBy ? [progress.givenBy] : []), entry];
        this.#report({ kind: 'commitAhead', at: entry.at, group, queue, clientId, message, entries });
      }
    }
    progress.excusesNext = false;
    progress.committed = offset;
    progress.entry = entry;
  }

  /** A pull's answer, or that to a question where the group stands. Who is told less may go back there. */
  given(group: string, queue: MessageQueue, offset: number, entry: JournalEntry): void {
    const progress = this.#of(group, queue);
    if (offset > progress.given) {
      progress.given = offset;
      progress.givenBy = entry;
    }
  }

  /** The group was told to go on before what it has committed. */
  sentBack(group: string, queue: MessageQueue, offset: number): void {
    const progress = this.#of(group, queue);
    if (progress.committed !== undefined && offset < progress.committed) progress.excusesNext = true;
  }

  told(clientId: string, queue: MessageQueue, offset: number): void {
    const key = toldKey(clientId, queue);
    this.#told.set(key, Math.max(offset, this.#told.get(key) ?? -1));
  }

  /** Somebody in charge moved the offsets of a group, in a topic, or both; at one broker. */
  excuse(broker: BrokerState, group: string | undefined, topic: string | undefined): void {
    const until = broker.now() + EXCUSE_MS;
    if (group !== undefined && topic !== undefined) {
      const config = broker.topics.get(topic);
      const queues = Math.max(config?.readQueueNums ?? 0, config?.writeQueueNums ?? 0);
      for (let queueId = 0; queueId < queues; queueId++) {
        excuseUntil(this.#of(group, { topic, brokerName: broker.name, queueId }), until);
      }
    }
    for (const [key, progress] of this.#progress) {
      const [name, inTopic, brokerName] = key.split('\0');
      if (brokerName !== broker.name) continue;
      if ((group ?? name) === name && (topic ?? inTopic) === inTopic) excuseUntil(progress, until);
    }
  }

  /** A fault lied about an offset of this group. */
  excuseQueue(group: string, queue: MessageQueue, at: number): void {
    excuseUntil(this.#of(group, queue), at + EXCUSE_MS);
  }

  #of(group: string, queue: MessageQueue): Progress {
    const key = `${group}\0${queue.topic}\0${queue.brokerName}\0${queue.queueId}`;
    let progress = this.#progress.get(key);
    if (progress === undefined) {
      progress = { given: -1, excusedUntil: Number.NEGATIVE_INFINITY, excusesNext: false };
      this.#progress.set(key, progress);
    }
    return progress;
  }
}

function excuseUntil(progress: Progress, until: number): void {
  progress.excusedUntil = until;
  progress.excusesNext = true;
}

function toldKey(clientId: string, queue: MessageQueue): string {
  return `${clientId}\0${messageQueueKey(queue)}`;
}
