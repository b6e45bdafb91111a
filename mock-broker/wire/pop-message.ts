import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';
import { ResponseCode } from '../../lib/protocol/codes.js';
import {
  optionalBoolean,
  optionalInteger,
  requireInteger,
  requireText,
} from '../../lib/protocol/requests/request-type.js';

/**
 * POP_MESSAGE (200050), consumer -> master: some messages, which nobody else of the group gets for a while.
 *
 *     request  ext consumerGroup topic queueId maxMsgNums invisibleTime pollTime bornTime initMode expType? exp? order?
 *                  attemptId?
 *     reply    0, ext popTime invisibleTime reviveQid restNum startOffsetInfo msgOffsetInfo orderCountInfo?
 *              body = stored messages
 *              209 too many wait already | 210 nothing came in time; ext as above
 *
 *     startOffsetInfo = kind " " queueId " " offset *(";" ...)
 *     msgOffsetInfo = kind " " queueId " " offset *("," offset) *(";" ...)
 *     orderCountInfo = kind " " (queueId | "qo" queueId "%" offset) " " count *(";" ...)
 */
export interface PopMessageRequest {
  readonly consumerGroup: string;
  readonly topic: string;
  /** Negative: all queues. */
  readonly queueId: number;
  readonly maxMsgNums: number;
  /** How long the messages are nobody else's, in ms. */
  readonly invisibleTime: number;
  /** How long to wait for messages, in ms. */
  readonly pollTime: number;
  /** When the client sent it, in ms since 1970 by its clock. */
  readonly bornTime: number;
  /** Where a group without an offset begins: 0 at the oldest message, 1 at the end. */
  readonly initMode: number;
  readonly expressionType: string | undefined;
  readonly expression: string | undefined;
  /** One batch of a queue at a time. */
  readonly order: boolean;
  /** The same as before: a client that asks again because it got no answer. */
  readonly attemptId: string | undefined;
}

export function decodePopMessage({ extFields }: RemotingCommand, now: number): PopMessageRequest {
  const bornTime = optionalInteger(extFields, 'bornTime') ?? 0;
  return {
    consumerGroup: requireText(extFields, 'consumerGroup'),
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    maxMsgNums: requireInteger(extFields, 'maxMsgNums'),
    invisibleTime: requireInteger(extFields, 'invisibleTime'),
    pollTime: requireInteger(extFields, 'pollTime'),
    bornTime: bornTime === 0 ? now : bornTime,
    initMode: requireInteger(extFields, 'initMode'),
    expressionType: extFields['expType'],
    expression: extFields['exp'],
    order: optionalBoolean(extFields, 'order') ?? false,
    attemptId: extFields['attemptId'],
  };
}

export interface PopMessageReply {
  readonly status: 'FOUND' | 'POLLING_FULL' | 'POLLING_TIMEOUT';
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly reviveQueueId: number;
  /** How many messages are left. */
  readonly restNum: number;
  readonly startOffsetInfo: string;
  readonly msgOffsetInfo: string;
  /** Only of pops in order. */
  readonly orderCountInfo: string | undefined;
  readonly body: Buffer;
}

const CODES = {
  FOUND: ResponseCode.SUCCESS,
  POLLING_FULL: ResponseCode.POLLING_FULL,
  POLLING_TIMEOUT: ResponseCode.POLLING_TIMEOUT,
} as const;

export function encodePopMessageReply(reply: PopMessageReply): ResponseCommand {
  return {
    code: CODES[reply.status],
    remark: reply.status === 'FOUND' ? 'FOUND' : 'NO_MESSAGE_IN_QUEUE',
    extFields: {
      popTime: String(reply.popTime),
      invisibleTime: String(reply.invisibleTime),
      reviveQid: String(reply.reviveQueueId),
      restNum: String(reply.restNum),
      startOffsetInfo: reply.startOffsetInfo,
      msgOffsetInfo: reply.msgOffsetInfo,
      orderCountInfo: reply.orderCountInfo,
    },
    body: reply.body,
  };
}

/** What `msgOffsetInfo` says: the messages of an answer, by queue. */
export function decodePoppedOffsets(text: string): { kind: string; queueId: number; offsets: number[] }[] {
  return text
    .split(';')
    .filter((part) => part !== '')
    .map((part) => {
      const [kind = '', queueId = '', offsets = ''] = part.split(' ');
      return { kind, queueId: Number(queueId), offsets: offsets.split(',').map(Number) };
    });
}
