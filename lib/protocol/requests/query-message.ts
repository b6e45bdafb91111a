import { ProtocolError } from '../../errors.js';
import { brokerError, optionalBoolean, optionalInteger, requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import type { ExtFields } from '../command.js';
import { RequestCode, ResponseCode } from '../codes.js';

/**
 * QUERY_MESSAGE (12), operator -> broker: messages by key.
 *
 *     request  ext topic key maxNum beginTimestamp endTimestamp _UNIQUE_KEY_QUERY? bname?
 *     reply    0, ext indexLastUpdateTimestamp indexLastUpdatePhyoffset, body = *stored message
 *              | 22 none
 */
export interface QueryMessageRequest {
  readonly topic: string;
  readonly key: string;
  readonly maxNum: number;
  /** Store time, ms since 1970. */
  readonly beginTimestamp: number;
  /** Store time, ms since 1970. A client that wants no end sends one past 2^53 - 1, which is read as 2^53 - 1. */
  readonly endTimestamp: number;
  /** `key` is a `UNIQ_KEY`, not one of `KEYS`. */
  readonly uniqueKey?: boolean | undefined;
  readonly brokerName?: string | undefined;
}

export interface QueryMessageReply {
  /** Stored messages, see `decodeMessages`; empty when there are none. */
  readonly body: Buffer;
  readonly indexLastUpdateTimestamp?: number | undefined;
  readonly indexLastUpdatePhyoffset?: number | undefined;
}

const NONE = Buffer.alloc(0);

export const queryMessage: RequestType<QueryMessageRequest, QueryMessageReply> = {
  code: RequestCode.QUERY_MESSAGE,

  encode: (request) => ({
    code: RequestCode.QUERY_MESSAGE,
    extFields: {
      topic: request.topic,
      key: request.key,
      maxNum: String(request.maxNum),
      beginTimestamp: String(request.beginTimestamp),
      endTimestamp: String(request.endTimestamp),
      _UNIQUE_KEY_QUERY: String(request.uniqueKey ?? false),
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    topic: requireText(extFields, 'topic'),
    key: requireText(extFields, 'key'),
    maxNum: requireInteger(extFields, 'maxNum'),
    beginTimestamp: requireInteger(extFields, 'beginTimestamp'),
    endTimestamp: endTimestamp(extFields),
    uniqueKey: optionalBoolean(extFields, '_UNIQUE_KEY_QUERY') ?? false,
    brokerName: extFields['bname'],
  }),

  encodeReply: (reply) =>
    reply.body.length === 0
      ? { code: ResponseCode.QUERY_NOT_FOUND, remark: 'can not find message, maybe time range not correct' }
      : {
          code: ResponseCode.SUCCESS,
          extFields: {
            indexLastUpdateTimestamp: String(reply.indexLastUpdateTimestamp ?? 0),
            indexLastUpdatePhyoffset: String(reply.indexLastUpdatePhyoffset ?? 0),
          },
          body: reply.body,
        },

  decodeReply: (command) => {
    if (command.code === ResponseCode.QUERY_NOT_FOUND) return { body: NONE };
    if (command.code !== ResponseCode.SUCCESS) throw brokerError(RequestCode.QUERY_MESSAGE, command);
    return {
      body: command.body,
      indexLastUpdateTimestamp: optionalInteger(command.extFields, 'indexLastUpdateTimestamp'),
      indexLastUpdatePhyoffset: optionalInteger(command.extFields, 'indexLastUpdatePhyoffset'),
    };
  },
};

/** The reference's tools send the greatest 64 bit number for "no end". */
function endTimestamp(extFields: ExtFields): number {
  try {
    return requireInteger(extFields, 'endTimestamp');
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'ERR_ROCKETMQ_OFFSET_UNSAFE') return Number.MAX_SAFE_INTEGER;
    throw error;
  }
}
