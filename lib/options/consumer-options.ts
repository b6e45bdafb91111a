import type { AllocateMessageQueueStrategy, AllocateStrategyName } from '../consumer/allocation/index.js';
import type { ConsumeFromWhere, MessageModel } from '../enums.js';
import type { MessageExt } from '../protocol/message.js';
import type { MessageQueue } from '../protocol/message-queue.js';
import type { ClientOptions, ResolvedClientOptions } from './client-options.js';

/** What becomes of a message whose attempts are used up: see {@link OrderedConsumerOptions.onExhausted}. */
export type ExhaustedPolicy = 'dlq' | 'block' | 'skip';

/** A policy for all messages, or a function that decides for each. */
export type OnExhausted =
  | ExhaustedPolicy
  | ((message: MessageExt, messageQueue: MessageQueue) => ExhaustedPolicy | PromiseLike<ExhaustedPolicy>);

/**
 * Remembers how often a message was tried, beyond this process: Redis, a database. Without one the count begins anew
 * after a restart or when the queue changes hands. Every method may return a promise.
 */
export interface AttemptStore {
  /** How often the message at `offset` failed, `undefined` when nothing is known of it. */
  get(
    consumerGroup: string,
    messageQueue: MessageQueue,
    offset: number,
  ): number | undefined | PromiseLike<number | undefined>;
  set(consumerGroup: string, messageQueue: MessageQueue, offset: number, attempts: number): unknown;
  /** The message is finished. */
  delete(consumerGroup: string, messageQueue: MessageQueue, offset: number): unknown;
}

/**
 * What an ordered consumer can be told. Names, defaults and ranges are those of the reference's `DefaultMQPushConsumer`
 * unless an option says otherwise.
 */
export interface OrderedConsumerOptions extends ClientOptions {
  /**
   * The group: its members share the queues, and its progress is kept under this name. 1 to 120 of the characters
   * a-z A-Z 0-9 % | _ -. All members must have the same subscriptions. Required.
   */
  readonly consumerGroup: string;

  /** Whether members of the group share the messages, or each gets all of them. @default 'CLUSTERING' */
  readonly messageModel?: MessageModel | undefined;

  /** Where the group begins in a queue it has no offset of. @default 'CONSUME_FROM_LAST_OFFSET' */
  readonly consumeFromWhere?: ConsumeFromWhere | undefined;

  /**
   * For 'CONSUME_FROM_TIMESTAMP': a Date, milliseconds since 1970, or `yyyyMMddHHmmss` in the time zone of this process.
   * @default 30 minutes before the consumer is made
   */
  readonly consumeTimestamp?: string | number | Date | undefined;

  /** Which member gets which queue; the same in all members. A name, or an object of your own. @default 'AVG' */
  readonly allocateMessageQueueStrategy?: AllocateStrategyName | AllocateMessageQueueStrategy | undefined;

  /**
   * How many queues may be in a listener at the same time, [1, 1000]. The reference's `consumeThreadMin`. One queue is
   * never in two calls at once. @default 20
   */
  readonly consumeConcurrency?: number | undefined;

  /** How many messages of one queue are buffered before pulling pauses, [1, 65535]. @default 1000 */
  readonly pullThresholdForQueue?: number | undefined;

  /** How many MiB of message bodies of one queue are buffered before pulling pauses, [1, 1024]. @default 100 */
  readonly pullThresholdSizeForQueue?: number | undefined;

  /**
   * How many messages all owned queues together may buffer, [1, 6553500]: each gets an equal share, which replaces
   * {@link pullThresholdForQueue}. -1 for no such limit. @default -1
   */
  readonly pullThresholdForTopic?: number | undefined;

  /**
   * How many MiB all owned queues together may buffer, [1, 102400]: each gets an equal share, which replaces
   * {@link pullThresholdSizeForQueue}. -1 for no such limit. @default -1
   */
  readonly pullThresholdSizeForTopic?: number | undefined;

  /**
   * How many messages may wait for the listener in all owned queues together, [1, 6553500]: each queue gets an equal
   * share, though never less than two pulls or one batch of the listener. -1 for no such limit.
   *
   * What waits long is dear to keep: with 256 queues of 1,000 messages each, a message was measured to cost a fifth more
   * processor time, and half as much memory again (docs/performance.md). With 16 queues or fewer it changes nothing.
   * @default 16384
   */
  readonly pullThresholdForConsumer?: number | undefined;

