import type { ConsumeOrderlyStatus } from '../enums.js';
import type { MessageExt } from '../protocol/message.js';
import type { ConsumeOrderlyContext } from './orderly-context.js';

/** What a listener may answer; nothing means SUCCESS. */
export type ListenerAnswer = ConsumeOrderlyStatus | undefined | void;

/**
 * Handles the next messages of one queue, in order. One call per queue at a time; the next follows when this one has
 * answered. It may be synchronous, which costs no promise per call, or return a promise.
 *
 * A listener that returns nothing has succeeded; one that throws or rejects has asked for the messages again
 * (SUSPEND_CURRENT_QUEUE_A_MOMENT), as has one that answers with anything else, which is also reported as an error.
 * In an `async` listener write `ConsumeOrderlyStatus.SUCCESS`, or `'SUCCESS' as const`: the compiler takes a lone string
 * literal there for just any string.
 *
 * Delivery is at least once: after a crash or a hand-over the last messages may come again, in order.
 */
export type MessageListenerOrderly = (
  messages: readonly MessageExt[],
  context: ConsumeOrderlyContext,
) => ListenerAnswer | PromiseLike<ListenerAnswer>;
