import type { RequestCommand } from '../../lib/protocol/command.js';
import { parseLenientJson } from '../../lib/protocol/lenient-json.js';
import { encodeProperties } from '../../lib/protocol/properties.js';
import { pullMessage } from '../../lib/protocol/requests/pull-message.js';
import { updateConsumerOffset } from '../../lib/protocol/requests/update-consumer-offset.js';
import { updateAndCreateSubscriptionGroup } from '../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { updateAndCreateTopic } from '../../lib/protocol/requests/update-and-create-topic.js';
import { C, type Case, G, NAMES, NOBODY, plain, pull, RUN, send, T } from './parity-requests.js';

/** What operators' tools ask brokers and name servers. */

const TOPIC = `ParityAdmin${RUN}`;
const GROUP = `parity-admin-${RUN}`;
const HEIR = `parity-heir-${RUN}`;
const NAMESPACE = `parity-space-${RUN}`;

/** Times, addresses, and places in the commit log, differ by their nature. */
const VARIABLE = /(timestamp|timestampstr|delaytime|physicoffset|clientaddr)$/i;
/** Rates depend on when a real broker takes its sample, sizes on how long the address of its machine is. */
const UNEQUAL = /(tps|physicsize)$/i;

/** A JSON body with what varies made equal. Keys that are objects are compared as texts. */
const json = (body: Buffer): unknown => normalized(parseLenientJson(body.toString()));

