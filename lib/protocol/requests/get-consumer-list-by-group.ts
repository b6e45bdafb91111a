import { requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { arrayField, asString, jsonBody, parseJsonObject } from '../json-fields.js';

/**
 * GET_CONSUMER_LIST_BY_GROUP (38), consumer -> broker: who else is in my group.
 *
 *     request  ext consumerGroup bname?
 *     reply    0, body {"consumerIdList":[string]} | 1 "no consumer for this group, G"
 */
export interface GetConsumerListByGroupRequest {
  readonly consumerGroup: string;
  readonly brokerName?: string | undefined;
}

export interface GetConsumerListByGroupReply {
  /** Client ids in no order; one twice when two connections share it. */
  readonly consumerIds: readonly string[];
}

export const getConsumerListByGroup: RequestType<GetConsumerListByGroupRequest, GetConsumerListByGroupReply> = {
  code: RequestCode.GET_CONSUMER_LIST_BY_GROUP,

  encode: (request) => ({
    code: RequestCode.GET_CONSUMER_LIST_BY_GROUP,
    extFields: { consumerGroup: request.consumerGroup, bname: request.brokerName },
  }),

  decode: ({ extFields }) => ({
    consumerGroup: requireText(extFields, 'consumerGroup'),
    brokerName: extFields['bname'],
  }),

  encodeReply: (reply) => ({ code: ResponseCode.SUCCESS, body: jsonBody({ consumerIdList: reply.consumerIds }) }),

  decodeReply: (command) => {
    const { body } = requireSuccess(RequestCode.GET_CONSUMER_LIST_BY_GROUP, command);
    const ids = arrayField(parseJsonObject(body), 'consumerIdList');
    return { consumerIds: ids.map((id) => asString(id, 'consumerIdList')) };
  },
};
