import { isIP } from 'node:net';
import { MessageIdGenerator } from '../lib/protocol/message-id.js';
import type { MessageQueue } from '../lib/protocol/message-queue.js';
import { notifyConsumerIdsChanged } from '../lib/protocol/requests/notify-consumer-ids-changed.js';
import { MASTER_ID } from '../lib/protocol/topic-route.js';
import type { MockTimer } from './clock.js';
import type { ResolvedOptions } from './options.js';
import { reviveMessage } from './pop.js';
import type { Connection } from './server/connection.js';
import { Replication } from './replication.js';
import { Timers } from './server/timers.js';
import { brokerSettings } from './settings/broker-settings.js';
import type { Settings } from './settings/settings.js';
import { DeferredMessages } from './store/deferred.js';
import { ExpressionFilters } from './store/filters.js';
import { GroupTable } from './store/groups.js';
import { LockTable } from './store/locks.js';
import { MemberTable } from './store/members.js';
import { MessageStore } from './store/message-store.js';
import { OffsetTable } from './store/offsets.js';
import { PopState } from './store/pop-state.js';
import { PullHolds } from './store/pull-holds.js';
import { systemTopics } from './store/system-topics.js';
import { READ_WRITE, TopicTable } from './store/topics.js';
import { BrokerTraffic } from './store/traffic.js';
import { HalfMessages } from './store/transactions.js';

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
  /** What operators can change while it runs. */
  readonly settings: Settings;
  /** How much went through. */
  readonly traffic: BrokerTraffic;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly store: MessageStore;
  /** A replica's are its master's, but while its replication is paused. */
  offsets: OffsetTable;
  readonly locks: LockTable;
  readonly members: MemberTable<Connection>;
  readonly expressions = new ExpressionFilters();
  readonly holds: PullHolds;
  readonly deferred: DeferredMessages;
  /** Halves of transactions that are open. */
  readonly halves: HalfMessages;
  /** What is known of groups that pop. */
  readonly pop: PopState;
  /** The queues of a topic in the whole cluster that may be read; undefined when nobody has it. */
  findQueues: (topic: string) => MessageQueue[] | undefined = () => undefined;
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
  readonly #port: () => number;
  /** To its replicas. */
  readonly #replications: Replication[] = [];
  /** From its master. */
  readonly replication: Replication | undefined;
  #locksBefore: ReturnType<LockTable['save']> = [];
  #channelScan: MockTimer | undefined;

  /**
   * @param port of the broker: stored messages carry it
   * @param master makes it a replica: topics, groups and offsets are the master's, messages copies of the master's,
   *   connections and locks its own
   */
  constructor(name: string, options: ResolvedOptions, port: () => number, master?: BrokerState) {
    this.name = name;
    this.options = options;
    this.master = master;
    this.#port = port;
    this.settings = brokerSettings({ name, cluster: CLUSTER_NAME, isReplica: master !== undefined, options });
    this.topics =
      master?.topics ??
      new TopicTable(systemTopics({ cluster: CLUSTER_NAME, broker: name, ...options }), () =>
        this.settings.flag('autoCreateTopicEnable'),
      );
    this.groups =
      master?.groups ?? new GroupTable(() => this.settings.flag('autoCreateSubscriptionGroup'), !options.isV4);
    this.offsets = master?.offsets ?? new OffsetTable();
    const now = (): number => options.clock.now();
    this.traffic = new BrokerTraffic(now);
    this.#timers = new Timers(options.clock);
    this.locks = new LockTable(now, options.lockExpiryMs);
    const notify = (connection: Connection, consumerGroup: string): void =>
      connection.sendOneway(notifyConsumerIdsChanged.encode({ consumerGroup }));
    this.members = new MemberTable(notify, options.isV4);
    this.store = new MessageStore({
      now,
      storeHost: () => ({ address: storeAddress(options), port: port() }),
      messageVersion: options.messageVersion,
      ipv6Hosts: options.ipv6Hosts,
      onStored: (entry) => {
        this.traffic.stored(entry.topic, entry.count, entry.size);
        this.holds.arrived(entry);
        this.pop.polls.arrived(entry);
        this.pop.notifications.arrived(entry);
        for (const replication of this.#replications) replication.stored(entry);
      },
    });
    this.holds = new PullHolds({
      now,
      timers: this.#timers,
      scanMs: options.holdScanMs,
      maxOffset: (topic, queueId) => this.store.maxOffset(topic, queueId),
    });
    this.replication = master?.replicateTo(this.store);
    this.deferred = new DeferredMessages(now, this.#timers);
    this.halves = new HalfMessages(this, this.#timers);
    this.pop = new PopState({
      now,
      timers: this.#timers,
      at: (dueAt, callback) => this.deferred.add(dueAt, callback),
      commit: ({ group, topic, queueId }, offset) => this.offsets.commit(group, topic, queueId, offset),
      revive: (queue, offset, popTime) => reviveMessage(this, queue, offset, popTime),
    });
  }

  /** Milliseconds since 1970, by the mock's clock. */
  now(): number {
    return this.options.clock.now();
  }

  /** `host:port`, as clients are told. */
  get address(): string {
    return `${this.options.advertisedHost}:${this.#port()}`;
  }

  /** Forgets a topic, its messages and everybody's offsets in it. */
  deleteTopic(topic: string): void {
    this.topics.delete(topic);
    this.store.deleteTopic(topic);
    for (const replication of this.#replications) replication.topicDeleted(topic);
    this.offsets.deleteTopic(topic);
    this.traffic.forgetTopic(topic);
    this.pop.deleteTopic(topic);
  }

  /** Forgets the messages of a queue before an offset, as if their retention were over. */
  expireBefore(topic: string, queueId: number, offset: number): void {
    this.store.expireBefore(topic, queueId, offset);
    for (const replication of this.#replications) replication.expired(topic, queueId, offset);
  }

  /** Forgets all messages and offsets, as a broker does that lost its disk. Topics and groups stay. */
  loseData(): void {
    this.store.clear();
    for (const replication of this.#replications) replication.cleared();
    this.offsets.clear();
    this.deferred.clear();
    this.halves.clear();
    this.pop.clear();
  }

  /** Keeps `copy` up to date with what is stored here. */
  replicateTo(copy: MessageStore): Replication {
    const replication = new Replication(copy, () => this.now(), new Timers(this.options.clock));
    this.#replications.push(replication);
    return replication;
  }

  /** Has a replica see what comes no more, or all of it again. */
  setReplicationPaused(paused: boolean): void {
    const { master, replication } = this;
    if (master === undefined || replication?.paused === paused) return;
    this.offsets = paused ? master.offsets.clone() : master.offsets;
    if (paused) replication?.pause();
    else replication?.resume();
  }

  /** Forgets a group's configuration, and its offsets if that is wanted. Its members stay. */
  deleteGroup(group: string, options: { cleanOffsets: boolean }): void {
    this.groups.delete(group);
    if (options.cleanOffsets) this.offsets.deleteGroup(group);
    this.traffic.forgetGroup(group);
  }

  /** Watches for clients that went silent, from the first heartbeat on. */
  watchChannels(): void {
    if (this.#channelScan !== undefined) return;
    this.#channelScan = this.#timers.later(() => this.#closeSilentChannels(), CHANNEL_SCAN_MS);
  }

  /** What a connection's end means: it is no member any more and its held pulls are forgotten. Locks stay. */
  onConnectionClosed(connection: Connection): void {
    this.holds.discard(connection);
    this.pop.discard(connection);
    this.members.closeChannel(connection);
  }

  /** Forgets what is only in memory: locks, members, held pulls. */
  shutDown(): void {
    this.holds.clear();
    this.members.clear();
    // It is shut down twice: before and after its port is closed.
    const locks = this.locks.save();
    if (locks.length > 0) this.#locksBefore = locks;
    this.locks.clear();
    this.pop.clearPolls();
    this.halves.stop();
    this.#timers.clear();
    this.#channelScan = undefined;
  }

  /** Goes on where {@link shutDown} left off; with `keepLocks` it has the locks again, too. */
  startUp({ keepLocks }: { keepLocks: boolean }): void {
    if (keepLocks) this.locks.restore(this.#locksBefore);
    this.#locksBefore = [];
    this.deferred.resume();
    this.halves.resume();
  }

  #closeSilentChannels(): void {
    this.#channelScan = undefined;
    const silent = this.members.expired(this.now() - CHANNEL_EXPIRY_MS);
    for (const connection of silent) {
      this.members.closeChannel(connection);
      // Of one that is silent by a fault the other side would not hear that it is closed.
      if (!connection.silent) connection.close();
    }
    if (this.members.groups().length > 0) this.watchChannels();
  }
}

/** The address stored messages carry: they have room for an IP address only. */
function storeAddress({ ipv6Hosts, advertisedHost, host }: ResolvedOptions): string {
  if (ipv6Hosts) return '::1';
  return [advertisedHost, host].find((candidate) => isIP(candidate) !== 0) ?? '127.0.0.1';
}
