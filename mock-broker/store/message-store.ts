import { encodeHost } from '../../lib/protocol/host-address.js';
import { decodeMessages, encodeMessage } from '../../lib/protocol/message.js';
import { offsetMessageIdOfBytes } from '../../lib/protocol/message-id.js';
import { encodeProperties, KEY_SEPARATOR, PropertyName } from '../../lib/protocol/properties.js';
import { MessageSysFlag } from '../../lib/protocol/sys-flag.js';
import { formatHost } from '../server/format-host.js';
import { CommitLog } from './commit-log.js';
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

/** Where a record has what its entry doesn't keep. */
const PHYSICAL_OFFSET_AT = 28;
const SYS_FLAG_AT = 36;
const STORE_TIMESTAMP_AT = 56;
/** What a born host of IPv6 moves the store's time by. */
const IPV6_EXTRA = 12;

/** Small, since a queue may hold a million: what stands in the record is read there. */
class StoredEntry implements QueueEntry {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly count: number;
  readonly tagsCode: number;
  readonly #segment: Buffer;
  readonly #start: number;

  constructor(draft: MessageDraft, queueOffset: number, segment: Buffer, start: number) {
    this.topic = draft.topic;
    this.queueId = draft.queueId;
    this.count = draft.count ?? 1;
    this.queueOffset = queueOffset;
    this.tagsCode = tagsCode(draft.properties[PropertyName.TAGS]);
    this.#segment = segment;
    this.#start = start;
  }

  get size(): number {
    return this.#segment.readInt32BE(this.#start);
  }

  get record(): Buffer {
    return this.#segment.subarray(this.#start, this.#start + this.size);
  }

  get physicalOffset(): number {
    return this.#int64(PHYSICAL_OFFSET_AT);
  }

  get storeTimestamp(): number {
    const sysFlag = this.#segment.readInt32BE(this.#start + SYS_FLAG_AT);
    return this.#int64(STORE_TIMESTAMP_AT + ((sysFlag & MessageSysFlag.BORNHOST_V6) === 0 ? 0 : IPV6_EXTRA));
  }

  properties(): Readonly<Record<string, string>> {
    return decodeMessages(this.record, { brokerName: '', expandBatches: false }).messages[0]?.properties ?? {};
  }

  #int64(at: number): number {
    const high = this.#segment.readInt32BE(this.#start + at);
    return high * 0x1_0000_0000 + this.#segment.readUInt32BE(this.#start + at + 4);
  }
}

interface Place {
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly storeTimestamp: number;
}

/** Encodes a host, and remembers it: many messages in a row have the same. */
class LastHost {
  readonly #form: (host: string) => string;
  #host = '';
  #bytes: Buffer | undefined;

  constructor(form: (host: string) => string) {
    this.#form = form;
  }

  bytes(host: string): Buffer {
    if (this.#bytes === undefined || host !== this.#host) {
      this.#bytes = encodeHost(this.#form(host));
      this.#host = host;
    }
    return this.#bytes;
  }
}

export class MessageStore {
  readonly #options: MessageStoreOptions;
  readonly #queues = new Map<string, ConsumeQueue>();
  readonly #log = new CommitLog<QueueEntry>();

  readonly #bornHost: LastHost;
  readonly #storeHost = new LastHost((host) => host);

  constructor(options: MessageStoreOptions) {
    this.#options = options;
    this.#bornHost = new LastHost(options.ipv6Hosts ? toIpV6 : (host) => host);
  }

  /** Puts a message at the end of its queue. */
  append(draft: MessageDraft): QueueEntry {
    const queue = this.#queueOf(draft.topic, draft.queueId);
    const place: Place = {
      queueOffset: queue.maxOffset,
      physicalOffset: this.#log.nextPhysicalOffset,
      storeTimestamp: this.#options.now(),
    };
    const { segment, start } = this.#log.commit(this.#encode(draft, place).length);
    const entry = new StoredEntry(draft, place.queueOffset, segment, start);
    queue.append(entry);
    this.#log.add(entry);
    this.#options.onStored(entry);
    return entry;
  }

  /** Takes a message of another store in, at the same place: what replicas do. */
  copy(entry: QueueEntry): void {
    this.#queueOf(entry.topic, entry.queueId).append(entry);
    this.#log.add(entry);
    this.#options.onStored(entry);
  }

  /** Forgets everything, as a broker does that lost its disk. */
  clear(): void {
    this.#queues.clear();
    this.#log.clear();
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

  /** The oldest message that is still there, whatever its topic. */
  oldest(): QueueEntry | undefined {
    return this.#log.oldest();
  }

  /** The place the next message gets. */
  get nextPhysicalOffset(): number {
    return this.#log.nextPhysicalOffset;
  }

  /** When the message at an offset of a queue was stored, -1 when it isn't there. */
  storeTimestamp(topic: string, queueId: number, offset: number): number {
    return this.queue(topic, queueId)?.entryAt(offset)?.storeTimestamp ?? -1;
  }

  /** The message at a place in the commit log. */
  entryAt(physicalOffset: number): QueueEntry | undefined {
    return this.#log.find(physicalOffset);
  }

  /** The message at a place in the commit log, ready to be stored once more. */
  draftAt(physicalOffset: number): FoundDraft | undefined {
    const entry = this.#log.find(physicalOffset);
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
    const host = this.#storeHost.bytes(formatHost(address, port));
    return offsetMessageIdOfBytes(host, 0, host.length, entry.physicalOffset);
  }

  /** Forgets the messages of a queue before an offset, as if their retention were over. */
  expireBefore(topic: string, queueId: number, offset: number): void {
    for (const entry of this.queue(topic, queueId)?.expireBefore(offset) ?? []) {
      this.#log.forget(entry);
    }
  }

  /** Makes a message unfindable by its place. */
  forget(physicalOffset: number): void {
    const entry = this.#log.find(physicalOffset);
    if (entry !== undefined) this.#log.forget(entry);
  }

  deleteTopic(topic: string): void {
    for (const entry of this.entries(topic)) this.#log.forget(entry);
    for (const key of [...this.#queues.keys()]) if (key.startsWith(`${topic}\0`)) this.#queues.delete(key);
  }

  #queueOf(topic: string, queueId: number): ConsumeQueue {
    const key = queueKey(topic, queueId);
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = new ConsumeQueue()));
    return queue;
  }

  #encode(draft: MessageDraft, place: Place): Buffer {
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
        bornHost: this.#bornHost.bytes(draft.bornHost),
        storeHost: this.#storeHost.bytes(formatHost(address, port)),
        reconsumeTimes: draft.reconsumeTimes,
        preparedTransactionOffset: draft.preparedTransactionOffset ?? 0,
        properties: encodeProperties(draft.properties),
      },
      isLong ? 2 : this.#options.messageVersion,
      this.#log.allocate,
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
