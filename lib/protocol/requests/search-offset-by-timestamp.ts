import { requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { encodeOffsetReply, offsetReplyDecoder } from './queue-offset.js';
import type { QueueOffsetReply } from './queue-offset.js';

/**
 * SEARCH_OFFSET_BY_TIMESTAMP (29), client -> master: the offset of a queue at a point in time.
 *
 *     request  ext topic queueId timestamp boundaryType? bname?
 *     reply    0, ext offset
 */
export interface SearchOffsetByTimestampRequest {
  readonly topic: string;
  readonly queueId: number;
  /** Store time, ms since 1970. */
  readonly timestamp: number;
  /** LOWER: the first message stored at `timestamp` or later. UPPER: the last stored at it or before. Default LOWER. */
  readonly boundaryType?: BoundaryType | undefined;
  readonly brokerName?: string | undefined;
}

export type BoundaryType = 'LOWER' | 'UPPER';

export type SearchOffsetByTimestampReply = QueueOffsetReply;

export const searchOffsetByTimestamp: RequestType<SearchOffsetByTimestampRequest, SearchOffsetByTimestampReply> = {
  code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,

  encode: (request) => ({
    code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
    extFields: {
      topic: request.topic,
      queueId: String(request.queueId),
      timestamp: String(request.timestamp),
      boundaryType: request.boundaryType ?? 'LOWER',
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    timestamp: requireInteger(extFields, 'timestamp'),
    // The reference takes any letter case, and LOWER for any other word.
    boundaryType: extFields['boundaryType']?.toUpperCase() === 'UPPER' ? 'UPPER' : 'LOWER',
    brokerName: extFields['bname'],
  }),

  encodeReply: encodeOffsetReply,
  decodeReply: offsetReplyDecoder(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP),
};