  /**
   * How many pulls of a queue may be in flight while it is far behind, [1, 16], and at most 64 of all owned queues
   * together. A broker answers with 32 messages at most by default: with one pull at a time a queue brings no more than
   * those in the time an answer takes. With 3 the rate was measured to be a tenth to a quarter higher, with client and
   * broker on one machine (docs/performance.md). 1 is what the reference does. @default 3
   */
  readonly maxPullsInFlight?: number | undefined;

  /** How long to wait between two pulls of a queue that brought messages, in milliseconds, [0, 65535]. @default 0 */
  readonly pullInterval?: number | undefined;

  /** How many messages a listener gets at once at most, [1, 1024]. They share one answer. @default 1 */
  readonly consumeMessageBatchMaxSize?: number | undefined;

  /** How many messages to ask for in one pull, [1, 1024]. Brokers give at most 32 by default. @default 32 */
  readonly pullBatchSize?: number | undefined;

  /** How many bytes to ask for in one pull, [1, 2147483647]. Brokers before 5.4 don't look at it. @default 262144 */
  readonly pullBatchSizeInBytes?: number | undefined;

  /** Send the subscription with each pull instead of relying on the one in heartbeats. @default false */
  readonly postSubscriptionWhenPull?: boolean | undefined;

  /** Mark the group and its subscriptions as belonging to a unit; only for deployments in units. @default false */
  readonly unitMode?: boolean | undefined;

  /**
   * How often a message is delivered again before {@link onExhausted} applies, [0, 2147483647]: it is delivered this
   * many times and once more. -1 for without limit: its queue waits for it. @default -1
   */
  readonly maxReconsumeTimes?: number | undefined;

  /**
   * How long a queue waits after a listener asked for a message again, in milliseconds, [1, 2147483647]; kept between
   * 10 ms and 30 s. @default 1000
   */
  readonly suspendCurrentQueueTimeMillis?: number | undefined;

  /**
   * How many minutes a listener's call may take before it is reported as timed out, [1, 35791]. It is never interrupted.
   * @default 15
   */
  readonly consumeTimeout?: number | undefined;

  /**
   * How long closing waits for running listeners, in milliseconds, [0, 2147483647]. The reference's default is 0, which
   * interrupts them. @default 30000
   */
  readonly awaitTerminationMillisWhenShutdown?: number | undefined;

  /** How long a broker may hold a pull that finds nothing, in milliseconds, [1, 2147483647]. @default 15000 */
  readonly brokerSuspendMaxTimeMillis?: number | undefined;

  /**
   * How long a pull may take, in milliseconds, [1, 2147483647]. More than {@link brokerSuspendMaxTimeMillis}, by 5 s at
   * the least: brokers look for pulls to answer every 5 s. @default 30000
   */
  readonly consumerPullTimeoutMillis?: number | undefined;

  /**
   * How often the assignment of queues is checked without an event, in milliseconds, [1, 2147483647]. Change it only for
   * tests. @default 20000
   */
  readonly rebalanceInterval?: number | undefined;

  /**
   * How often queue locks are renewed, and how long they count without a renewal. Shorter times let other members take
   * over sooner when this one is killed, see {@link orphanLocks}, at the price of more lock requests and of less patience
   * with brokers and event loops that stall. Other members read it from the client id, which ends in `#lease=<validFor>`
   * unless it is the default.
   * @default the reference's: 20 s and 30 s
   */
  readonly lease?: LeaseOptions | undefined;

  /**
   * What becomes of the locks of a member that was killed.
   *
   * - 'expire': as in the reference, they are waited for until the broker lets go of them, 60 s after their last renewal.
   * - 'release': when the member has been missing in the list of the broker that keeps the lock for as long as its lease
   *   (30 s for clients that don't tell it) and half a second more, the lock is given back in its name.
   *
   * How safe the second is, is told in docs/ordering-rules.md.
   * @default 'expire'
   */
  readonly orphanLocks?: 'expire' | 'release' | undefined;

