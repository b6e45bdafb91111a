/** A mock RocketMQ cluster for tests: name servers and brokers in this process that speak the real wire protocol. */

export { MockBroker } from './broker.js';
export { MockClock, type MockTimer } from './clock.js';
export { MockCluster, type GroupMember, type GroupOffset, type ResetOffsetOptions } from './cluster.js';
export { Faults, type Fault, type FaultAction, type FaultRule } from './faults.js';
export { Journal, describeEntry, type JournalEntry, type JournalKind, type RequestFilter } from './journal.js';
export { MockNameServer } from './name-server.js';
export type { BrokerOptions, GroupOptions, MockClusterOptions, TopicOptions } from './options.js';
export type { ProducedMessage, ProduceResult } from './produce.js';
export type { ReplySerializeType } from './server/connection.js';
export type { MockTlsOptions } from './server/server.js';
export type { QueueLock } from './store/locks.js';
