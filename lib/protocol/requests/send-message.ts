import { brokerError, optionalBoolean, optionalInteger, requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import type { RemotingCommand, ResponseCommand } from '../command.js';
import { RequestCode, ResponseCode } from '../codes.js';

/**
 * SEND_MESSAGE (10), producer -> master. Current clients send the same fields under short names, see send-message-v2.ts.
 *
 *     request  ext producerGroup topic defaultTopic defaultTopicQueueNums queueId sysFlag bornTimestamp flag properties?
 *                  reconsumeTimes? unitMode? batch? maxReconsumeTimes? bname?
 *              body = the message's body, compressed when sysFlag says so
 *     reply    0 stored | 10 stored, not flushed in time | 12 stored, not replicated in time | 11 stored, no replica
 *              ext msgId queueId queueOffset transactionId? batchUniqId? recallHandle? MSG_REGION? TRACE_ON?
 */
export interface SendMessageRequest {
  readonly producerGroup: string;
  readonly topic: string;
  /** The topic whose settings a new topic gets. */
  readonly defaultTopic: string;
  readonly defaultTopicQueueNums: number;
  /** Negative: the broker chooses. */
  readonly queueId: number;
  /** Bits of `MessageSysFlag`. */
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly flag: number;
  /** In the text form of `encodeProperties`. */
  readonly properties: string;
  readonly reconsumeTimes: number;
  readonly unitMode: boolean;
  readonly maxReconsumeTimes?: number | undefined;
  /** The body is a batch, see `encodeBatch`. */
  readonly batch: boolean;
  readonly brokerName?: string | undefined;
  readonly body: Buffer;
}

/** All four mean that the broker has the message. */
export type SendStatus = 'SEND_OK' | 'FLUSH_DISK_TIMEOUT' | 'FLUSH_SLAVE_TIMEOUT' | 'SLAVE_NOT_AVAILABLE';

export interface SendMessageReply {
  readonly status: SendStatus;
  /** Where the broker stored it. Of a batch: of each message, joined by commas. */
  readonly offsetMsgId: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly transactionId?: string | undefined;
  readonly regionId?: string | undefined;
  readonly traceOn?: boolean | undefined;
  readonly batchUniqId?: string | undefined;
  readonly recallHandle?: string | undefined;
}

const CODE_OF_STATUS: Readonly<Record<SendStatus, number>> = {
  SEND_OK: ResponseCode.SUCCESS,
  FLUSH_DISK_TIMEOUT: ResponseCode.FLUSH_DISK_TIMEOUT,
  FLUSH_SLAVE_TIMEOUT: ResponseCode.FLUSH_SLAVE_TIMEOUT,
  SLAVE_NOT_AVAILABLE: ResponseCode.SLAVE_NOT_AVAILABLE,
};

const STATUS_OF_CODE: ReadonlyMap<number, SendStatus> = new Map(
  Object.entries(CODE_OF_STATUS).map(([status, code]) => [code, status as SendStatus]),
);

/** The answer to each of the three send requests. */
export function encodeSendReply(reply: SendMessageReply): ResponseCommand {
  return {
    code: CODE_OF_STATUS[reply.status],
    extFields: {
      msgId: reply.offsetMsgId,
      queueId: String(reply.queueId),
      queueOffset: String(reply.queueOffset),
      transactionId: reply.transactionId,
      batchUniqId: reply.batchUniqId,
      recallHandle: reply.recallHandle,
      MSG_REGION: reply.regionId,
      TRACE_ON: reply.traceOn?.toString(),
    },
  };
}

/** The `decodeReply` of each of the three send requests. */
export function sendReplyDecoder(requestCode: number): (command: RemotingCommand) => SendMessageReply {
  return (command) => {
    const status = STATUS_OF_CODE.get(command.code);
    if (status === undefined) throw brokerError(requestCode, command);
    const { extFields } = command;
    return {
      status,
      offsetMsgId: requireText(extFields, 'msgId'),
      queueId: requireInteger(extFields, 'queueId'),
      queueOffset: requireInteger(extFields, 'queueOffset'),
      transactionId: extFields['transactionId'],
      regionId: extFields['MSG_REGION'],
      traceOn: optionalBoolean(extFields, 'TRACE_ON'),
      batchUniqId: extFields['batchUniqId'],
      recallHandle: extFields['recallHandle'],
    };
  };
}

export const sendMessage: RequestType<SendMessageRequest, SendMessageReply> = {
  code: RequestCode.SEND_MESSAGE,

  encode: (request) => ({
    code: RequestCode.SEND_MESSAGE,
    extFields: {
      producerGroup: request.producerGroup,
      topic: request.topic,
      defaultTopic: request.defaultTopic,
      defaultTopicQueueNums: String(request.defaultTopicQueueNums),
      queueId: String(request.queueId),
      sysFlag: String(request.sysFlag),
      bornTimestamp: String(request.bornTimestamp),
      flag: String(request.flag),
      properties: request.properties,
      reconsumeTimes: String(request.reconsumeTimes),
      unitMode: String(request.unitMode),
      maxReconsumeTimes: request.maxReconsumeTimes?.toString(),
      batch: String(request.batch),
      bname: request.brokerName,
    },
    body: request.body,
  }),

  decode: ({ extFields, body }) => ({
    producerGroup: requireText(extFields, 'producerGroup'),
    topic: requireText(extFields, 'topic'),
    defaultTopic: requireText(extFields, 'defaultTopic'),
    defaultTopicQueueNums: requireInteger(extFields, 'defaultTopicQueueNums'),
    queueId: requireInteger(extFields, 'queueId'),
    sysFlag: requireInteger(extFields, 'sysFlag'),
    bornTimestamp: requireInteger(extFields, 'bornTimestamp'),
    flag: requireInteger(extFields, 'flag'),
    properties: extFields['properties'] ?? '',
    reconsumeTimes: optionalInteger(extFields, 'reconsumeTimes') ?? 0,
    unitMode: optionalBoolean(extFields, 'unitMode') ?? false,
    maxReconsumeTimes: optionalInteger(extFields, 'maxReconsumeTimes'),
    batch: optionalBoolean(extFields, 'batch') ?? false,
    brokerName: extFields['bname'],
    body,
  }),

  encodeReply: encodeSendReply,
  decodeReply: sendReplyDecoder(RequestCode.SEND_MESSAGE),
};
