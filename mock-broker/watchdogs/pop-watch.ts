import { ResponseCode } from '../../lib/protocol/codes.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';
import type { BrokerState } from '../broker-state.js';
import type { JournalEntry } from '../journal-entry.js';
import type { AckRequest } from '../wire/ack-message.js';
import { decodePoppedOffsets, type PopMessageRequest } from '../wire/pop-message.js';
import { ORDER_REVIVE_QUEUE } from '../wire/receipt-handle.js';
import type { Violation } from './violation.js';

/** Who was given which messages of queues that are popped in order, and until when they are theirs. */

/** A message given to a receiver. */
interface Hold {
  readonly popTime: number;
  readonly attemptId: string | undefined;
  /** When the message becomes visible to others. */
  until: number;
  /** Its receiver has said that it is done with it: whether the broker hears of it or not. */
  isDone: boolean;
  /** The pop and its answer. */
  readonly entries: readonly [JournalEntry, JournalEntry];
}

/** The latest hold of a message, and the one before it. */
interface Holds {
  readonly current: Hold;
  readonly before: Hold | undefined;
}

/** What is known of one queue as one group pops it. */
interface PoppedQueue {
  /** By offset: the latest pop in order that gave it out. */
  readonly holds: Map<number, Holds>;
  /** The latest pop that was not in order. */
  unordered?: { readonly until: number; readonly entries: Hold['entries'] };
  /** Handles of pops up to then are not judged: somebody in charge moved the group. */
  excusedUntil: number;
}

export class PopWatch {
  readonly #report: (violation: Violation) => void;
  readonly #queues = new Map<string, PoppedQueue>();

  constructor(report: (violation: Violation) => void) {
    this.#report = report;
  }

  /** An answer to a pop goes out. */
  answered(broker: BrokerState, pop: PopMessageRequest, asked: JournalEntry, answer: JournalEntry): void {
    if (answer.code !== ResponseCode.SUCCESS) return;
    const popTime = Number(answer.ext['popTime']);
    const until = popTime + Number(answer.ext['invisibleTime']);
    const given = decodePoppedOffsets(answer.ext['msgOffsetInfo'] ?? '');
    for (const { kind, queueId, offsets } of given) {
      // What comes from the retry topic is in no order.
      if (kind !== '0') continue;
      const queue: MessageQueue = { topic: pop.topic, brokerName: broker.name, queueId };
      const known = this.#of(pop.consumerGroup, queue);
      const entries = [asked, answer] as const;
      if (until > answer.at) this.#checkOthers(broker, known, queue, pop, entries);
      if (pop.order) hold(known, offsets, { popTime, until, attemptId: pop.attemptId, entries });
      else known.unordered = { until, entries };
    }
  }

  /** A receiver says that messages are done: told of at most once a request. */
  acknowledged(brokerName: string, acks: readonly AckRequest[], request: JournalEntry): void {
    let isTold = false;
    for (const ack of acks) {
      const queue: MessageQueue = { topic: ack.topic, brokerName, queueId: ack.queueId };
      const known = ack.reviveQueueId === ORDER_REVIVE_QUEUE ? this.#of(ack.consumerGroup, queue) : undefined;
      const holds = known?.holds.get(ack.offset);
      if (known === undefined || holds === undefined || ack.popTime <= known.excusedUntil) continue;
      const { current, before } = holds;
      const own = [current, before].find((candidate) => candidate?.popTime === ack.popTime);
      const reason = own?.isDone === true ? undefined : objection(current, own, request);
      if (own !== undefined) own.isDone = true;
      if (reason === undefined || isTold) continue;
      isTold = true;
      const clientId = receiverOf(request);
      const message = `${clientId} acknowledges offset ${ack.offset}, ${reason}`;
      const entries = inOrder([...(own?.entries ?? []), ...current.entries, request]);
      this.#report({ kind: 'ackWithoutHold', at: request.at, group: ack.consumerGroup, queue, clientId, message, entries }); // prettier-ignore
    }
  }

  /** A receiver wants a message to be visible at another time: what it gives up early is not its own from then on. */
  changing(brokerName: string, change: AckRequest, visibleAt: number): void {
    const own = this.#ownHold(brokerName, change);
    if (own !== undefined) own.until = Math.min(own.until, visibleAt);
  }

  /** It was told that the message is. */
  changed(brokerName: string, change: AckRequest, visibleAt: number): void {
    const own = this.#ownHold(brokerName, change);
    if (own !== undefined) own.until = visibleAt;
  }

  /** Somebody in charge moved the offsets of a group, in a topic, or both: what is out does not count any more. */
  excuse(broker: BrokerState, group: string | undefined, topic: string | undefined): void {
    for (const [key, known] of this.#queues) {
      const [name, inTopic, brokerName] = key.split('\0');
      if (brokerName !== broker.name || (group ?? name) !== name || (topic ?? inTopic) !== inTopic) continue;
      known.holds.clear();
      delete known.unordered;
      known.excusedUntil = broker.now();
    }
  }

