import { DLQ_TOPIC_PREFIX, dlqTopic, isDlqTopic, isRetryTopic, retryTopic } from '../lib/protocol/namespace.js';
import { PropertyName } from '../lib/protocol/properties.js';
import { Perm } from '../lib/protocol/topic-route.js';
import type { BrokerView, ClockView, ClusterView, DelayedView, GroupQueueView, GroupView } from './admin/schemas.js';
import type { NameServerView, PullView, ReplicaView, TopicView } from './admin/schemas.js';
import type { MockBroker } from './broker.js';
import type { MockCluster } from './cluster.js';
import type { MockNameServer } from './name-server.js';
import type { Connection } from './server/connection.js';

/** A cluster as it stands, in plain data: what the control plane answers with. */

/** Groups that every broker has, which nobody asked for. */
const SYSTEM_GROUPS = new Set(['TOOLS_CONSUMER', 'FILTERSRV_CONSUMER', 'SELF_TEST_C_GROUP']);
const SYSTEM_GROUP_PREFIXES = ['CID_RMQ_SYS_', 'CID_ONS'];

export function clockView({ clock }: MockCluster): ClockView {
  return { now: clock.now(), manual: clock.isManual, pendingTimers: clock.pendingTimers };
}

export function clusterView(cluster: MockCluster): ClusterView {
  const { brokers, nameServers, options } = cluster;
  return {
    namesrvAddr: cluster.namesrvAddr,
    nameServers: nameServers.map(nameServerView),
    persona: options.persona,
    version: options.version,
    lockExpiryMs: options.lockExpiryMs,
    clock: clockView(cluster),
    brokers: brokers.map(brokerView),
    topics: topicNames(cluster).length,
    groups: groupNames(cluster).length,
    faults: cluster.faults.active.length,
    violations: cluster.violations.length,
  };
}

export function brokerView(broker: MockBroker): BrokerView {
  return {
    name: broker.name,
    brokerId: broker.brokerId,
    address: broker.address,
    running: broker.running,
    registered: broker.registered,
    permission: broker.state.permission,
    suggestedBrokerId: broker.state.suggestedBrokerId,
    heldPulls: broker.heldPulls,
    connections: broker.connections.map(({ id, clientId }) => ({ id, clientId: clientId ?? null })),
    replicas: broker.replicas.map(replicaView),
  };
}

export function replicaView(replica: MockBroker): ReplicaView {
  const { brokerId, address, running, registered, replicationBehind: behind } = replica;
  const { paused = false, lagMs = 0 } = replica.state.replication ?? {};
  return { brokerId, address, running, registered, paused, lagMs, behind };
}

/** @param index its place among the name servers */
export function nameServerView(server: MockNameServer, index: number): NameServerView {
  const { address, running, frozen, overrides } = server;
  return { nameServer: index, address, running, frozen, overrides: [...overrides] };
}

/** All topics but those every broker has, retry and dead letter topics too. */
export function topicNames({ brokers }: MockCluster): string[] {
  return [...new Set(brokers.flatMap((broker) => broker.state.topics.userTopics()))].sort();
}

/** undefined when no broker has it. */
export function topicView(cluster: MockCluster, name: string): TopicView | undefined {
  const brokers: TopicView['brokers'] = [];
  const queues: TopicView['queues'] = [];
  for (const broker of cluster.brokers) {
    const { topics, store } = broker.state;
    const config = topics.get(name);
    if (config === undefined) continue;
    const { readQueueNums, writeQueueNums, perm } = config;
    brokers.push({ broker: broker.name, readQueueNums, writeQueueNums, perm });
    for (let queueId = 0; queueId < Math.max(readQueueNums, writeQueueNums); queueId++) {
      queues.push({
        broker: broker.name,
        queueId,
        minOffset: store.minOffset(name, queueId),
        maxOffset: store.maxOffset(name, queueId),
        readable: queueId < readQueueNums && (perm & Perm.READ) !== 0,
        writable: queueId < writeQueueNums && (perm & Perm.WRITE) !== 0,
      });
    }
  }
  if (brokers.length === 0) return undefined;
  const kind = isRetryTopic(name) ? 'retry' : isDlqTopic(name) ? 'dead-letter' : 'normal';
  return { name, kind, messages: countMessages(queues), brokers, queues };
}

export function topicViews(cluster: MockCluster): TopicView[] {
  return topicNames(cluster).flatMap((name) => topicView(cluster, name) ?? []);
}

/** Groups that were configured, are connected, or have committed something. */
export function groupNames({ brokers }: MockCluster): string[] {
  const names = new Set<string>();
  for (const { state } of brokers) {
    for (const { name } of state.groups.all()) names.add(name);
    for (const { name } of state.members.groups()) names.add(name);
    for (const topic of state.topics.all()) {
      for (const name of state.offsets.groupsOf(topic.name)) names.add(name);
      if (isDlqTopic(topic.name)) names.add(topic.name.slice(DLQ_TOPIC_PREFIX.length));
    }
  }
  return [...names].filter((name) => !isSystemGroup(name)).sort();
}

