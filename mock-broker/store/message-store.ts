import { decodeMessages, encodeMessage } from '../../lib/protocol/message.js';
import { offsetMessageId } from '../../lib/protocol/message-id.js';
import { decodeProperties, encodeProperties, KEY_SEPARATOR, PropertyName } from '../../lib/protocol/properties.js';
import { formatHost } from '../server/format-host.js';
import { ConsumeQueue, type QueueEntry } from './consume-queue.js';
import { tagsCode } from './filters.js';

/** The commit log and consume queues of one broker: stored records, found by queue and offset, by place, or by key. */

/** A message before it has a place. */
export interface MessageDraft {
  readonly topic: string;
  readonly queueId: number;
  /** As stored: compressed when `sysFlag` says so. */
  readonly body: Buffer;
  readonly flag: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  /** `ip:port` of the sender. */
  readonly bornHost: string;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset?: number;
  readonly properties: Readonly<Record<string, string>>;
  /** How many offsets it takes, if more than one. */
  readonly count?: number;
}

export interface MessageStoreOptions {
  now(): number;
  /** Address and port of the broker. */
  storeHost(): { readonly address: string; readonly port: number };
  readonly messageVersion: 1 | 2;
  /** Whether hosts are stored as IPv6 addresses. */
  readonly ipv6Hosts: boolean;
  onStored(entry: QueueEntry): void;
}

/** A stored message as a draft again. */
export interface FoundDraft {
  readonly draft: MessageDraft;
  readonly offsetMsgId: string;
  readonly queueOffset: number;
}

/** The first form of the record has one byte for the length of the topic. */
const MAX_V1_TOPIC_BYTES = 127;

class StoredEntry implements QueueEntry {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly count: number;
  readonly record: Buffer;
  readonly physicalOffset: number;
  readonly storeTimestamp: number;
  readonly tagsCode: number;
  readonly #propertiesLength: number;

  constructor(draft: MessageDraft, place: Place, record: Buffer, propertiesText: string) {
    this.topic = draft.topic;
    this.queueId = draft.queueId;
    this.count = draft.count ?? 1;
    this.queueOffset = place.queueOffset;
    this.physicalOffset = place.physicalOffset;
    this.storeTimestamp = place.storeTimestamp;
    this.record = record;
    this.tagsCode = tagsCode(draft.properties[PropertyName.TAGS]);
    this.#propertiesLength = Buffer.byteLength(propertiesText);
  }

  /** Read from the end of the record each time: few ask for them, and they would be kept twice. */
  properties(): Readonly<Record<string, string>> {
    return decodeProperties(this.record, this.record.length - this.#propertiesLength, this.record.length);
  }
}

interface Place {
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly storeTimestamp: number;
}

export class MessageStore {
  readonly #options: MessageStoreOptions;
  readonly #queues = new Map<string, ConsumeQueue>();
  readonly #log = new Map<number, QueueEntry>();
  #nextPhysicalOffset = 0;

  constructor(options: MessageStoreOptions) {
    this.#options = options;
  }

