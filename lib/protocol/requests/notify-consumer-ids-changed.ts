import { requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { encodeEmptyReply, ignoreReply } from './empty-reply.js';

/**
 * NOTIFY_CONSUMER_IDS_CHANGED (40), broker -> every consumer of a group, one-way: somebody joined or left.
 *
 *     request  ext consumerGroup
 */
export interface NotifyConsumerIdsChangedRequest {
  readonly consumerGroup: string;
}

export const notifyConsumerIdsChanged: RequestType<NotifyConsumerIdsChangedRequest, void> = {
  code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,

  encode: (request) => ({
    code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
    extFields: { consumerGroup: request.consumerGroup },
  }),

  decode: ({ extFields }) => ({ consumerGroup: requireText(extFields, 'consumerGroup') }),

  encodeReply: encodeEmptyReply,
  decodeReply: ignoreReply,
};
