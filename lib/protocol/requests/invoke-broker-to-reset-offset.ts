import { optionalBoolean, optionalInteger, requireInteger, requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { parseJsonObject } from '../json-fields.js';
import { parseOffsetTable, stringifyOffsetTable } from './offset-table.js';
import type { QueueOffset } from './offset-table.js';

/**
 * INVOKE_BROKER_TO_RESET_OFFSET (222), operator -> master: have a group consume from another place. The broker either
 * notes the offsets and answers the next pulls with them, or tells the consumers by request 220.
 *
 *     request  ext topic group timestamp isForce queueId?("-1") offset? bname?
 *     reply    0, body {"offsetTable":...}, see offset-table.ts
 */
export interface InvokeBrokerToResetOffsetRequest {
  readonly topic: string;
  readonly group: string;
  /** Ms since 1970; -1 for the end of each queue. */
  readonly timestamp: number;
  /** Reset to a later place than the group stands at, too. */
  readonly isForce: boolean;
  /** Default -1, all queues. */
  readonly queueId?: number | undefined;
  /** For one queue: exactly there, whatever the timestamp. */
  readonly offset?: number | undefined;
  readonly brokerName?: string | undefined;
}

export interface InvokeBrokerToResetOffsetReply {
  readonly offsets: readonly QueueOffset[];
}

export const invokeBrokerToResetOffset: RequestType<InvokeBrokerToResetOffsetRequest, InvokeBrokerToResetOffsetReply> =
  {
    code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,

    encode: (request) => ({
      code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      extFields: {
        topic: request.topic,
        group: request.group,
        timestamp: String(request.timestamp),
        isForce: String(request.isForce),
        queueId: String(request.queueId ?? -1),
        offset: request.offset?.toString(),
        bname: request.brokerName,
      },
    }),

    decode: ({ extFields }) => ({
      topic: requireText(extFields, 'topic'),
      group: requireText(extFields, 'group'),
      timestamp: requireInteger(extFields, 'timestamp'),
      isForce: optionalBoolean(extFields, 'isForce') ?? false,
      queueId: optionalInteger(extFields, 'queueId') ?? -1,
      offset: optionalInteger(extFields, 'offset'),
      brokerName: extFields['bname'],
    }),

    encodeReply: (reply) => ({
      code: ResponseCode.SUCCESS,
      body: Buffer.from(`{"offsetTable":${stringifyOffsetTable(reply.offsets)}}`),
    }),

    decodeReply: (command) => {
      const { body } = requireSuccess(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, command);
      return { offsets: parseOffsetTable(parseJsonObject(body), 'offsetTable') };
    },
  };
