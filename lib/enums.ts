/**
 * The enumerations of the public API. Each is an object of strings and the union of them under one name, so that
 * `ConsumeOrderlyStatus.SUCCESS` and `'SUCCESS'` are the same thing. The strings are those of the wire.
 */

/** What a listener answers about the messages it was given. */
export const ConsumeOrderlyStatus = {
  /** The messages are consumed. With auto-commit off they stay uncommitted until a COMMIT. */
  SUCCESS: 'SUCCESS',
  /** With auto-commit off: commit all messages since the last COMMIT. */
  COMMIT: 'COMMIT',
  /** With auto-commit off: deliver all messages since the last COMMIT again, after the suspend time. */
  ROLLBACK: 'ROLLBACK',
  /** Deliver these messages again after the suspend time; nothing of their queue is delivered before. */
  SUSPEND_CURRENT_QUEUE_A_MOMENT: 'SUSPEND_CURRENT_QUEUE_A_MOMENT',
} as const;
export type ConsumeOrderlyStatus = (typeof ConsumeOrderlyStatus)[keyof typeof ConsumeOrderlyStatus];

/** Whether the members of a group share the messages or each get all of them. */
export const MessageModel = {
  /** Every message goes to one member of the group. */
  CLUSTERING: 'CLUSTERING',
  /** Every message goes to every member; each keeps its own offsets in a local file. */
  BROADCASTING: 'BROADCASTING',
} as const;
export type MessageModel = (typeof MessageModel)[keyof typeof MessageModel];

/** Where a group begins in a queue of which it has consumed nothing yet. */
export const ConsumeFromWhere = {
  /** Behind the newest message: only what is sent from now on. */
  CONSUME_FROM_LAST_OFFSET: 'CONSUME_FROM_LAST_OFFSET',
  /** At the oldest message the broker still has. */
  CONSUME_FROM_FIRST_OFFSET: 'CONSUME_FROM_FIRST_OFFSET',
  /** At the first message stored at or after `consumeTimestamp`. */
  CONSUME_FROM_TIMESTAMP: 'CONSUME_FROM_TIMESTAMP',
} as const;
export type ConsumeFromWhere = (typeof ConsumeFromWhere)[keyof typeof ConsumeFromWhere];

/** The language of a subscription's filter. */
export const ExpressionType = {
  /** Tags: `*`, or `TagA || TagB`. */
  TAG: 'TAG',
  /** Conditions on properties: `amount > 10 AND region = 'north'`. The broker needs `enablePropertyFilter=true`. */
  SQL92: 'SQL92',
} as const;
export type ExpressionType = (typeof ExpressionType)[keyof typeof ExpressionType];

/** How safely a sent message is stored. With each of them it is stored: sending it again would make a duplicate. */
export const SendStatus = {
  SEND_OK: 'SEND_OK',
  /** Stored, but not on disk within the broker's time limit (brokers with synchronous flush). */
  FLUSH_DISK_TIMEOUT: 'FLUSH_DISK_TIMEOUT',
  /** Stored, but not at the slave within the broker's time limit (brokers with a synchronous slave). */
  FLUSH_SLAVE_TIMEOUT: 'FLUSH_SLAVE_TIMEOUT',
  /** Stored, but there is no slave to store it a second time. */
  SLAVE_NOT_AVAILABLE: 'SLAVE_NOT_AVAILABLE',
} as const;
export type SendStatus = (typeof SendStatus)[keyof typeof SendStatus];