  /** Whether somebody else has messages of the queue, and one of the two wants them in order. */
  #checkOthers(
    broker: BrokerState,
    known: PoppedQueue,
    queue: MessageQueue,
    { consumerGroup: group, order, attemptId }: PopMessageRequest,
    entries: Hold['entries'],
  ): void {
    const [, answer] = entries;
    const clientId = receiverOf(answer);
    const tell = (others: Hold['entries'], what: string): void => {
      const message = `${clientId} was given messages of the queue, and ${receiverOf(others[1])} ${what}`;
      const shown = inOrder([...others, ...entries]);
      this.#report({ kind: 'twoReceivers', at: answer.at, group, queue, clientId, message, entries: shown });
    };
    for (const [offset, { current: other }] of known.holds) {
      if (other.isDone || other.until <= answer.at || isSameReceiver(other.entries[1], answer)) continue;
      // Who asks again on a new connection has lost the answer with the old one.
      if (order && isSameAttempt(other, attemptId, answer)) continue;
      return tell(other.entries, `holds offset ${offset} for another ${other.until - answer.at} ms`);
    }
    const { unordered } = known;
    if (!order || unordered === undefined || unordered.until <= answer.at) return;
    const isOut = broker.pop.ledger.openCount({ group, topic: queue.topic, queueId: queue.queueId }) > 0;
    if (isOut && !isSameReceiver(unordered.entries[1], answer)) tell(unordered.entries, 'has some without order');
  }

  #ownHold(brokerName: string, { consumerGroup, topic, queueId, offset, popTime }: AckRequest): Hold | undefined {
    const own = this.#of(consumerGroup, { topic, brokerName, queueId }).holds.get(offset)?.current;
    return own?.popTime === popTime ? own : undefined;
  }

  #of(group: string, { topic, brokerName, queueId }: MessageQueue): PoppedQueue {
    const key = `${group}\0${topic}\0${brokerName}\0${queueId}`;
    let known = this.#queues.get(key);
    if (known === undefined) {
      known = { holds: new Map(), excusedUntil: Number.NEGATIVE_INFINITY };
      this.#queues.set(key, known);
    }
    return known;
  }
}

function hold(
  { holds }: PoppedQueue,
  offsets: readonly number[],
  pop: Pick<Hold, 'popTime' | 'until' | 'attemptId' | 'entries'>,
): void {
  const previous = new Map(offsets.map((offset) => [offset, holds.get(offset)?.current]));
  // What is done is of interest only until its queue goes on.
  for (const [offset, { current }] of holds) if (current.isDone) holds.delete(offset);
  for (const [offset, other] of previous) {
    const own: Hold = { ...pop, isDone: false };
    // An answer may come so late that somebody else has the message.
    const isLatest = other === undefined || other.popTime <= own.popTime;
    holds.set(offset, isLatest ? { current: own, before: other } : { current: other, before: own });
  }
}

/**
 * Why a message should not be acknowledged by this request; undefined when it may.
 *
 * @param current the latest pop that gave it out
 * @param own the pop that the handle is of
 */
function objection(current: Hold, own: Hold | undefined, request: JournalEntry): string | undefined {
  if (own === current) {
    if (!mayBeSame(current.entries[1], request)) return `which ${receiverOf(current.entries[1])} holds`;
    if (current.until > request.at) return undefined;
    return `which it no longer holds: its time was over ${request.at - current.until} ms ago`;
  }
  if (isSameReceiver(current.entries[1], request))
    return 'by the handle of an earlier pop: it was given it again since';
  return `which it no longer holds: ${receiverOf(current.entries[1])} was given it since`;
}

/** By the connection, or by what the clients call themselves. */
function isSameReceiver(a: JournalEntry, b: JournalEntry): boolean {
  return a.connection === b.connection || (a.clientId !== undefined && a.clientId === b.clientId);
}

/** Whoever has not said its name may have come back on another connection. */
function mayBeSame(a: JournalEntry, b: JournalEntry): boolean {
  return isSameReceiver(a, b) || a.clientId === undefined || b.clientId === undefined;
}

function isSameAttempt(other: Hold, attemptId: string | undefined, answer: JournalEntry): boolean {
  return attemptId !== undefined && other.attemptId === attemptId && mayBeSame(other.entries[1], answer);
}

function receiverOf({ clientId, connection }: JournalEntry): string {
  return clientId ?? `connection ${connection}`;
}

function inOrder(entries: readonly JournalEntry[]): JournalEntry[] {
  return [...new Set(entries)].sort((a, b) => a.seq - b.seq);
}
