import type { SendStatus } from '../enums.js';
import type { MessageQueue } from '../protocol/message-queue.js';

/** A message to be sent. Its body must not be changed before the send is done: it is not copied. */
export interface ProducerMessage {
  /** The topic, without a namespace. */
  readonly topic: string;
  /** 1 byte to `maxMessageSize`. Text is sent as UTF-8. */
  readonly body: Buffer | Uint8Array | string;
  /** What consumers filter by: one tag. */
  readonly tags?: string | undefined;
  /** What operators find the message by: one key or several, without white space. */
  readonly keys?: string | readonly string[] | undefined;
  /**
   * Messages of a topic with the same key go to the same queue, one after the other: makes the send an ordered one.
   * Consumers read it back as `message.shardingKey`.
   */
  readonly shardingKey?: string | undefined;
  /** Properties of your own. Names that RocketMQ uses itself are refused. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** A number of your own, an int32. Brokers only hand it on. @default 0 */
  readonly flag?: number | undefined;
  /** Whether the broker answers only when the message is as safe as its configuration wants. @default true */
  readonly waitStoreMsgOk?: boolean | undefined;
  /**
   * Deliver it later, after a time the broker has for this level, by default: 1 to 18 for 1s 5s 10s 30s 1m 2m 3m 4m 5m
   * 6m 7m 8m 9m 10m 20m 30m 1h 2h. A late message takes its place in its queue when it is delivered, not when it is
   * sent; that holds for {@link deliverAt} and {@link delayMs}, too.
   *
   * @default 0, at once
   */
  readonly delayTimeLevel?: number | undefined;
  /** Deliver it at this time: a Date, or milliseconds since 1970. Brokers since 5.0, by default up to 3 days ahead. */
  readonly deliverAt?: Date | number | undefined;
  /** Deliver it this many milliseconds from now. Brokers since 5.0, by default up to 3 days. */
  readonly delayMs?: number | undefined;
}

/**
 * Chooses the queue of a message.
 *
 * @param queues the topic's queues as `queuePolicy` has them; never empty
 * @param message the message as it was given to `send`; of a batch the first one
 * @param arg the send's `arg`; without one the message's sharding key
 * @returns one of `queues`; anything else fails the send with a ValidationError
 */
export type QueueSelector = (queues: readonly MessageQueue[], message: ProducerMessage, arg: unknown) => MessageQueue;

/** How one message or batch is sent. */
export interface SendOptions {
  /** Send it to this queue. Makes the send an ordered one. Its topic must be the message's. */
  readonly queue?: MessageQueue | undefined;
  /** Let this function choose the queue. Makes the send an ordered one. */
  readonly selector?: QueueSelector | undefined;
  /** Handed to {@link selector}. @default the message's sharding key */
  readonly arg?: unknown;
  /**
   * Milliseconds for the route lookup, connecting and all attempts together, [1, 2147483647]. The time an ordered
   * message waits for those before it does not count; {@link signal} can bound that.
   *
   * @default the producer's `sendMsgTimeout`
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Gives up: the send rejects with an AbortError at once. A message that was still waiting is not sent. A request that
   * is under way can't be called back: whether it is stored is unknown, and the next message of its key waits for it.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What the broker answered. In every status the message is stored. */
export interface SendResult {
  /** How safely it is stored. */
  readonly status: SendStatus;
  /** The id this client gave the message. Of a batch: those of its messages, joined by commas. */
  readonly msgId: string;
  /** Where the broker has stored it. Of a batch: of each message, joined by commas. */
  readonly offsetMsgId: string;
  /** Where it was sent to, without a namespace. */
  readonly messageQueue: MessageQueue;
  /** Its place in the queue; of a batch that of the first message, the others follow. */
  readonly queueOffset: number;
  readonly transactionId?: string | undefined;
  /** The broker's region, for message traces. */
  readonly regionId?: string | undefined;
  /** Whether the broker wants the message to be traced. */
  readonly traceOn?: boolean | undefined;
}
