import { requireInteger, requireSuccess } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';

/**
 * VIEW_MESSAGE_BY_ID (33), client -> broker: one message by its place in the commit log.
 *
 *     request  ext offset topic?      offset = the commit log offset within an offsetMsgId
 *     reply    0, body = one stored message
 */
export interface ViewMessageByIdRequest {
  readonly offset: number;
  readonly topic?: string | undefined;
  readonly brokerName?: string | undefined;
}

export interface ViewMessageByIdReply {
  /** One stored message, see `decodeMessages`. */
  readonly body: Buffer;
}

export const viewMessageById: RequestType<ViewMessageByIdRequest, ViewMessageByIdReply> = {
  code: RequestCode.VIEW_MESSAGE_BY_ID,

  encode: (request) => ({
    code: RequestCode.VIEW_MESSAGE_BY_ID,
    extFields: { topic: request.topic, offset: String(request.offset), bname: request.brokerName },
  }),

  decode: ({ extFields }) => ({
    offset: requireInteger(extFields, 'offset'),
    topic: extFields['topic'],
    brokerName: extFields['bname'],
  }),

  encodeReply: (reply) => ({ code: ResponseCode.SUCCESS, body: reply.body }),
  decodeReply: (command) => ({ body: requireSuccess(RequestCode.VIEW_MESSAGE_BY_ID, command).body }),
};
