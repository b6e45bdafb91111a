import type { MessageQueue } from '../protocol/message-queue.js';
import type { OrderScope } from './blocked-keys.js';

/** An attempt to send a message that is followed by another one. */
export interface RetryEvent {
  readonly msgId: string;
  readonly shardingKey: string | undefined;
  /** Where the attempt went; undefined when it failed before a queue was chosen. */
  readonly messageQueue: MessageQueue | undefined;
  /** Requests sent so far. */
  readonly attempts: number;
  /** Undefined when it was stored, but less safely than `retryAnotherBrokerWhenNotStoreOK` wants it. */
  readonly error: Error | undefined;
}

/** The events of a {@link Producer}, with what each hands to its listeners. That a send failed is told by its promise. */
export interface ProducerEvents {
  /** An attempt failed and the message is sent again. */
  retry: [event: RetryEvent];
  /** With `orderedFailure: 'block-key'`: a message failed, so its key or queue takes no more until `unblockKey`. */
  keyBlocked: [event: OrderScope & { readonly cause: Error }];
  /** A connection to a broker or name server was made. */
  connected: [event: { address: string }];
  /** A connection was lost. It is made again when it is needed. */
  disconnected: [event: { address: string; error: Error | undefined }];
}
