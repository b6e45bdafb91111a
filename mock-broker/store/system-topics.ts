import { MqVersion } from '../../lib/protocol/codes.js';
import { AUTO_CREATE_TOPIC } from '../../lib/protocol/namespace.js';
import { Perm } from '../../lib/protocol/topic-route.js';
import { HALF_TOPIC, SCHEDULE_TOPIC, TIMER_TOPIC } from './names.js';

/** The topics that every broker has from the start, by the reference's `TopicConfigManager`. */

export interface SystemTopic {
  readonly name: string;
  readonly queues: number;
  readonly perm: number;
}

const READ_WRITE = Perm.READ | Perm.WRITE;
const ALL = READ_WRITE | Perm.INHERIT;
/** The reference's defaults: `defaultTopicQueueNums`, of any topic, of `messageDelayLevel` and of `reviveQueueNum`. */
const DEFAULT_QUEUES = 8;
const PLAIN_QUEUES = 16;
const DELAY_QUEUES = 18;
const REVIVE_QUEUES = 8;
const BENCHMARK_QUEUES = 1024;

/** Of 5.5: half messages of brokers that keep them in RocksDB. */
const ROCKSDB_TOPICS = ['RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC', 'RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC'];

export interface SystemTopicOptions {
  readonly cluster: string;
  readonly broker: string;
  readonly autoCreateTopicEnable: boolean;
  readonly isV4: boolean;
  /** Protocol version. */
  readonly version: number;
}

export function systemTopics(options: SystemTopicOptions): SystemTopic[] {
  const { cluster, broker, autoCreateTopicEnable, isV4, version } = options;
  return [
    ...(autoCreateTopicEnable ? [{ name: AUTO_CREATE_TOPIC, queues: DEFAULT_QUEUES, perm: ALL }] : []),
    { name: 'SELF_TEST_TOPIC', queues: 1, perm: READ_WRITE },
    { name: 'BenchmarkTest', queues: BENCHMARK_QUEUES, perm: READ_WRITE },
    { name: cluster, queues: PLAIN_QUEUES, perm: ALL },
    { name: broker, queues: 1, perm: ALL },
    { name: 'OFFSET_MOVED_EVENT', queues: 1, perm: READ_WRITE },
    { name: SCHEDULE_TOPIC, queues: DELAY_QUEUES, perm: READ_WRITE },
    { name: `${cluster}_REPLY_TOPIC`, queues: 1, perm: READ_WRITE },
    ...(isV4 ? [] : systemTopicsSinceV5(cluster, broker)),
    ...(version < MqVersion.V5_5_0 ? [] : ROCKSDB_TOPICS.map((name) => ({ name, queues: 1, perm: READ_WRITE }))),
  ];
}

function systemTopicsSinceV5(cluster: string, broker: string): SystemTopic[] {
  return [
    { name: `rmq_sys_REVIVE_LOG_${cluster}`, queues: REVIVE_QUEUES, perm: READ_WRITE },
    { name: `rmq_sys_SYNC_BROKER_MEMBER_${broker}`, queues: 1, perm: Perm.INHERIT },
    { name: HALF_TOPIC, queues: 1, perm: READ_WRITE },
    { name: 'RMQ_SYS_TRANS_OP_HALF_TOPIC', queues: 1, perm: READ_WRITE },
    { name: TIMER_TOPIC, queues: 1, perm: READ_WRITE },
  ];
}
