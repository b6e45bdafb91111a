/** `rocketmq-ordered`: consume Apache RocketMQ messages in order, over the Remoting protocol. */

export { OrderedConsumer, type AssignedQueueInfo, type MessageSelector } from './consumer/ordered-consumer.js';
export type { ExhaustedEvent, OrderedConsumerEvents } from './consumer/consumer-events.js';
export type { ListenerAnswer, MessageListenerOrderly } from './consumer/listener.js';
export type { ConsumeOrderlyContext } from './consumer/orderly-context.js';
export type { QueueState } from './consumer/assigned-queue.js';
