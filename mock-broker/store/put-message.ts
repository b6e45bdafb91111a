import { ResponseCode } from '../../lib/protocol/codes.js';
import { PropertyName } from '../../lib/protocol/properties.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import { MessageSysFlag, TRANSACTION_MASK } from '../../lib/protocol/sys-flag.js';
import type { BrokerState } from '../broker-state.js';
import type { QueueEntry } from './consume-queue.js';
import type { MessageDraft } from './message-store.js';
import { HALF_TOPIC, SCHEDULE_TOPIC, TIMER_TOPIC } from './names.js';

/**
 * Storing a message that came over the wire: what the store refuses, and how messages that are not to be seen yet are
 * put aside, in hidden topics, until they are due.
 */

export type PutResult =
  | { readonly entry: QueueEntry; readonly draft: MessageDraft }
  | { readonly refused: { readonly code: number; readonly remark: string } };

/** The delay levels 1 to 18, in milliseconds: the reference's defaults. */
export const DELAY_LEVELS_MS: readonly number[] = [
  1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200,
].map((seconds) => seconds * 1000);

/** The reference's limits. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_PROPERTIES_BYTES = 32_767;
const MAX_TOPIC_BYTES = 127;
const MAX_RETRY_TOPIC_BYTES = 255;
export const MAX_TIMER_DELAY_MS = 3 * 24 * 3600 * 1000;
/** Points in time are rounded down to this. */
const TIMER_PRECISION_MS = 1000;

/** Bytes that end a property's name and its value. */
const SEPARATORS = 2;
/** Bytes of UTF-8 that a UTF-16 unit takes at most. */
const LONGEST_CHARACTER = 3;

/** Room for the two times a message from the timer topic gets. */
const TIMER_TIMES_BYTES = 80;

/** When a message waiting in the timer topic is due; set by the broker. */
export const TIMER_OUT_MS = 'TIMER_OUT_MS';
const TIMER_ENQUEUE_MS = 'TIMER_ENQUEUE_MS';
const TIMER_DEQUEUE_MS = 'TIMER_DEQUEUE_MS';
const TIMER_PROPERTIES = [PropertyName.TIMER_DELIVER_MS, PropertyName.TIMER_DELAY_SEC, PropertyName.TIMER_DELAY_MS];

/** Stores a message, or puts it aside until it is due. */
export function putMessage(broker: BrokerState, draft: MessageDraft): PutResult {
  if (isIllegal(draft, broker.options.isV4)) return { refused: illegal() };
  const transaction = draft.sysFlag & TRANSACTION_MASK;
  if (transaction !== 0 && transaction !== MessageSysFlag.TRANSACTION_COMMIT) return store(broker, draft);
  const level = delayLevel(draft);
  if (level > 0) return putDelayed(broker, without(draft, TIMER_PROPERTIES), level);
  const isTimer = TIMER_PROPERTIES.some((name) => draft.properties[name] !== undefined);
  return isTimer && draft.properties[TIMER_OUT_MS] === undefined ? putTimed(broker, draft) : store(broker, draft);
}

/** Stores the first half of a transaction, which nobody sees until END_TRANSACTION. */
export function putHalfMessage(broker: BrokerState, draft: MessageDraft): PutResult {
  return putMessage(broker, {
    ...moveAside(draft, HALF_TOPIC, 0),
    sysFlag: draft.sysFlag & ~TRANSACTION_MASK,
  });
}

/** The message as it was before it was put aside, for its own topic and queue. */
export function moveBack(draft: MessageDraft): MessageDraft {
  return {
    ...draft,
    topic: draft.properties[PropertyName.REAL_TOPIC] ?? draft.topic,
    queueId: Number(draft.properties[PropertyName.REAL_QUEUE_ID] ?? draft.queueId),
  };
}

/** Without some properties. */
export function without(draft: MessageDraft, names: readonly string[]): MessageDraft {
  const properties = { ...draft.properties };
  for (const name of names) delete properties[name];
  return { ...draft, properties };
}

function store(broker: BrokerState, draft: MessageDraft): PutResult {
  return { entry: broker.store.append(draft), draft };
}

function putDelayed(broker: BrokerState, draft: MessageDraft, wantedLevel: number): PutResult {
  const level = Math.min(wantedLevel, DELAY_LEVELS_MS.length);
  const waiting = moveAside(draft, SCHEDULE_TOPIC, level - 1);
  if (isTooLong(waiting)) return { refused: illegal() };
  const entry = broker.store.append(waiting);
  const dueAt = entry.storeTimestamp + (DELAY_LEVELS_MS[level - 1] ?? 0);
  broker.deferred.add(
    dueAt,
    () => {
      // The property that asked for the delay stays in what is delivered, and must not ask again.
      broker.store.append(moveBack(waiting));
    },
    draft,
  );
  return { entry, draft: waiting };
}

