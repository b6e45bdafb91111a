import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { decodeEmptyReply, encodeEmptyReply } from './empty-reply.js';
import { decodeLockBody, encodeLockBody } from './lock-batch-mq.js';
import type { LockBatchMqRequest } from './lock-batch-mq.js';

/**
 * UNLOCK_BATCH_MQ (42), ordered consumer -> master, also one-way: others may have these queues. Locks of another client
 * are silently left alone.
 *
 *     request  as of LOCK_BATCH_MQ
 *     reply    0
 */
export type UnlockBatchMqRequest = LockBatchMqRequest;

export const unlockBatchMq: RequestType<UnlockBatchMqRequest, void> = {
  code: RequestCode.UNLOCK_BATCH_MQ,

  encode: (request) => ({
    code: RequestCode.UNLOCK_BATCH_MQ,
    extFields: { bname: request.brokerName },
    body: encodeLockBody(request),
  }),

  decode: ({ extFields, body }) => decodeLockBody(extFields, body),

  encodeReply: encodeEmptyReply,
  decodeReply: decodeEmptyReply(RequestCode.UNLOCK_BATCH_MQ),
};
