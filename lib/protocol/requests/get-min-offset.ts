import { requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { encodeOffsetReply, offsetReplyDecoder } from './queue-offset.js';
import type { QueueOffsetReply } from './queue-offset.js';

/**
 * GET_MIN_OFFSET (31), client -> master: the offset of the queue's oldest message.
 *
 *     request  ext topic queueId bname?
 *     reply    0, ext offset
 */
export interface GetMinOffsetRequest {
  readonly topic: string;
  readonly queueId: number;
  readonly brokerName?: string | undefined;
}

export type GetMinOffsetReply = QueueOffsetReply;

export const getMinOffset: RequestType<GetMinOffsetRequest, GetMinOffsetReply> = {
  code: RequestCode.GET_MIN_OFFSET,

  encode: (request) => ({
    code: RequestCode.GET_MIN_OFFSET,
    extFields: { topic: request.topic, queueId: String(request.queueId), bname: request.brokerName },
  }),

  decode: ({ extFields }) => ({
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    brokerName: extFields['bname'],
  }),

  encodeReply: encodeOffsetReply,
  decodeReply: offsetReplyDecoder(RequestCode.GET_MIN_OFFSET),
};