  /** Puts a message at the end of its queue. */
  append(draft: MessageDraft): QueueEntry {
    const queue = this.#queueOf(draft.topic, draft.queueId);
    const place: Place = {
      queueOffset: queue.maxOffset,
      physicalOffset: this.#nextPhysicalOffset,
      storeTimestamp: this.#options.now(),
    };
    const properties = encodeProperties(draft.properties);
    const entry = new StoredEntry(draft, place, this.#encode(draft, place, properties), properties);
    this.#nextPhysicalOffset += entry.record.length;
    queue.append(entry);
    this.#log.set(entry.physicalOffset, entry);
    this.#options.onStored(entry);
    return entry;
  }

  /** The queue, if something was ever stored in it. */
  queue(topic: string, queueId: number): ConsumeQueue | undefined {
    return this.#queues.get(queueKey(topic, queueId));
  }

  maxOffset(topic: string, queueId: number): number {
    return this.queue(topic, queueId)?.maxOffset ?? 0;
  }

  minOffset(topic: string, queueId: number): number {
    return this.queue(topic, queueId)?.minOffset ?? 0;
  }

  /** Whether the very first message of the queue is still there. */
  holdsOffsetZero(topic: string, queueId: number): boolean {
    return this.queue(topic, queueId)?.entries[0]?.queueOffset === 0;
  }

  /** All that is stored of a topic, queue by queue. */
  entries(topic: string): QueueEntry[] {
    const found: QueueEntry[] = [];
    for (const [key, queue] of this.#queues) if (key.startsWith(`${topic}\0`)) found.push(...queue.entries);
    return found.sort((a, b) => a.queueId - b.queueId || a.queueOffset - b.queueOffset);
  }

  /** The message at a place in the commit log. */
  entryAt(physicalOffset: number): QueueEntry | undefined {
    return this.#log.get(physicalOffset);
  }

  /** The message at a place in the commit log, ready to be stored once more. */
  draftAt(physicalOffset: number): FoundDraft | undefined {
    const entry = this.#log.get(physicalOffset);
    if (entry === undefined) return undefined;
    const { messages } = decodeMessages(entry.record, { brokerName: '', expandBatches: false });
    const message = messages[0];
    if (message === undefined) return undefined;
    const draft = { ...message.toRecord(), properties: entry.properties() };
    return { draft, offsetMsgId: this.offsetMsgId(entry), queueOffset: entry.queueOffset };
  }

  /** Messages of a topic by one of their keys or by their unique key, the oldest first. */
  byKey(topic: string, key: string, range: { limit: number; from: number; to: number }): QueueEntry[] {
    const found = this.entries(topic).filter((entry) => {
      if (entry.storeTimestamp < range.from || entry.storeTimestamp > range.to) return false;
      const { [PropertyName.KEYS]: keys, [PropertyName.UNIQ_KEY]: uniqKey } = entry.properties();
      return uniqKey === key || (keys?.split(KEY_SEPARATOR).includes(key) ?? false);
    });
    return found.slice(0, range.limit);
  }

  offsetMsgId(entry: QueueEntry): string {
    const { address, port } = this.#options.storeHost();
    return offsetMessageId(address, port, entry.physicalOffset);
  }

  /** Forgets the messages of a queue before an offset, as if their retention were over. */
  expireBefore(topic: string, queueId: number, offset: number): void {
    for (const entry of this.queue(topic, queueId)?.expireBefore(offset) ?? []) {
      this.#log.delete(entry.physicalOffset);
    }
  }

  /** Makes a message unfindable by its place. */
  forget(physicalOffset: number): void {
    this.#log.delete(physicalOffset);
  }

  deleteTopic(topic: string): void {
    for (const entry of this.entries(topic)) this.#log.delete(entry.physicalOffset);
    for (const key of [...this.#queues.keys()]) if (key.startsWith(`${topic}\0`)) this.#queues.delete(key);
  }

  #queueOf(topic: string, queueId: number): ConsumeQueue {
    const key = queueKey(topic, queueId);
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = new ConsumeQueue()));
    return queue;
  }

  #encode(draft: MessageDraft, place: Place, properties: string): Buffer {
    const { address, port } = this.#options.storeHost();
    const isLong = Buffer.byteLength(draft.topic) > MAX_V1_TOPIC_BYTES;
    return encodeMessage(
      {
        queueOffset: place.queueOffset,
        commitLogOffset: place.physicalOffset,
        storeTimestamp: place.storeTimestamp,
        topic: draft.topic,
        queueId: draft.queueId,
        body: draft.body,
        flag: draft.flag,
        sysFlag: draft.sysFlag,
        bornTimestamp: draft.bornTimestamp,
        bornHost: this.#options.ipv6Hosts ? toIpV6(draft.bornHost) : draft.bornHost,
        storeHost: formatHost(address, port),
        reconsumeTimes: draft.reconsumeTimes,
        preparedTransactionOffset: draft.preparedTransactionOffset ?? 0,
        properties,
      },
      isLong ? 2 : this.#options.messageVersion,
    );
  }
}

/** An IPv4 host in the form that takes the room of IPv6. */
function toIpV6(host: string): string {
  if (host.startsWith('[')) return host;
  const colon = host.lastIndexOf(':');
  return `[::ffff:${host.slice(0, colon)}]${host.slice(colon)}`;
}

function queueKey(topic: string, queueId: number): string {
  return `${topic}\0${queueId}`;
}
