import { optionalBoolean, requireInteger, requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';

/**
 * QUERY_CONSUMER_OFFSET (14), consumer -> broker: where a group stands in a queue.
 *
 *     request  ext consumerGroup topic queueId setZeroIfNotFound? bname?
 *     reply    0, ext offset | 22 the group has no offset there
 */
export interface QueryConsumerOffsetRequest {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  /** `false` keeps the broker from answering 0 for a group without an offset on a young topic. */
  readonly setZeroIfNotFound?: boolean | undefined;
  readonly brokerName?: string | undefined;
}

export interface QueryConsumerOffsetReply {
  /** The next offset to consume; undefined when the group has none. */
  readonly offset: number | undefined;
}

export const queryConsumerOffset: RequestType<QueryConsumerOffsetRequest, QueryConsumerOffsetReply> = {
  code: RequestCode.QUERY_CONSUMER_OFFSET,

  encode: (request) => ({
    code: RequestCode.QUERY_CONSUMER_OFFSET,
    extFields: {
      consumerGroup: request.consumerGroup,
      topic: request.topic,
      queueId: String(request.queueId),
      setZeroIfNotFound: request.setZeroIfNotFound?.toString(),
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    consumerGroup: requireText(extFields, 'consumerGroup'),
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    setZeroIfNotFound: optionalBoolean(extFields, 'setZeroIfNotFound'),
    brokerName: extFields['bname'],
  }),

  encodeReply: ({ offset }) =>
    offset === undefined
      ? {
          code: ResponseCode.QUERY_NOT_FOUND,
          remark: 'Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first',
        }
      : { code: ResponseCode.SUCCESS, extFields: { offset: String(offset) } },

  decodeReply: (command) => {
    if (command.code === ResponseCode.QUERY_NOT_FOUND) return { offset: undefined };
    const { extFields } = requireSuccess(RequestCode.QUERY_CONSUMER_OFFSET, command);
    return { offset: requireInteger(extFields, 'offset') };
  },
};
