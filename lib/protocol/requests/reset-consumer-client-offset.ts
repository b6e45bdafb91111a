import { optionalBoolean, optionalInteger, requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { parseJsonObject } from '../json-fields.js';
import { encodeEmptyReply, ignoreReply } from './empty-reply.js';
import { parseOffsetTable, stringifyOffsetTable } from './offset-table.js';
import type { OffsetTableForm, QueueOffset } from './offset-table.js';

/**
 * RESET_CONSUMER_CLIENT_OFFSET (220), broker -> consumer, one-way: an operator wants these queues consumed from there.
 *
 *     request  ext topic group timestamp isForce queueId?("-1")
 *              body {"offsetTable":...}, see offset-table.ts
 */
export interface ResetConsumerClientOffsetRequest {
  readonly topic: string;
  readonly group: string;
  /** The point in time the operator named, ms since 1970; the offsets are already looked up. */
  readonly timestamp: number;
  readonly isForce: boolean;
  /** Of which queue; -1 for all, the default. */
  readonly queueId?: number | undefined;
  readonly offsets: readonly QueueOffset[];
  /** How to write the body. Default `object-keys`, as the reference does. Not known after decoding. */
  readonly form?: OffsetTableForm | undefined;
}

export const resetConsumerClientOffset: RequestType<ResetConsumerClientOffsetRequest, void> = {
  code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET,

  encode: (request) => ({
    code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
    extFields: {
      topic: request.topic,
      group: request.group,
      timestamp: String(request.timestamp),
      isForce: String(request.isForce),
      queueId: String(request.queueId ?? -1),
    },
    body: Buffer.from(`{"offsetTable":${stringifyOffsetTable(request.offsets, request.form)}}`),
  }),

  decode: ({ extFields, body }) => ({
    topic: requireText(extFields, 'topic'),
    group: requireText(extFields, 'group'),
    timestamp: requireInteger(extFields, 'timestamp'),
    isForce: optionalBoolean(extFields, 'isForce') ?? false,
    queueId: optionalInteger(extFields, 'queueId') ?? -1,
    offsets: parseOffsetTable(parseJsonObject(body), 'offsetTable'),
  }),

  encodeReply: encodeEmptyReply,
  decodeReply: ignoreReply,
};
