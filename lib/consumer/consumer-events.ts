import type { RocketMQError } from '../errors.js';
import type { MessageExt } from '../protocol/message.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import type { QueueState } from './assigned-queue.js';
import type { Stall } from './stall.js';

/** What happened to a message that had reached its last attempt. */
export interface ExhaustedEvent {
  readonly message: MessageExt;
  readonly messageQueue: MessageQueue;
  /** How often the message had been delivered before. */
  readonly reconsumeTimes: number;
}

/** The events of an {@link OrderedConsumer}, with what each hands to its listeners. */
export interface OrderedConsumerEvents {
  /** A queue is consumed here from `offset` on. */
  queueOwned: [event: { messageQueue: MessageQueue; offset: number }];
  /** A queue is no longer consumed here: it was given back, or its lock was lost. */
  queueReleased: [event: { messageQueue: MessageQueue; reason: string }];
  /** A queue's lock was refused at a renewal: another client owns it now. */
  queueLost: [event: { messageQueue: MessageQueue; reason: string }];
  /** Every change of state of a queue. */
  queueState: [event: { messageQueue: MessageQueue; from: QueueState; to: QueueState; reason: string }];
  /** The queues of a topic this consumer is to consume have changed. */
  rebalanced: [event: { topic: string; all: readonly MessageQueue[]; mine: readonly MessageQueue[] }];
  /**
   * A queue starts over at another offset: an operator reset it, the broker no longer had the old one, or another client
   * has committed beyond it while this one's lease had run out.
   */
  offsetReset: [event: { messageQueue: MessageQueue; offset: number; reason: string }];
  /** A message used up its attempts and is safe in the retry topic, on its way to %DLQ%. */
  deadLetter: [event: ExhaustedEvent & { target: string }];
  /** A message used up its attempts and was passed over, as `onExhausted: 'skip'` wishes. */
  skipped: [event: ExhaustedEvent];
  /** A message has used up its attempts and holds its queue, or its way to %DLQ% failed. Once per further attempt. */
  blocked: [event: ExhaustedEvent & { error: RocketMQError | undefined }];
  /** A connection to a broker or name server was made. */
  connected: [event: { address: string }];
  /** A connection was lost. It is made again when it is needed. */
  disconnected: [event: { address: string; error: Error | undefined }];
  /** A queue's broker has no master: without one there is no lock, and without a lock nothing is consumed. */
  noMaster: [event: { brokerName: string; messageQueues: readonly MessageQueue[] }];
  /** Locks of a member that has vanished were given back in its name (`orphanLocks: 'release'`), and are held here now. */
  orphanLocksReleased: [event: { clientId: string; messageQueues: readonly MessageQueue[] }];
  /** A queue has not moved for 30 s, and why; told again only when the reason changes. */
  queueStalled: [event: { messageQueue: MessageQueue } & Stall];
  /** A queue that was told to have stalled moves again. */
  queueMoving: [event: { messageQueue: MessageQueue }];
  /** Something looks wrong in the group: two members share a client id, or their subscriptions differ. */
  warning: [event: { code: string; message: string }];
  /** Something failed and is tried again, or the listener did. Never thrown when nobody listens. */
  error: [error: RocketMQError];
}