function putTimed(broker: BrokerState, draft: MessageDraft): PutResult {
  const now = broker.now();
  const dueAt = timerDueAt(draft, now);
  if (dueAt === undefined || dueAt - now > MAX_TIMER_DELAY_MS) return { refused: illegalTimer() };
  if (dueAt <= now) return store(broker, draft);
  const outAt = Math.ceil(dueAt / TIMER_PRECISION_MS - 1) * TIMER_PRECISION_MS;
  const waiting = moveAside(
    { ...draft, properties: { ...draft.properties, [TIMER_OUT_MS]: String(outAt) } },
    TIMER_TOPIC,
    0,
  );
  if (isTooLong(waiting)) return { refused: illegal() };
  const entry = broker.store.append(waiting);
  broker.deferred.add(
    dueAt,
    () => {
      const due = moveBack(waiting);
      const times = { [TIMER_ENQUEUE_MS]: String(now), [TIMER_DEQUEUE_MS]: String(broker.now()) };
      broker.store.append({ ...due, properties: { ...due.properties, ...times } });
    },
    draft,
  );
  return { entry, draft: waiting };
}

function moveAside(draft: MessageDraft, topic: string, queueId: number): MessageDraft {
  const real = {
    [PropertyName.REAL_TOPIC]: draft.topic,
    [PropertyName.REAL_QUEUE_ID]: String(draft.queueId),
  };
  return { ...draft, topic, queueId, properties: { ...draft.properties, ...real } };
}

function delayLevel(draft: MessageDraft): number {
  const level = Number(draft.properties[PropertyName.DELAY] ?? 0);
  return Number.isInteger(level) ? level : 0;
}

/** When the message wants to be seen; undefined when it says it in a way that can't be read. */
function timerDueAt(draft: MessageDraft, now: number): number | undefined {
  const seconds = draft.properties[PropertyName.TIMER_DELAY_SEC];
  const delay = draft.properties[PropertyName.TIMER_DELAY_MS];
  const at = draft.properties[PropertyName.TIMER_DELIVER_MS];
  const dueAt =
    seconds !== undefined ? now + Number(seconds) * 1000 : delay !== undefined ? now + Number(delay) : Number(at);
  return Number.isSafeInteger(dueAt) ? dueAt : undefined;
}

/** Whether there is no room left for what is added to a message that waits. */
function isTooLong(draft: MessageDraft): boolean {
  return propertiesLength(draft) > MAX_PROPERTIES_BYTES - TIMER_TIMES_BYTES;
}

/** Most are far from it, which is told without writing them down. */
function hasTooLongProperties(draft: MessageDraft): boolean {
  let most = 0;
  for (const name in draft.properties) {
    most += SEPARATORS + LONGEST_CHARACTER * (name.length + (draft.properties[name] as string).length);
  }
  return most > MAX_PROPERTIES_BYTES && propertiesLength(draft) > MAX_PROPERTIES_BYTES;
}

function propertiesLength(draft: MessageDraft): number {
  return Buffer.byteLength(encodeProperties(draft.properties));
}

/** Whether the store refuses a message. */
export function isIllegal(draft: MessageDraft, isV4: boolean): boolean {
  const { topic, body, properties, sysFlag } = draft;
  const topicBytes = Buffer.byteLength(topic);
  if (topicBytes > (topic.startsWith('%RETRY%') ? MAX_RETRY_TOPIC_BYTES : MAX_TOPIC_BYTES)) return true;
  if (body.length > MAX_BODY_BYTES) return true;
  if (hasTooLongProperties(draft)) return true;
  // Only topics of a kind this broker does not have may hold batches stored as one message; 4.9 knows of none.
  return !isV4 && (properties[PropertyName.INNER_NUM] !== undefined || (sysFlag & MessageSysFlag.INNER_BATCH) !== 0);
}

export function illegal(): { code: number; remark: string } {
  const remark = `the message is illegal, maybe msg body or properties length not matched. msg body length limit ${MAX_BODY_BYTES}B, msg properties length limit 32KB.`;
  return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
}

function illegalTimer(): { code: number; remark: string } {
  const remark = `timer message illegal, the delay time should not be bigger than the max delay ${MAX_TIMER_DELAY_MS}ms; or if set del msg, the delay time should be bigger than the current time`;
  return { code: ResponseCode.MESSAGE_ILLEGAL, remark };
}
