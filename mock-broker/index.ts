/** A mock RocketMQ cluster for tests: name servers and brokers in this process that speak the real wire protocol. */

export { MockAdminClient, type MockAdminClientOptions, type MockEvent } from './admin/client.js';
export { MockAdminError } from './admin/errors.js';
export type { MockAdmin, MockAdminOptions } from './admin/server.js';
export { type BrokerStartOptions, MockBroker } from './broker.js';
export { MockClock, type MockTimer } from './clock.js';
export { MockCluster, type GroupMember, type GroupOffset } from './cluster.js';
export type { ResetOffsetOptions } from './reset-offset.js';
export { Faults } from './faults/faults.js';
export type { Fault, FaultAction, FaultCode, FaultRule } from './faults/rule.js';
export { Journal, describeEntry, type JournalFilter, type RequestFilter } from './journal.js';
export type { JournalEntry, JournalKind } from './journal-entry.js';
export { type JournalLine, journalLine } from './journal-file.js';
export { MockNameServer } from './name-server.js';
export type { BrokerOptions, GroupOptions, MockClusterOptions, Persona, TopicOptions } from './options.js';
export type { ProducedMessage, ProduceResult } from './produce.js';
export type { ReplySerializeType } from './server/connection.js';
export type { MockTlsOptions } from './server/server.js';
export type { QueueLock } from './store/locks.js';
export { describeViolation, type Violation, type ViolationKind, WatchdogError } from './watchdogs/violation.js';
export type { WatchdogMode } from './watchdogs/watchdogs.js';