/** undefined when nobody knows it. */
export function groupView(cluster: MockCluster, name: string): GroupView | undefined {
  const { brokers } = cluster;
  const config = brokers.map(({ state }) => state.groups.get(name)).find((found) => found !== undefined);
  const connected = brokers.flatMap(({ state }) => state.members.group(name) ?? []);
  const subscriptions = connected[0] === undefined ? [] : [...connected[0].subscriptions.values()];
  const queues = groupTopics(cluster, name).flatMap((topic) => groupQueues(cluster, name, topic));
  const deadLetters = topicView(cluster, dlqTopic(name))?.messages ?? 0;
  if (config === undefined && connected.length === 0 && queues.length === 0 && deadLetters === 0) return undefined;
  return {
    name,
    config: config === undefined ? null : {
      consumeEnable: config.consumeEnable,
      consumeBroadcastEnable: config.consumeBroadcastEnable,
      retryQueueNums: config.retryQueueNums,
      retryMaxTimes: config.retryMaxTimes,
      notifyConsumerIdsChangedEnable: config.notifyConsumerIdsChangedEnable,
    },
    messageModel: connected[0]?.messageModel ?? null,
    members: members(cluster, name),
    subscriptions: subscriptions.map(({ topic, subString, expressionType }) => ({
      topic,
      expression: subString,
      type: expressionType,
    })),
    queues,
    lag: queues.reduce((sum, queue) => sum + queue.lag, 0),
    deadLetters,
  }; // prettier-ignore
}

export function groupViews(cluster: MockCluster): GroupView[] {
  return groupNames(cluster).flatMap((name) => groupView(cluster, name) ?? []);
}

/** Pulls that wait, at masters and replicas. */
export function pullViews({ brokers }: MockCluster): PullView[] {
  return brokers
    .flatMap((broker) => [broker, ...broker.replicas])
    .flatMap((broker) =>
      broker.state.holds.list().map(({ topic, queueId, offset, expiresAt, channel }) => ({
        broker: broker.brokerId === 0 ? broker.name : `${broker.name}/${broker.brokerId}`,
        topic,
        queueId,
        offset,
        clientId: (channel as Connection).clientId ?? null,
        expiresAt,
      })),
    );
}

export function delayedViews({ brokers }: MockCluster): DelayedView[] {
  return brokers.flatMap((broker) =>
    broker.state.deferred.list().map(({ dueAt, topic, queueId, properties }) => ({
      broker: broker.name,
      dueAt,
      topic,
      queueId: Math.max(0, queueId),
      msgId: properties[PropertyName.UNIQ_KEY] ?? '',
    })),
  );
}

/** What the group subscribes to, or has offsets or locks in; of its retry topic only when something is in it. */
function groupTopics(cluster: MockCluster, group: string): string[] {
  const topics = new Set<string>();
  for (const { state } of cluster.brokers) {
    for (const topic of state.members.group(group)?.subscriptions.keys() ?? []) topics.add(topic);
    for (const { topic } of state.offsets.list(group)) topics.add(topic);
    for (const { queue } of state.locks.list(group)) topics.add(queue.topic);
  }
  const retry = retryTopic(group);
  const isIdle = topicView(cluster, retry)?.queues.every((queue) => queue.maxOffset === 0) ?? true;
  if (isIdle) topics.delete(retry);
  return [...topics].sort();
}

function groupQueues(cluster: MockCluster, group: string, topic: string): GroupQueueView[] {
  const queues: GroupQueueView[] = [];
  const now = cluster.clock.now();
  for (const broker of cluster.brokers) {
    const { topics, store, offsets, locks } = broker.state;
    const held = locks.list(group).filter(({ queue }) => queue.topic === topic);
    for (let queueId = 0; queueId < (topics.get(topic)?.readQueueNums ?? 0); queueId++) {
      const minOffset = store.minOffset(topic, queueId);
      const maxOffset = store.maxOffset(topic, queueId);
      const committed = offsets.query(group, topic, queueId);
      const lock = held.find(({ queue }) => queue.queueId === queueId && queue.brokerName === broker.name);
      const expiresAt = (lock?.lastUpdateMs ?? 0) + cluster.options.lockExpiryMs;
      queues.push({
        topic,
        broker: broker.name,
        queueId,
        minOffset,
        maxOffset,
        committed: committed ?? null,
        delivered: offsets.pulled(group, topic, queueId) ?? null,
        lag: Math.max(0, maxOffset - (committed ?? minOffset)),
        lock:
          lock === undefined
            ? null
            : { clientId: lock.clientId, lockedAt: lock.lastUpdateMs, expiresAt, remainingMs: expiresAt - now },
      });
    }
  }
  return queues;
}

function members(cluster: MockCluster, group: string): GroupView['members'] {
  const brokersOf = new Map<string, Set<string>>();
  for (const { clientId, brokerName } of cluster.members(group)) {
    let brokers = brokersOf.get(clientId);
    if (brokers === undefined) brokersOf.set(clientId, (brokers = new Set()));
    brokers.add(brokerName);
  }
  return [...brokersOf].map(([clientId, brokers]) => ({ clientId, brokers: [...brokers] }));
}

function countMessages(queues: TopicView['queues']): number {
  return queues.reduce((sum, { minOffset, maxOffset }) => sum + maxOffset - minOffset, 0);
}

function isSystemGroup(name: string): boolean {
  return SYSTEM_GROUPS.has(name) || SYSTEM_GROUP_PREFIXES.some((prefix) => name.startsWith(prefix));
}
