import { requireInteger, requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';

/**
 * GET_EARLIEST_MSG_STORETIME (32), client -> master: when a queue's oldest message was stored.
 *
 *     request  ext topic queueId bname?
 *     reply    0, ext timestamp
 */
export interface GetEarliestMsgStoretimeRequest {
  readonly topic: string;
  readonly queueId: number;
  readonly brokerName?: string | undefined;
}

export interface GetEarliestMsgStoretimeReply {
  /** Ms since 1970; -1 when the queue is empty. */
  readonly timestamp: number;
}

export const getEarliestMsgStoretime: RequestType<GetEarliestMsgStoretimeRequest, GetEarliestMsgStoretimeReply> = {
  code: RequestCode.GET_EARLIEST_MSG_STORETIME,

  encode: (request) => ({
    code: RequestCode.GET_EARLIEST_MSG_STORETIME,
    extFields: { topic: request.topic, queueId: String(request.queueId), bname: request.brokerName },
  }),

  decode: ({ extFields }) => ({
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    brokerName: extFields['bname'],
  }),

  encodeReply: (reply) => ({ code: ResponseCode.SUCCESS, extFields: { timestamp: String(reply.timestamp) } }),

  decodeReply: (command) => {
    const { extFields } = requireSuccess(RequestCode.GET_EARLIEST_MSG_STORETIME, command);
    return { timestamp: requireInteger(extFields, 'timestamp') };
  },
};
