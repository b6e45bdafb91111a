/** `rocketmq-ordered`: consume Apache RocketMQ messages in order, over the Remoting protocol. */

export { OrderedConsumer, type AssignedQueueInfo, type MessageSelector } from './consumer/ordered-consumer.js';
export type { ExhaustedEvent, OrderedConsumerEvents } from './consumer/consumer-events.js';
export type { ConsumerHealth } from './consumer/consumer-health.js';
export type { ConsumerStatus, QueueStatus } from './consumer/consumer-status.js';
export type { Stall, StallCode } from './consumer/stall.js';
export type { ListenerAnswer, MessageListenerOrderly } from './consumer/listener.js';
export type { ConsumeOrderlyContext } from './consumer/orderly-context.js';
export type { QueueState } from './consumer/assigned-queue.js';
export {
  AllocateMachineRoomNearby,
  AllocateMessageQueueAveragely,
  AllocateMessageQueueAveragelyByCircle,
  AllocateMessageQueueByConfig,
  AllocateMessageQueueByMachineRoom,
  AllocateMessageQueueConsistentHash,
  type AllocateMessageQueueStrategy,
  type MachineRoomResolver,
} from './consumer/allocation/index.js';
export { Producer } from './producer/producer.js';
export type { ProducerEvents, RetryEvent } from './producer/producer-events.js';
export type { OrderScope } from './producer/blocked-keys.js';
export type { ProducerMessage, QueueSelector, SendOptions, SendResult } from './producer/producer-message.js';
export type { MessageExt } from './protocol/message.js';
export type { MessageQueue } from './protocol/message-queue.js';
export { ConsumeFromWhere, ConsumeOrderlyStatus, ExpressionType, MessageModel, SendStatus } from './enums.js';
export type {
  AclCredentials,
  AttemptStore,
  ClientOptions,
  ExhaustedPolicy,
  LeaseOptions,
  OnExhausted,
  OrderedConsumerOptions,
  ProducerOptions,
  QueuePolicy,
  TlsOptions,
} from './options.js';
export type { Clock, Timer } from './clock.js';
export {
  AbortError,
  BrokerError,
  ConnectionError,
  ListenerError,
  MessageFormatError,
  OffsetStoreError,
  ProtocolError,
  QueueLostError,
  RocketMQError,
  RouteError,
  SendError,
  StateError,
  TimeoutError,
  ValidationError,
  type ErrorContext,
} from './errors.js';
