import { requireInteger, requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';

/**
 * UPDATE_CONSUMER_OFFSET (15), consumer -> broker, also one-way: overwrites where a group stands in a queue.
 *
 *     request  ext consumerGroup topic queueId commitOffset bname?
 *     reply    0; with a remark when a reset is pending at the broker and the offset was therefore ignored
 */
export interface UpdateConsumerOffsetRequest {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  /** The next offset to consume. */
  readonly commitOffset: number;
  readonly brokerName?: string | undefined;
}

export interface UpdateConsumerOffsetReply {
  /** A reset is pending at the broker: the offset was not taken. */
  readonly ignored: boolean;
}

const IGNORED_REMARK = 'Offset has been previously reset';

export const updateConsumerOffset: RequestType<UpdateConsumerOffsetRequest, UpdateConsumerOffsetReply> = {
  code: RequestCode.UPDATE_CONSUMER_OFFSET,

  encode: (request) => ({
    code: RequestCode.UPDATE_CONSUMER_OFFSET,
    extFields: {
      consumerGroup: request.consumerGroup,
      topic: request.topic,
      queueId: String(request.queueId),
      commitOffset: String(request.commitOffset),
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    consumerGroup: requireText(extFields, 'consumerGroup'),
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    commitOffset: requireInteger(extFields, 'commitOffset'),
    brokerName: extFields['bname'],
  }),

  encodeReply: ({ ignored }) => ({
    code: ResponseCode.SUCCESS,
    ...(ignored && { remark: IGNORED_REMARK }),
  }),

  decodeReply: (command) => {
    const { remark } = requireSuccess(RequestCode.UPDATE_CONSUMER_OFFSET, command);
    return { ignored: remark?.includes(IGNORED_REMARK) ?? false };
  },
};
