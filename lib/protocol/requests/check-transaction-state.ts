import { requireInteger } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { encodeEmptyReply, ignoreReply } from './empty-reply.js';

/**
 * CHECK_TRANSACTION_STATE (39), broker -> producer, one-way: what became of this half message? The producer answers by
 * END_TRANSACTION.
 *
 *     request  ext topic? tranStateTableOffset commitLogOffset msgId? transactionId? offsetMsgId? bname?
 *              body = the half message as it is stored
 */
export interface CheckTransactionStateRequest {
  readonly topic?: string | undefined;
  /** Queue offset of the half message. */
  readonly tranStateTableOffset: number;
  /** Commit log offset of the half message. */
  readonly commitLogOffset: number;
  readonly msgId?: string | undefined;
  readonly transactionId?: string | undefined;
  readonly offsetMsgId?: string | undefined;
  readonly brokerName?: string | undefined;
  /** One stored message, see `decodeMessages`. */
  readonly body: Buffer;
}

export const checkTransactionState: RequestType<CheckTransactionStateRequest, void> = {
  code: RequestCode.CHECK_TRANSACTION_STATE,

  encode: (request) => ({
    code: RequestCode.CHECK_TRANSACTION_STATE,
    extFields: {
      topic: request.topic,
      tranStateTableOffset: String(request.tranStateTableOffset),
      commitLogOffset: String(request.commitLogOffset),
      msgId: request.msgId,
      transactionId: request.transactionId,
      offsetMsgId: request.offsetMsgId,
      bname: request.brokerName,
    },
    body: request.body,
  }),

  decode: ({ extFields, body }) => ({
    topic: extFields['topic'],
    tranStateTableOffset: requireInteger(extFields, 'tranStateTableOffset'),
    commitLogOffset: requireInteger(extFields, 'commitLogOffset'),
    msgId: extFields['msgId'],
    transactionId: extFields['transactionId'],
    offsetMsgId: extFields['offsetMsgId'],
    brokerName: extFields['bname'],
    body,
  }),

  encodeReply: encodeEmptyReply,
  decodeReply: ignoreReply,
};