  /**
   * How a queue that moves to another member is left while its listener runs.
   *
   * - 'wait': the lock is kept and renewed until the listener is done, or {@link revokeTimeoutMs} has passed. The next
   *   member begins after that: never two at once.
   * - 'force': as in the reference, the lock is given back after {@link revokeTimeoutMs} at the latest; the next member
   *   may begin while the listener still runs.
   *
   * @default 'wait'
   */
  readonly revokeMode?: 'wait' | 'force' | undefined;

  /**
   * After what time a queue is left although its listener runs, in milliseconds, [0, 2147483647].
   * @default without limit for 'wait', 20000 for 'force'
   */
  readonly revokeTimeoutMs?: number | undefined;

  /**
   * Keep brokers from starting a new group at offset 0 of a young queue in spite of {@link consumeFromWhere}. Brokers
   * before 5.0 can't be kept from it. Not in the reference. @default false
   */
  readonly strictConsumeFromWhere?: boolean | undefined;

  /**
   * Ask the broker to confirm the queue lock before each commit, which costs a round trip per batch. Not in the
   * reference. @default false
   */
  readonly verifyLockOnCommit?: boolean | undefined;

  /**
   * What becomes of a message whose {@link maxReconsumeTimes} are used up. Not in the reference, which does 'dlq'.
   *
   * - 'dlq': it is stored in the dead letter topic `%DLQ%<group>` and the queue goes on.
   * - 'skip': it is passed over; an event tells.
   * - 'block': its queue waits and tries it again and again; each time an event tells.
   * - a function that is given the message and its queue and answers with one of these, or with a promise of one.
   *
   * @default 'dlq'
   */
  readonly onExhausted?: OnExhausted | undefined;

  /**
   * After what time the signal of a listener's context fires, in milliseconds, [1, 2147483647]. Nothing else happens:
   * the next message waits until the listener is done. Not in the reference. @default never
   */
  readonly listenerTimeoutMs?: number | undefined;

  /**
   * Whether operators may have a message consumed by this consumer (`mqadmin consumeMessageDirectly`). It comes out of
   * order. @default true
   */
  readonly allowDirectConsume?: boolean | undefined;

  /**
   * Where a broadcasting consumer keeps its offsets, in `<dir>/<client id>/<group>/offsets.json`. Set
   * {@link instanceName} and {@link clientIP} too where the address of the machine changes, or the offsets aren't found
   * again. @default '$HOME/.rocketmq_offsets'
   */
  readonly localOffsetStoreDir?: string | undefined;

  /** Keeps the number of attempts of a message across restarts. Not in the reference. @default in memory only */
  readonly attemptStore?: AttemptStore | undefined;

  /**
   * How long starting may take until name servers and brokers have answered, in milliseconds, [1, 2147483647].
   * @default 10000
   */
  readonly startTimeoutMs?: number | undefined;
}

/** See {@link OrderedConsumerOptions.lease}. */
export interface LeaseOptions {
  /** How often locks are renewed, in milliseconds, [1, 2147483647]; less than {@link validFor}. @default 20000 */
  readonly renewEvery?: number | undefined;
  /**
   * How long a lock counts without a renewal, in milliseconds, [1, 59000]: less than the 60 s after which a broker gives
   * it to somebody else. It is counted from before the lock request is sent. @default 30000
   */
  readonly validFor?: number | undefined;
}

/** {@link LeaseOptions} with its defaults filled in. */
export interface ResolvedLease {
  readonly renewEvery: number;
  readonly validFor: number;
}

/** Options of the consumer that are something else once they are resolved, or may stay absent. */
type Changed = 'consumeTimestamp' | 'allocateMessageQueueStrategy' | 'lease';
type Absent = 'revokeTimeoutMs' | 'listenerTimeoutMs' | 'attemptStore';
type OwnOptions = Omit<OrderedConsumerOptions, keyof ClientOptions>;

/** {@link OrderedConsumerOptions} with every default filled in. */
export type ResolvedConsumerOptions = ResolvedClientOptions & {
  readonly [K in Exclude<keyof OwnOptions, Changed | Absent>]-?: Exclude<OwnOptions[K], undefined>;
} & {
  readonly [K in Absent]: OwnOptions[K] | undefined;
} & {
  /** Milliseconds since 1970. */
  readonly consumeTimestamp: number;
  readonly allocateMessageQueueStrategy: AllocateMessageQueueStrategy;
  readonly lease: ResolvedLease;
  /** `lease.validFor`. */
  readonly lockLeaseTime: number;
};
