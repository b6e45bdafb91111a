/**
 * Names of topics and groups: the prefixes of retry and dead letter topics, and namespaces (version 1).
 *
 *     wrapped = ["%RETRY%" | "%DLQ%"] namespace "%" name
 *
 * The prefix stays in front. System topics and system groups belong to no namespace.
 */

export const RETRY_TOPIC_PREFIX = '%RETRY%';
export const DLQ_TOPIC_PREFIX = '%DLQ%';
const SEPARATOR = '%';

/** The topic that stands in for one a producer sends to before it exists. */
export const AUTO_CREATE_TOPIC = 'TBW102';

const SYSTEM_TOPIC_PREFIX = 'rmq_sys_';
const SYSTEM_TOPICS: ReadonlySet<string> = new Set([
  AUTO_CREATE_TOPIC,
  'SCHEDULE_TOPIC_XXXX',
  'BenchmarkTest',
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'RMQ_SYS_TRACE_TOPIC',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'TRANS_CHECK_MAX_TIME_TOPIC',
  'SELF_TEST_TOPIC',
  'OFFSET_MOVED_EVENT',
  'CHECKPOINT_TOPIC',
]);
const SYSTEM_GROUP_PREFIX = 'CID_RMQ_SYS_';

/** System topics that brokers refuse messages to. */
const UNSENDABLE_TOPICS: ReadonlySet<string> = new Set([
  'SCHEDULE_TOPIC_XXXX',
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'TRANS_CHECK_MAX_TIME_TOPIC',
  'SELF_TEST_TOPIC',
  'OFFSET_MOVED_EVENT',
]);

/** Where a group's messages wait for another delivery. */
export function retryTopic(group: string): string {
  return RETRY_TOPIC_PREFIX + group;
}

/** Where a group's messages go that could not be consumed. */
export function dlqTopic(group: string): string {
  return DLQ_TOPIC_PREFIX + group;
}

export function isRetryTopic(topic: string): boolean {
  return topic.startsWith(RETRY_TOPIC_PREFIX);
}

export function isDlqTopic(topic: string): boolean {
  return topic.startsWith(DLQ_TOPIC_PREFIX);
}

/** Whether `topic` is one of the reference's own. */
export function isSystemTopic(topic: string): boolean {
  return SYSTEM_TOPICS.has(topic) || topic.startsWith(SYSTEM_TOPIC_PREFIX);
}

/** Whether nobody but the broker may send to `topic`. */
export function isUnsendableTopic(topic: string): boolean {
  return UNSENDABLE_TOPICS.has(topic);
}

/** A topic or group as brokers know it. Unchanged without a namespace, when it has it already, or for system names. */
export function withNamespace(namespace: string | undefined, resource: string): string {
  if (namespace === undefined || namespace === '' || resource === '' || isSystemName(resource)) return resource;
  const [prefix, name] = splitPrefix(resource);
  return name.startsWith(namespace + SEPARATOR) ? resource : prefix + namespace + SEPARATOR + name;
}

/** A topic or group as users know it. Unchanged when it is not in `namespace`. */
export function withoutNamespace(namespace: string | undefined, resource: string): string {
  if (namespace === undefined || namespace === '' || isSystemName(resource)) return resource;
  const [prefix, name] = splitPrefix(resource);
  const wrapping = namespace + SEPARATOR;
  return name.startsWith(wrapping) ? prefix + name.slice(wrapping.length) : resource;
}

function isSystemName(resource: string): boolean {
  return isSystemTopic(resource) || resource.startsWith(SYSTEM_GROUP_PREFIX);
}

function splitPrefix(resource: string): [prefix: string, name: string] {
  for (const prefix of [RETRY_TOPIC_PREFIX, DLQ_TOPIC_PREFIX]) {
    if (resource.startsWith(prefix)) return [prefix, resource.slice(prefix.length)];
  }
  return ['', resource];
}
