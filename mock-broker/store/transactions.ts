import { decodeMessages, encodeMessage } from '../../lib/protocol/message.js';
import { PropertyName, rewriteProperties } from '../../lib/protocol/properties.js';
import { checkTransactionState } from '../../lib/protocol/requests/check-transaction-state.js';
import type { BrokerState } from '../broker-state.js';
import type { MockTimer } from '../clock.js';
import type { Timers } from '../server/timers.js';
import type { QueueEntry } from './consume-queue.js';
import type { MessageDraft } from './message-store.js';

/**
 * Halves of transactions that nobody has ended. In rounds, as in the reference: each round asks a producer of the group
 * about every half that is old enough, once; what was asked about too often is given up.
 */

/** Where halves go that were asked about too often. */
const GIVEN_UP_TOPIC = 'TRANS_CHECK_MAX_TIME_TOPIC';
/** Older ones are given up at once: the reference's `fileReservedTime`. */
const MAX_AGE_MS = 72 * 3600 * 1000;

interface Half {
  readonly entry: QueueEntry;
  /** When the transaction began; the copy that is made for each check has a time of its own. */
  readonly begunAt: number;
}

export class HalfMessages {
  readonly #broker: BrokerState;
  readonly #timers: Timers;
  /** By their place in the commit log, in the order of their queue. */
  readonly #open = new Map<number, Half>();
  #startedAt: number;
  #round: MockTimer | undefined;
  #turn = 0;

  constructor(broker: BrokerState, timers: Timers) {
    this.#broker = broker;
    this.#timers = timers;
    this.#startedAt = broker.now();
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** A half was stored. */
  add(entry: QueueEntry): void {
    this.#open.set(entry.physicalOffset, { entry, begunAt: this.#broker.now() });
    this.#watch();
  }

  /** A half was committed or rolled back. */
  end(physicalOffset: number): void {
    this.#open.delete(physicalOffset);
  }

  /** Forgets all of them. */
  clear(): void {
    this.#open.clear();
  }

  /** The rounds stop with the broker's timers. */
  stop(): void {
    this.#round = undefined;
  }

  /** Goes on after a restart; the rounds begin anew. */
  resume(): void {
    this.#startedAt = this.#broker.now();
    if (this.#open.size > 0) this.#watch();
  }

  /** Rounds are counted from the broker's start. */
  #watch(): void {
    if (this.#round !== undefined) return;
    const interval = this.#setting('transactionCheckInterval');
    const since = Math.max(0, this.#broker.now() - this.#startedAt);
    this.#round = this.#timers.later(
      () => {
        this.#round = undefined;
        this.#check();
        if (this.#open.size > 0) this.#watch();
      },
      interval - (since % interval),
    );
  }

  #check(): void {
    const now = this.#broker.now();
    const timeout = this.#setting('transactionTimeOut');
    for (const [physicalOffset, half] of [...this.#open]) {
      const found = this.#broker.store.draftAt(physicalOffset);
      const age = now - half.begunAt;
      if (found === undefined) {
        this.#open.delete(physicalOffset);
        continue;
      }
      const { draft } = found;
      if (this.#isGivenUp(draft, age)) {
        this.#giveUp(physicalOffset, draft);
        continue;
      }
      const immunity = immunityMs(draft, timeout);
      // Those behind it are younger, unless they have a time of their own.
      if (immunity === undefined && age <= timeout) break;
      if (immunity !== undefined && age <= immunity) continue;
      this.#ask(physicalOffset, half, draft);
    }
  }

  #isGivenUp({ properties }: MessageDraft, age: number): boolean {
    const times = properties[PropertyName.TRANSACTION_CHECK_TIMES];
    return (times !== undefined && Number(times) >= this.#setting('transactionCheckMax')) || age > MAX_AGE_MS;
  }

  #giveUp(physicalOffset: number, draft: MessageDraft): void {
    const { topics, store } = this.#broker;
    this.#open.delete(physicalOffset);
    store.forget(physicalOffset);
    const topic = topics.putIfAbsent(GIVEN_UP_TOPIC, 1);
    store.append({ ...draft, topic: topic.name, queueId: 0 });
  }

  /** Goes by a copy at the end of the queue, which has the number of checks in it. */
  #ask(physicalOffset: number, { begunAt }: Half, draft: MessageDraft): void {
    const { store, members, name } = this.#broker;
    const times = Number(draft.properties[PropertyName.TRANSACTION_CHECK_TIMES] ?? 0) + 1;
    const properties: Record<string, string> = {
      ...draft.properties,
      [PropertyName.TRANSACTION_CHECK_TIMES]: String(times),
    };
    const copy = store.append({ ...draft, properties });
    this.#open.delete(physicalOffset);
    this.#open.set(copy.physicalOffset, { entry: copy, begunAt });
    const producers = members.producerChannels(properties[PropertyName.PRODUCER_GROUP] ?? '');
    const producer = producers[this.#turn++ % Math.max(1, producers.length)];
    const uniqKey = properties[PropertyName.UNIQ_KEY];
    producer?.sendOneway(
      checkTransactionState.encode({
        topic: copy.topic,
        tranStateTableOffset: copy.queueOffset,
        commitLogOffset: copy.physicalOffset,
        msgId: uniqKey,
        transactionId: uniqKey,
        offsetMsgId: store.offsetMsgId(copy),
        brokerName: name,
        body: asItWasSent(copy),
      }),
    );
  }

  #setting(name: string): number {
    return Number(this.#broker.settings.text(name));
  }
}

/** How long a message wants nobody to be asked about it; undefined when it doesn't say. */
function immunityMs({ properties }: MessageDraft, timeout: number): number | undefined {
  const seconds = properties[PropertyName.CHECK_IMMUNITY_TIME_IN_SECONDS];
  if (seconds === undefined) return undefined;
  const value = /^-?\d+$/.test(seconds) ? Number(seconds) : -1;
  return value === -1 ? timeout : value * 1000;
}

/** The record with its own topic and queue instead of those where it waits. */
function asItWasSent(entry: QueueEntry): Buffer {
  const message = decodeMessages(entry.record, { brokerName: '', expandBatches: false }).messages[0];
  if (message === undefined) return entry.record;
  const properties = entry.properties();
  return encodeMessage({
    ...message.toRecord(),
    topic: properties[PropertyName.REAL_TOPIC] ?? message.topic,
    queueId: Number(properties[PropertyName.REAL_QUEUE_ID] ?? message.queueId),
    properties: rewriteProperties(properties),
  });
}
