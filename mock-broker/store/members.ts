import type { SubscriptionData } from '../../lib/protocol/subscription.js';

/**
 * Who is connected in which group, with what subscriptions: what heartbeats tell a broker. Lost when it restarts.
 *
 * `Channel` is a connection; one may be a member of many groups.
 */

export type MessageModel = 'CLUSTERING' | 'BROADCASTING';

export interface Member {
  readonly clientId: string;
  /** Protocol version of the client. */
  readonly version: number;
  readonly language: string;
  lastHeartbeatAt: number;
}

/** What a heartbeat says of one consumer group. */
export interface ConsumerRegistration {
  readonly group: string;
  readonly consumeType: string;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: string;
  readonly subscriptions: readonly SubscriptionData[];
  readonly notify: boolean;
}

export class ConsumerGroup<Channel> {
  readonly name: string;
  consumeType: string;
  messageModel: MessageModel;
  consumeFromWhere: string;
  readonly channels = new Map<Channel, Member>();
  readonly subscriptions = new Map<string, SubscriptionData>();

  constructor({ group, consumeType, messageModel, consumeFromWhere }: ConsumerRegistration) {
    this.name = group;
    this.consumeType = consumeType;
    this.messageModel = messageModel;
    this.consumeFromWhere = consumeFromWhere;
  }

  /** Client ids in the order their connections came; one that has two connections is listed twice. */
  clientIds(): string[] {
    return [...this.channels.values()].map((member) => member.clientId);
  }
}

export class MemberTable<Channel> {
  readonly #consumers = new Map<string, ConsumerGroup<Channel>>();
  /** By group and topic: what pulls brought with them, which counts where a group's heartbeats say nothing. */
  readonly #pulledWith = new Map<string, Map<string, SubscriptionData>>();
  readonly #producers = new Map<string, Map<Channel, Member>>();
  readonly #notify: (channel: Channel, group: string) => void;
  readonly #notifiesBroadcasting: boolean;

  /**
   * @param notify tells a member that the group's members or topics changed
   * @param notifiesBroadcasting whether members of a broadcasting group are told too, as brokers of 4.9 do
   */
  constructor(notify: (channel: Channel, group: string) => void, notifiesBroadcasting = false) {
    this.#notify = notify;
    this.#notifiesBroadcasting = notifiesBroadcasting;
  }

  /** The group while it has members. */
  group(name: string): ConsumerGroup<Channel> | undefined {
    return this.#consumers.get(name);
  }

  groups(): ConsumerGroup<Channel>[] {
    return [...this.#consumers.values()];
  }

  /** Takes a heartbeat in. Members are notified when a channel or topic is new or gone; a newer version is neither. */
  register(channel: Channel, member: Member, consumer: ConsumerRegistration): void {
    let group = this.#consumers.get(consumer.group);
    if (group === undefined) {
      group = new ConsumerGroup(consumer);
      this.#consumers.set(consumer.group, group);
    }
    group.consumeType = consumer.consumeType;
    group.messageModel = consumer.messageModel;
    group.consumeFromWhere = consumer.consumeFromWhere;
    const isNew = !group.channels.has(channel);
    group.channels.set(channel, member);
    const topicsChanged = updateSubscriptions(group, consumer.subscriptions);
    if ((isNew || topicsChanged) && consumer.notify) this.#notifyAll(group);
  }

  registerProducer(channel: Channel, member: Member, group: string): void {
    let channels = this.#producers.get(group);
    if (channels === undefined) this.#producers.set(group, (channels = new Map<Channel, Member>()));
    channels.set(channel, member);
  }

  /** Takes a consumer out of its group, and tells the rest even if it was no member. */
  unregister(channel: Channel, groupName: string, notify: boolean): void {
    const group = this.#consumers.get(groupName);
    if (group === undefined) return;
    group.channels.delete(channel);
    this.#removeIfEmpty(group);
    if (notify) this.#notifyAll(group);
  }

  unregisterProducer(channel: Channel, group: string): void {
    const channels = this.#producers.get(group);
    channels?.delete(channel);
    if (channels?.size === 0) this.#producers.delete(group);
  }

  /** Takes a closed connection out of all its groups. */
  closeChannel(channel: Channel): void {
    for (const group of this.groups()) {
      if (!group.channels.delete(channel)) continue;
      this.#removeIfEmpty(group);
      this.#notifyAll(group);
    }
    for (const group of [...this.#producers.keys()]) this.unregisterProducer(channel, group);
  }

  /** Channels whose last heartbeat is older than `before`. */
  expired(before: number): Channel[] {
    const found = new Set<Channel>();
    for (const group of this.#consumers.values()) {
      for (const [channel, member] of group.channels) if (member.lastHeartbeatAt < before) found.add(channel);
    }
    return [...found];
  }

  /** Connections on which a producer of the group has sent a heartbeat. */
  producerChannels(group: string): Channel[] {
    return [...(this.#producers.get(group)?.keys() ?? [])];
  }

  /** The producers that have sent heartbeats, by group. */
  producers(): ReadonlyMap<string, ReadonlyMap<Channel, Member>> {
    return this.#producers;
  }

  /** Remembers the subscription a pull brought with it. */
  notePulledWith(group: string, subscription: SubscriptionData): void {
    let topics = this.#pulledWith.get(group);
    if (topics === undefined) this.#pulledWith.set(group, (topics = new Map<string, SubscriptionData>()));
    topics.set(subscription.topic, subscription);
  }

  /** The subscription of a group to a topic: by its heartbeats, else by its latest pull. */
  subscription(group: string, topic: string): SubscriptionData | undefined {
    return this.#consumers.get(group)?.subscriptions.get(topic) ?? this.#pulledWith.get(group)?.get(topic);
  }

  /** Whether the group has members, and none of them is interested in the topic. */
  ignores(group: string, topic: string): boolean {
    const subscriptions = this.#consumers.get(group)?.subscriptions;
    return subscriptions !== undefined && subscriptions.size > 0 && this.subscription(group, topic) === undefined;
  }

  /** Tells all members of a group, whether something changed or not. */
  notifyGroup(name: string): void {
    const group = this.#consumers.get(name);
    for (const channel of group?.channels.keys() ?? []) this.#notify(channel, name);
  }

  clear(): void {
    this.#consumers.clear();
    this.#pulledWith.clear();
    this.#producers.clear();
  }

  #removeIfEmpty(group: ConsumerGroup<Channel>): void {
    if (group.channels.size === 0) this.#consumers.delete(group.name);
  }

  #notifyAll(group: ConsumerGroup<Channel>): void {
    if (group.messageModel === 'BROADCASTING' && !this.#notifiesBroadcasting) return;
    for (const channel of [...group.channels.keys()]) this.#notify(channel, group.name);
  }
}

/** Whether a topic came or went. The subscription with the greater version wins. */
function updateSubscriptions(group: ConsumerGroup<unknown>, subscriptions: readonly SubscriptionData[]): boolean {
  let changed = false;
  const topics = new Set<string>();
  for (const subscription of subscriptions) {
    const known = group.subscriptions.get(subscription.topic);
    if (known === undefined || subscription.subVersion > known.subVersion) {
      group.subscriptions.set(subscription.topic, subscription);
    }
    if (known === undefined) changed = true;
    topics.add(subscription.topic);
  }
  for (const topic of group.subscriptions.keys()) {
    if (topics.has(topic)) continue;
    group.subscriptions.delete(topic);
    changed = true;
  }
  return changed;
}
