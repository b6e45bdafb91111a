import { MqVersion } from '../lib/protocol/codes.js';
import { decodeMessages, encodeMessage } from '../lib/protocol/message.js';
import { isRetryTopic } from '../lib/protocol/namespace.js';
import { PropertyName, rewriteProperties } from '../lib/protocol/properties.js';
import type { BrokerState } from './broker-state.js';
import type { FindResult, QueueEntry } from './store/consume-queue.js';
import type { MessageFilter } from './store/filters.js';
import type { PopQueue } from './store/pop-ledger.js';
import type { PopMessageRequest } from './wire/pop-message.js';
import { formatReceiptHandle, ORDER_REVIVE_QUEUE, popRetryTopic, topicKind } from './wire/receipt-handle.js';

/** What pops, acknowledgements and the end of invisible times do at a broker. */

/** When a message was popped for the first time. */
const FIRST_POP_TIME = '1ST_POP_TIME';
/** Whose retry topic a message is in; brokers of 5.5 say so. */
const ORIGIN_GROUP = 'ORIGIN_GROUP';
/** One pop in so many looks into the retry topic first: `popFromRetryProbability` is 20 per cent. */
const RETRY_FIRST_EVERY = 5;
const INIT_FROM_OLDEST = 0;
const RETRY_QUEUES = 1;
const RETRY_QUEUE = 0;

/** One execution of a pop: looks into the queues until it has enough, and notes what it takes out of each. */
export class PopRun {
  readonly records: Buffer[] = [];
  readonly popTime: number;
  readonly reviveQueueId: number;
  restNum = 0;
  /** Whether there was something that didn't match, and maybe more behind it. */
  skipped = false;
  readonly #broker: BrokerState;
  readonly #request: PopMessageRequest;
  readonly #filter: MessageFilter | undefined;
  readonly #turn: number;
  readonly #startOffsets: string[] = [];
  readonly #msgOffsets: string[] = [];
  readonly #orderCounts: string[] = [];

  constructor(broker: BrokerState, request: PopMessageRequest, filter: MessageFilter | undefined) {
    this.#broker = broker;
    this.#request = request;
    this.#filter = filter;
    this.#turn = broker.pop.nextTurn();
    this.popTime = broker.now();
    const reviveQueues = Number(broker.settings.text('reviveQueueNum'));
    this.reviveQueueId = request.order ? ORDER_REVIVE_QUEUE : this.#turn % Math.max(1, reviveQueues);
  }

  get startOffsetInfo(): string {
    return this.#startOffsets.join(';');
  }

  get msgOffsetInfo(): string {
    return this.#msgOffsets.join(';');
  }

  get orderCountInfo(): string {
    return this.#orderCounts.join(';');
  }

  execute(): void {
    const { topic, queueId, order } = this.#request;
    const retryFirst = this.#turn % RETRY_FIRST_EVERY === 0;
    if (!order && retryFirst) this.#popRetries();
    if (queueId < 0) this.#popTopic(topic);
    else this.#popQueue(topic, queueId);
    if (!order && !retryFirst && this.#missing > 0) this.#popRetries();
  }

  get #missing(): number {
    return this.#request.maxMsgNums - this.records.length;
  }