function normalized(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalized);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => {
    if (UNEQUAL.test(name)) return [name, typeof inner] as const;
    const isTime = VARIABLE.test(name) && typeof inner !== 'object';
    return [name, isTime ? isSet(inner) : normalized(inner)] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether there is a time at all is to be compared. */
function isSet(value: unknown): string {
  return typeof value === 'number' && value <= 0 ? `<${value}>` : '<varies>';
}

/** Lists in an order of their own. */
const sorted =
  (field: string) =>
  (body: Buffer): unknown =>
    [...((json(body) as Record<string, string[]>)[field] ?? [])].sort();

const ofName =
  (field: string, name: string) =>
  (body: Buffer): unknown =>
    (json(body) as Record<string, Record<string, unknown>>)[field]?.[name];

const attributes = (name: string, text: string, topic = TOPIC): Case => ({
  name: `attributes of a topic: ${name}`,
  request: updateAndCreateTopic.encode({ topic, readQueueNums: 2, writeQueueNums: 2, perm: 6, attributes: text }),
  since5: true,
});

const put = (text: string): RequestCommand => plain(C.UPDATE_BROKER_CONFIG, {}, text);

/** Names of older brokers in the configuration of these tests: 5.x lists them without knowing them. */
const OLD_NAMES: ReadonlySet<string> = new Set(['mapedFileSizeConsumeQueue', 'maxHashSlot']);

export const PARITY_ADMIN_CASES: readonly Case[] = [
  {
    name: 'a topic for tools',
    request: updateAndCreateTopic.encode({ topic: TOPIC, readQueueNums: 2, writeQueueNums: 2, perm: 6 }),
  },
  {
    name: 'a group for tools',
    request: updateAndCreateSubscriptionGroup.encode({ groupName: GROUP, retryMaxTimes: 3 }),
  },
  ...[0, 1].map((count): Case => {
    const request = send({ topic: TOPIC, queueId: 0, properties: encodeProperties({ TAGS: 'A', KEYS: `k${count}` }) });
    return { name: `a message for tools ${count}`, request, variable: ['msgId', 'transactionId'] };
  }),
  {
    name: 'the messages for tools are found',
    request: pull({ consumerGroup: NAMES.silent, topic: TOPIC, sysFlag: 4, subscription: '*' }),
    settles: true,
    variable: ['minOffset'],
  },
  {
    name: 'a commit for tools',
    request: updateConsumerOffset.encode({ consumerGroup: GROUP, topic: TOPIC, queueId: 0, commitOffset: 1 }),
  },
  {
    name: 'a pull for tools',
    request: pullMessage.encode({
      consumerGroup: GROUP,
      topic: TOPIC,
      queueId: 0,
      queueOffset: 1,
      maxMsgNums: 1,
      sysFlag: 4,
      commitOffset: 0,
      suspendTimeoutMillis: 0,
      subscription: 'A || B',
      subVersion: 7,
      expressionType: 'TAG',
    }),
  },

  { name: 'topic statistics', request: plain(C.GET_TOPIC_STATS_INFO, { topic: TOPIC }), body: json },
  { name: 'topic statistics: unknown topic', request: plain(C.GET_TOPIC_STATS_INFO, { topic: 'Nobody' }) },
  { name: 'topic configuration', request: plain(C.GET_TOPIC_CONFIG, { topic: TOPIC }), body: json, since5: true },
  { name: 'topic configuration: unknown', request: plain(C.GET_TOPIC_CONFIG, { topic: 'Nobody' }), since5: true },
  { name: 'all topics', request: plain(C.GET_ALL_TOPIC_CONFIG), body: ofName('topicConfigTable', TOPIC), variable: ['totalTopicNum'] }, // prettier-ignore
  ...['SCHEDULE_TOPIC_XXXX', 'TBW102', 'BenchmarkTest', 'DefaultCluster', 'broker-a'].map((name): Case => ({
    name: `all topics: ${name}`,
    request: plain(C.GET_ALL_TOPIC_CONFIG),
    body: ofName('topicConfigTable', name),
    variable: ['totalTopicNum'],
  })),
  attributes('added', '+message.type=FIFO'),
  attributes('unknown', '+nothing=1'),
  attributes('not allowed', '+message.type=BAD'),
  attributes('out of range', '+reserve.time=-2'),
  attributes('no number', '+reserve.time=x'),
  attributes('never to be changed', '+queue.type=BatchCQ'),
  attributes('twice', '+reserve.time=5,+reserve.time=6'),
  attributes('without a sign', 'reserve.time=5'),
  attributes('without a value', '+reserve.time='),
  attributes('with too many signs', '++=1'),
  attributes('deleted', '-message.type'),
  attributes('deleted again', '-message.type'),
  attributes('deleted from a new topic', '-message.type', `${TOPIC}New`),
  attributes('mixed', '+message.type=MIXED'),
  { name: 'a system topic is changed', request: updateAndCreateTopic.encode({ topic: 'DefaultCluster', readQueueNums: 2, writeQueueNums: 2, perm: 6 }), since5: true }, // prettier-ignore
  { name: 'a system topic is deleted', request: plain(C.DELETE_TOPIC_IN_BROKER, { topic: 'DefaultCluster' }), since5: true }, // prettier-ignore

  { name: 'group configuration', request: plain(C.GET_SUBSCRIPTIONGROUP_CONFIG, { group: GROUP }), body: json, since5: true }, // prettier-ignore
  {
    name: 'group configuration: illegal',
    request: plain(C.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'a b' }),
    since5: true,
  },
  { name: 'all groups', request: plain(C.GET_ALL_SUBSCRIPTIONGROUP_CONFIG), body: ofName('subscriptionGroupTable', GROUP), variable: ['totalGroupNum'] }, // prettier-ignore
  { name: 'consumer connections: nobody', request: plain(C.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: GROUP }) },
  { name: 'consumer connections', request: plain(C.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: G }), body: json },
  { name: 'producer connections: nobody', request: plain(C.GET_PRODUCER_CONNECTION_LIST, { producerGroup: GROUP }) },
  { name: 'who consumes', request: plain(C.QUERY_TOPIC_CONSUME_BY_WHO, { topic: TOPIC }), body: sorted('groupList') },
  { name: 'who consumes: by heartbeats', request: plain(C.QUERY_TOPIC_CONSUME_BY_WHO, { topic: `%RETRY%${G}` }), body: sorted('groupList') }, // prettier-ignore
  {
    name: 'who consumes: unknown topic',
    request: plain(C.QUERY_TOPIC_CONSUME_BY_WHO, { topic: 'Nobody' }),
    body: json,
  },
  { name: 'what is consumed', request: plain(C.QUERY_TOPICS_BY_CONSUMER, { group: GROUP }), body: sorted('topicList'), since5: true }, // prettier-ignore
  { name: 'subscription', request: plain(C.QUERY_SUBSCRIPTION_BY_CONSUMER, { group: G, topic: T }), body: json, since5: true }, // prettier-ignore
  {
    name: 'subscription: of a pull',
    request: plain(C.QUERY_SUBSCRIPTION_BY_CONSUMER, { group: GROUP, topic: TOPIC }),
    body: (body) => (json(body) as { subscriptionData?: { subString?: string } }).subscriptionData?.subString,
    since5: true,
  },
  { name: 'subscription: none', request: plain(C.QUERY_SUBSCRIPTION_BY_CONSUMER, { group: NOBODY, topic: TOPIC }), body: json, since5: true }, // prettier-ignore

  { name: 'consume statistics', request: plain(C.GET_CONSUME_STATS, { consumerGroup: GROUP }), body: json },
  { name: 'consume statistics: a topic', request: plain(C.GET_CONSUME_STATS, { consumerGroup: GROUP, topic: TOPIC }), body: json }, // prettier-ignore
  { name: 'consume statistics: unknown topic', request: plain(C.GET_CONSUME_STATS, { consumerGroup: GROUP, topic: 'Nobody' }), body: json }, // prettier-ignore
  { name: 'consume statistics: a topic members do not want', request: plain(C.GET_CONSUME_STATS, { consumerGroup: G, topic: TOPIC }), body: json }, // prettier-ignore
  { name: 'consume statistics: a list', request: plain(C.GET_CONSUME_STATS, { consumerGroup: G, topicList: `${TOPIC};` }), body: json, since5: true }, // prettier-ignore
  { name: 'consume time span', request: plain(C.QUERY_CONSUME_TIME_SPAN, { topic: TOPIC, group: GROUP }), body: json },
  {
    name: 'consume time span: unknown topic',
    request: plain(C.QUERY_CONSUME_TIME_SPAN, { topic: 'Nobody', group: GROUP }),
  },
  { name: 'statistics nobody keeps', request: plain(C.VIEW_BROKER_STATS_DATA, { statsName: 'TOPIC_PUT_NUMS', statsKey: 'x' }) }, // prettier-ignore
  { name: 'statistics without names', request: plain(C.VIEW_BROKER_STATS_DATA) },
  ...[
    ['', {}],
    [': in the middle', { index: '1' }],
    [': past the end', { index: '9' }],
    [': no such queue', { queueId: '7' }],
    [': of a group', { consumerGroup: NOBODY }],
  ].map(([name, change]): Case => {
    const fields = { topic: TOPIC, queueId: '0', index: '0', count: '5', ...(change as Record<string, string>) };
    return { name: `consume queue${name as string}`, request: plain(C.QUERY_CONSUME_QUEUE, fields), body: json };
  }),

  { name: 'running information: nobody', request: plain(C.GET_CONSUMER_RUNNING_INFO, { consumerGroup: GROUP, clientId: 'c' }) }, // prettier-ignore
  { name: 'running information: no client', request: plain(C.GET_CONSUMER_RUNNING_INFO, { consumerGroup: GROUP }) },
  { name: 'clone: no topic', request: plain(C.CLONE_GROUP_OFFSET, { srcGroup: GROUP, destGroup: HEIR }) },
  { name: 'clone: no topic, no offset', request: plain(14, { consumerGroup: HEIR, topic: TOPIC, queueId: '1' }) },
  { name: 'clone', request: plain(C.CLONE_GROUP_OFFSET, { srcGroup: GROUP, destGroup: HEIR, topic: TOPIC }) },
  { name: 'clone: the offset', request: plain(14, { consumerGroup: HEIR, topic: TOPIC, queueId: '0' }) },
  { name: 'a group is deleted, its offsets stay', request: plain(C.DELETE_SUBSCRIPTIONGROUP, { groupName: HEIR }) },
  { name: 'a group is deleted: the offset', request: plain(14, { consumerGroup: HEIR, topic: TOPIC, queueId: '0' }) },
  { name: 'a group is deleted, and its offsets', request: plain(C.DELETE_SUBSCRIPTIONGROUP, { groupName: HEIR, cleanOffset: 'true' }), since5: true }, // prettier-ignore
  { name: 'a group is deleted: no topics', request: plain(C.QUERY_TOPICS_BY_CONSUMER, { group: HEIR }), body: sorted('topicList'), since5: true }, // prettier-ignore

  { name: 'broker settings: unknown', request: put('nothing=1\n') },
  { name: 'broker settings: locked', request: put('configBlackList=x\n'), since5: true },
  {
    name: 'broker settings: names',
    request: plain(C.GET_BROKER_CONFIG),
    body: (body) =>
      body
        .toString()
        .split('\n')
        .map((line) => line.split('=')[0] ?? '')
        .filter((name) => !OLD_NAMES.has(name))
        .sort(),
    variable: ['version'],
    since5: true,
  },
  {
    name: 'runtime information: names',
    request: plain(C.GET_BROKER_RUNTIME_INFO),
    body: (body) =>
      Object.keys((json(body) as { table: object }).table)
        .filter(isGeneral)
        .sort(),
    since5: true,
  },

  { name: 'key: unknown', to: 'nameServer', request: plain(C.GET_KV_CONFIG, { namespace: NAMESPACE, key: 'k' }) },
  { name: 'key: none', to: 'nameServer', request: plain(C.GET_KV_CONFIG) },
  { name: 'keys: unknown', to: 'nameServer', request: plain(C.GET_KVLIST_BY_NAMESPACE, { namespace: NAMESPACE }) },
  {
    name: 'key: put',
    to: 'nameServer',
    request: plain(C.PUT_KV_CONFIG, { namespace: NAMESPACE, key: 'k', value: 'v' }),
  },
  { name: 'key: put nowhere', to: 'nameServer', request: plain(C.PUT_KV_CONFIG, { key: 'k', value: 'v' }) },
  { name: 'key', to: 'nameServer', request: plain(C.GET_KV_CONFIG, { namespace: NAMESPACE, key: 'k' }) },
  { name: 'keys', to: 'nameServer', request: plain(C.GET_KVLIST_BY_NAMESPACE, { namespace: NAMESPACE }), body: json },
  {
    name: 'key: put without a value',
    to: 'nameServer',
    request: plain(C.PUT_KV_CONFIG, { namespace: NAMESPACE, key: 'k' }),
  },
  { name: 'key: gone', to: 'nameServer', request: plain(C.GET_KV_CONFIG, { namespace: NAMESPACE, key: 'k' }) },
  { name: 'key: deleted', to: 'nameServer', request: plain(C.DELETE_KV_CONFIG, { namespace: NAMESPACE, key: 'k' }) },
  {
    name: 'keys: none left',
    to: 'nameServer',
    request: plain(C.GET_KVLIST_BY_NAMESPACE, { namespace: NAMESPACE }),
    body: json,
  },
  {
    name: 'topics of no cluster',
    to: 'nameServer',
    request: plain(C.GET_TOPICS_BY_CLUSTER, { cluster: 'Other' }),
    body: json,
  },
  { name: 'topics of an unnamed cluster', to: 'nameServer', request: plain(C.GET_TOPICS_BY_CLUSTER), body: json },
  { name: 'write permission of nobody: wiped', to: 'nameServer', request: plain(C.WIPE_WRITE_PERM_OF_BROKER, { brokerName: 'x' }) }, // prettier-ignore
  { name: 'write permission of nobody: added', to: 'nameServer', request: plain(C.ADD_WRITE_PERM_OF_BROKER, { brokerName: 'x' }) }, // prettier-ignore
  {
    name: 'name server settings: unknown',
    to: 'nameServer',
    request: plain(C.UPDATE_NAMESRV_CONFIG, {}, 'nothing=1\n'),
  },
  { name: 'name server settings: locked', to: 'nameServer', request: plain(C.UPDATE_NAMESRV_CONFIG, {}, 'configBlackList=x\n'), since5: true }, // prettier-ignore
  {
    name: 'name server settings: names',
    to: 'nameServer',
    request: plain(C.GET_NAMESRV_CONFIG),
    body: (body) => body.toString().split('\n').map((line) => line.split('=')[0]).sort(), // prettier-ignore
    since5: true,
  },
  { name: 'the topic for tools is deleted', request: plain(C.DELETE_TOPIC_IN_BROKER, { topic: TOPIC }) },
];

/** Not one of a path of the machine. */
function isGeneral(name: string): boolean {
  return !name.includes('/') && !name.startsWith('scheduleMessageOffset_');
}
