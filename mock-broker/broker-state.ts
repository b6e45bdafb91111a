import { isIP } from 'node:net';
import { MessageIdGenerator } from '../lib/protocol/message-id.js';
import { notifyConsumerIdsChanged } from '../lib/protocol/requests/notify-consumer-ids-changed.js';
import { MASTER_ID } from '../lib/protocol/topic-route.js';
import type { MockTimer } from './clock.js';
import type { ResolvedOptions } from './options.js';
import type { Connection } from './server/connection.js';
import { Timers } from './server/timers.js';
import { DeferredMessages } from './store/deferred.js';
import { ExpressionFilters } from './store/filters.js';
import { GroupTable } from './store/groups.js';
import { LockTable } from './store/locks.js';
import { MemberTable } from './store/members.js';
import { MessageStore } from './store/message-store.js';
import { OffsetTable } from './store/offsets.js';
import { PullHolds } from './store/pull-holds.js';
import { READ_WRITE, TopicTable } from './store/topics.js';

/** Everything one broker knows: what its request handlers work on. */

/** A client that sent no heartbeat for this long is no member any more, and its connection is closed. */
const CHANNEL_EXPIRY_MS = 120_000;
/** How often the reference looks for such clients. */
const CHANNEL_SCAN_MS = 10_000;

/** The name of the cluster all brokers belong to. */
export const CLUSTER_NAME = 'DefaultCluster';

export class BrokerState {
  readonly name: string;
  readonly options: ResolvedOptions;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly store: MessageStore;
  readonly offsets: OffsetTable;
  readonly locks: LockTable;
  readonly members: MemberTable<Connection>;
  readonly expressions = new ExpressionFilters();
  readonly holds: PullHolds;
  readonly deferred: DeferredMessages;
  /** Gives unique keys to messages that came without. */
  readonly ids = new MessageIdGenerator('127.0.0.1');
  /** The state of its master, when it is a replica. */
  readonly master: BrokerState | undefined;
  /** Sum of `Perm` bits; also masks the permissions of topics in routes. */
  permission: number = READ_WRITE;
  /** The broker id pulls are told to go to. */
  suggestedBrokerId: number = MASTER_ID;
  /** Whether clients can find it. */
  registered = false;
  readonly #timers: Timers;
  /** Where pulls of its messages may be held: here and at its replicas. */
  readonly #allHolds: PullHolds[] = [];
  #channelScan: MockTimer | undefined;

  /**
   * @param port of the broker: stored messages carry it
   * @param master makes it a replica: topics, groups, messages and offsets are the master's, connections and locks its own
   */
  constructor(name: string, options: ResolvedOptions, port: () => number, master?: BrokerState) {
    this.name = name;
    this.options = options;
    this.master = master;
    this.topics = master?.topics ?? new TopicTable(options.autoCreateTopicEnable);
    this.groups = master?.groups ?? new GroupTable(options.autoCreateSubscriptionGroup, !options.isV4);
    this.offsets = master?.offsets ?? new OffsetTable();
    const now = (): number => options.clock.now();
    this.#timers = new Timers(options.clock);
    this.locks = new LockTable(now, options.lockExpiryMs);
    const notify = (connection: Connection, consumerGroup: string): void =>
      connection.sendOneway(notifyConsumerIdsChanged.encode({ consumerGroup }));
    this.members = new MemberTable(notify, options.isV4);
    this.store =
      master?.store ??
      new MessageStore({
        now,
        storeHost: () => ({ address: storeAddress(options), port: port() }),
        messageVersion: options.messageVersion,
        ipv6Hosts: options.ipv6Hosts,
        onStored: (entry) => {
          for (const holds of this.#allHolds) holds.arrived(entry);
        },
      });
    this.holds = new PullHolds({
      now,
      timers: this.#timers,
      scanMs: options.holdScanMs,
      maxOffset: (topic, queueId) => this.store.maxOffset(topic, queueId),
    });
    (master ?? this).#allHolds.push(this.holds);
    this.deferred = new DeferredMessages(now, this.#timers);
  }

  /** Milliseconds since 1970, by the mock's clock. */
  now(): number {
    return this.options.clock.now();
  }

  /** Forgets a topic, its messages and everybody's offsets in it. */
  deleteTopic(topic: string): void {
    this.topics.delete(topic);
    this.store.deleteTopic(topic);
    this.offsets.deleteTopic(topic);
  }

  /** Watches for clients that went silent, from the first heartbeat on. */
  watchChannels(): void {
    if (this.#channelScan !== undefined) return;
    this.#channelScan = this.#timers.later(() => this.#closeSilentChannels(), CHANNEL_SCAN_MS);
  }

  /** What a connection's end means: it is no member any more and its held pulls are forgotten. Locks stay. */
  onConnectionClosed(connection: Connection): void {
    this.holds.discard(connection);
    this.members.closeChannel(connection);
  }

  /** Forgets what is only in memory: locks, members, held pulls. */
  shutDown(): void {
    this.holds.clear();
    this.members.clear();
    this.locks.clear();
    this.#timers.clear();
    this.#channelScan = undefined;
  }

  /** Goes on where {@link shutDown} left off. */
  startUp(): void {
    this.deferred.resume();
  }

  #closeSilentChannels(): void {
    this.#channelScan = undefined;
    const silent = this.members.expired(this.now() - CHANNEL_EXPIRY_MS);
    for (const connection of silent) {
      this.members.closeChannel(connection);
      connection.close();
    }
    if (this.members.groups().length > 0) this.watchChannels();
  }
}

/** The address stored messages carry: they have room for an IP address only. */
function storeAddress({ ipv6Hosts, advertisedHost, host }: ResolvedOptions): string {
  if (ipv6Hosts) return '::1';
  return [advertisedHost, host].find((candidate) => isIP(candidate) !== 0) ?? '127.0.0.1';
}
