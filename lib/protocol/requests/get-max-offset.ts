import { optionalBoolean, requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { encodeOffsetReply, offsetReplyDecoder } from './queue-offset.js';
import type { QueueOffsetReply } from './queue-offset.js';

/**
 * GET_MAX_OFFSET (30), client -> master: the offset the queue's next message will get.
 *
 *     request  ext topic queueId committed? bname?
 *     reply    0, ext offset
 */
export interface GetMaxOffsetRequest {
  readonly topic: string;
  readonly queueId: number;
  /** Count only messages that are safe from a change of master. Default true. */
  readonly committed?: boolean | undefined;
  readonly brokerName?: string | undefined;
}

export type GetMaxOffsetReply = QueueOffsetReply;

export const getMaxOffset: RequestType<GetMaxOffsetRequest, GetMaxOffsetReply> = {
  code: RequestCode.GET_MAX_OFFSET,

  encode: (request) => ({
    code: RequestCode.GET_MAX_OFFSET,
    extFields: {
      topic: request.topic,
      queueId: String(request.queueId),
      committed: String(request.committed ?? true),
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    committed: optionalBoolean(extFields, 'committed') ?? true,
    brokerName: extFields['bname'],
  }),

  encodeReply: encodeOffsetReply,
  decodeReply: offsetReplyDecoder(RequestCode.GET_MAX_OFFSET),
};