  #popRetries(): void {
    const { topic, consumerGroup } = this.#request;
    const isV2 = this.#broker.settings.flag('enableRetryTopicV2');
    this.#popTopic(popRetryTopic(topic, consumerGroup, isV2));
  }

  #popTopic(topic: string): void {
    const count = this.#broker.topics.get(topic)?.readQueueNums ?? 0;
    for (let at = 0; at < count; at++) this.#popQueue(topic, (this.#turn + at) % count);
  }

  #popQueue(topic: string, queueId: number): void {
    const { pop, store } = this.#broker;
    const { order, attemptId, consumerGroup } = this.#request;
    const queue: PopQueue = { group: consumerGroup, topic, queueId };
    const offset = popOffset(this.#broker, queue, this.#request.initMode);
    if (order && pop.orders.isBlocked(queue, attemptId)) return;
    if (this.#missing <= 0) {
      this.restNum += store.maxOffset(topic, queueId) - offset;
      return;
    }
    const { result, start } = this.#find(queue, offset);
    if (result.status === 'FOUND') this.#take(queue, start, result);
    else if (result.status === 'NO_MATCHED_MESSAGE') this.#skip(queue, result.nextBeginOffset);
    this.restNum += store.maxOffset(topic, queueId) - result.nextBeginOffset;
  }

  /** An offset that can't be is corrected, and tried once more. */
  #find(queue: PopQueue, start: number): { result: FindResult; start: number } {
    const stored = this.#broker.store.queue(queue.topic, queue.queueId);
    const filter = this.#filter ?? (() => true);
    if (stored === undefined) {
      return { result: { status: 'NO_MESSAGE_IN_QUEUE', nextBeginOffset: 0, entries: [] }, start };
    }
    const result = stored.find(start, this.#missing, filter);
    if (result.status !== 'OFFSET_TOO_SMALL' && result.status !== 'OFFSET_OVERFLOW_BADLY') return { result, start };
    const corrected = result.nextBeginOffset;
    this.#broker.offsets.commit(queue.group, queue.topic, queue.queueId, corrected);
    return { result: stored.find(corrected, this.#missing, filter), start: corrected };
  }

  #take(queue: PopQueue, start: number, { entries, nextBeginOffset }: FindResult): void {
    const { pop, traffic, offsets } = this.#broker;
    const { invisibleTime, attemptId, order } = this.#request;
    const taken = entries.map((entry) => entry.queueOffset);
    const kind = topicKind(queue.topic);
    const popped = { offsets: taken, popTime: this.popTime, invisibleTime };
    if (order) {
      for (const { offset, count } of pop.orders.update(queue, { ...popped, attemptId })) {
        const name = offset === undefined ? String(queue.queueId) : `qo${queue.queueId}%${offset}`;
        this.#orderCounts.push(`${kind} ${name} ${count}`);
      }
      offsets.commit(queue.group, queue.topic, queue.queueId, start);
      notifyWhenFree(this.#broker, queue);
    } else {
      pop.ledger.add(queue, { ...popped, nextOffset: nextBeginOffset });
    }
    this.#startOffsets.push(`${kind} ${queue.queueId} ${start}`);
    this.#msgOffsets.push(`${kind} ${queue.queueId} ${taken.join(',')}`);
    const isRetry = queue.topic !== this.#request.topic;
    const records = entries.map((entry) => (isRetry ? this.#disguise(entry, start) : entry.record));
    this.records.push(...records);
    const bytes = records.reduce((sum, record) => sum + record.length, 0);
    traffic.delivered(queue.group, queue.topic, records.length, bytes);
  }

  #skip(queue: PopQueue, nextOffset: number): void {
    this.skipped = true;
    if (this.#request.order) {
      this.#broker.offsets.commit(queue.group, queue.topic, queue.queueId, nextOffset);
      return;
    }
    const { invisibleTime } = this.#request;
    this.#broker.pop.ledger.add(queue, { offsets: [], popTime: this.popTime, invisibleTime, nextOffset });
  }

  /** A message of the retry topic as one of the topic asked for, with the handle that tells where it really is. */
  #disguise(entry: QueueEntry, startOffset: number): Buffer {
    const { messages } = decodeMessages(entry.record, { brokerName: '', expandBatches: false });
    const message = messages[0];
    if (message === undefined) return entry.record;
    const handle = formatReceiptHandle({
      startOffset,
      popTime: this.popTime,
      invisibleTime: this.#request.invisibleTime,
      reviveQueueId: this.reviveQueueId,
      kind: topicKind(entry.topic),
      brokerName: this.#broker.name,
      queueId: entry.queueId,
      offset: entry.queueOffset,
    });
    const properties = rewriteProperties({ [PropertyName.POP_CK]: handle, ...entry.properties() });
    return encodeMessage({ ...message.toRecord(), topic: this.#request.topic, properties });
  }
}

/** Where the next pop of a queue begins. A group that is new gets an offset by this. */
function popOffset(broker: BrokerState, queue: PopQueue, initMode: number): number {
  const { offsets, pop } = broker;
  const { group, topic, queueId } = queue;
  const reset = offsets.takeReset(group, topic, queueId);
  if (reset !== undefined) {
    pop.orders.clear(queue);
    pop.ledger.forgetOffset(queue);
    offsets.commit(group, topic, queueId, reset);
    return reset;
  }
  let committed = offsets.query(group, topic, queueId);
  if (committed === undefined) {
    committed = initialOffset(broker, queue, initMode);
    offsets.commit(group, topic, queueId, committed);
  }
  return Math.max(committed, pop.ledger.latestOffset(queue) ?? 0);
}

function initialOffset({ store }: BrokerState, { topic, queueId }: PopQueue, initMode: number): number {
  const minOffset = store.minOffset(topic, queueId);
  // The reference begins with the oldest message of a young topic, too, while all of it is in memory.
  if (initMode === INIT_FROM_OLDEST || isRetryTopic(topic) || minOffset <= 0) return minOffset;
  return Math.max(0, store.maxOffset(topic, queueId) - 1);
}

/** Wakes a pop that waits for a queue as soon as the batch that blocks it is done, or visible again. */
export function notifyWhenFree(broker: BrokerState, queue: PopQueue): void {
  const { pop, store, offsets, deferred } = broker;
  const { group, topic, queueId } = queue;
  const freeAt = pop.orders.freeAt(queue);
  if (freeAt !== undefined) {
    deferred.add(freeAt, () => {
      // Another batch may be out by then, which has its own.
      if (pop.orders.freeAt(queue) === undefined) notifyWhenFree(broker, queue);
    });
    return;
  }
  if (store.maxOffset(topic, queueId) <= (offsets.query(group, topic, queueId) ?? -1)) return;
  if (!pop.polls.notify(topic, group, -1)) pop.polls.notify(topic, group, queueId);
  if (!pop.notifications.notify(topic, group, -1)) pop.notifications.notify(topic, group, queueId);
}

/** Puts a message that nobody acknowledged into the retry topic of the group. */
export function reviveMessage(broker: BrokerState, queue: PopQueue, offset: number, popTime: number): void {
  const { store, topics, offsets } = broker;
  const entry = store.queue(queue.topic, queue.queueId)?.entryAt(offset);
  const found = entry === undefined ? undefined : store.draftAt(entry.physicalOffset);
  if (found === undefined) return;
  const isV2 = broker.settings.flag('enableRetryTopicV2');
  const topic = isRetryTopic(queue.topic) ? queue.topic : popRetryTopic(queue.topic, queue.group, isV2);
  if (topics.get(topic) === undefined) {
    topics.putIfAbsent(topic, RETRY_QUEUES);
    if (offsets.query(queue.group, topic, 0) === undefined) offsets.commit(queue.group, topic, 0, 0);
  }
  const { draft } = found;
  const firstPopTime = draft.reconsumeTimes === 0 ? undefined : draft.properties[FIRST_POP_TIME];
  const isMarked = broker.options.version >= MqVersion.V5_5_0;
  store.append({
    ...draft,
    topic,
    queueId: RETRY_QUEUE,
    reconsumeTimes: draft.reconsumeTimes + 1,
    properties: {
      ...draft.properties,
      [FIRST_POP_TIME]: firstPopTime ?? String(popTime),
      ...(isMarked && { [ORIGIN_GROUP]: queue.group }),
    },
  });
  if (isMarked) notifyOfRetry(broker, queue, topic);
}

/** Wakes a pop of the topic that waits for any queue, and one for the queue of that number, whatever they filter by. */
function notifyOfRetry({ pop }: BrokerState, { group }: PopQueue, retryTopic: string): void {
  const topic = retryTopic.slice(popRetryTopic('', group, false).length);
  for (const polls of [pop.polls, pop.notifications]) {
    polls.notify(topic, group, -1);
    polls.notify(topic, group, RETRY_QUEUE);
  }
}
