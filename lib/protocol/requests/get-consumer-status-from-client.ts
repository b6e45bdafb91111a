import { requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { parseJsonObject } from '../json-fields.js';
import { parseOffsetTable, stringifyOffsetTable } from './offset-table.js';
import type { QueueOffset } from './offset-table.js';

/**
 * GET_CONSUMER_STATUS_FROM_CLIENT (221), broker -> consumer: the offsets you hold in memory.
 *
 *     request  ext topic group clientAddr?
 *     reply    0, body {"consumerTable":{},"messageQueueTable":...}, see offset-table.ts
 */
export interface GetConsumerStatusFromClientRequest {
  readonly topic: string;
  readonly group: string;
  readonly clientAddr?: string | undefined;
}

export interface GetConsumerStatusFromClientReply {
  readonly offsets: readonly QueueOffset[];
}

export const getConsumerStatusFromClient: RequestType<
  GetConsumerStatusFromClientRequest,
  GetConsumerStatusFromClientReply
> = {
  code: RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,

  encode: (request) => ({
    code: RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,
    extFields: { topic: request.topic, group: request.group, clientAddr: request.clientAddr },
  }),

  decode: ({ extFields }) => ({
    topic: requireText(extFields, 'topic'),
    group: requireText(extFields, 'group'),
    clientAddr: extFields['clientAddr'],
  }),

  encodeReply: (reply) => ({
    code: ResponseCode.SUCCESS,
    body: Buffer.from(`{"consumerTable":{},"messageQueueTable":${stringifyOffsetTable(reply.offsets)}}`),
  }),

  decodeReply: (command) => {
    const { body } = requireSuccess(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, command);
    return { offsets: parseOffsetTable(parseJsonObject(body), 'messageQueueTable') };
  },
};
