import { requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { decodeEmptyReply, encodeEmptyReply } from './empty-reply.js';

/**
 * UNREGISTER_CLIENT (35), client -> every broker it knows: one of my groups is no longer.
 *
 *     request  ext clientID producerGroup? consumerGroup?
 *     reply    0
 */
export interface UnregisterClientRequest {
  readonly clientId: string;
  readonly producerGroup?: string | undefined;
  readonly consumerGroup?: string | undefined;
  readonly brokerName?: string | undefined;
}

export const unregisterClient: RequestType<UnregisterClientRequest, void> = {
  code: RequestCode.UNREGISTER_CLIENT,

  encode: (request) => ({
    code: RequestCode.UNREGISTER_CLIENT,
    extFields: {
      clientID: request.clientId,
      producerGroup: request.producerGroup,
      consumerGroup: request.consumerGroup,
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    clientId: requireText(extFields, 'clientID'),
    producerGroup: extFields['producerGroup'],
    consumerGroup: extFields['consumerGroup'],
    brokerName: extFields['bname'],
  }),

  encodeReply: encodeEmptyReply,
  decodeReply: decodeEmptyReply(RequestCode.UNREGISTER_CLIENT),
};
