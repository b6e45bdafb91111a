import { ProtocolError } from '../../errors.js';
import { optionalBoolean, requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { MessageSysFlag } from '../sys-flag.js';
import { encodeEmptyReply, ignoreReply } from './empty-reply.js';

/**
 * END_TRANSACTION (37), producer -> master, one-way: what became of the local transaction of a half message.
 *
 *     request  ext topic? producerGroup tranStateTableOffset commitLogOffset commitOrRollback fromTransactionCheck?
 *                  msgId transactionId? bname?
 *              commitOrRollback: 8 commit, 12 roll back, 0 not known yet
 */
export interface EndTransactionRequest {
  readonly topic?: string | undefined;
  readonly producerGroup: string;
  /** Queue offset of the half message. */
  readonly tranStateTableOffset: number;
  /** Commit log offset of the half message. */
  readonly commitLogOffset: number;
  readonly state: TransactionState;
  /** The answer to a check by the broker. Default false. */
  readonly fromTransactionCheck?: boolean | undefined;
  /** The `UNIQ_KEY`. */
  readonly msgId: string;
  readonly transactionId?: string | undefined;
  readonly brokerName?: string | undefined;
}

export type TransactionState = 'COMMIT' | 'ROLLBACK' | 'UNKNOWN';

const CODE_OF_STATE: Readonly<Record<TransactionState, number>> = {
  COMMIT: MessageSysFlag.TRANSACTION_COMMIT,
  ROLLBACK: MessageSysFlag.TRANSACTION_ROLLBACK,
  UNKNOWN: 0,
};

export const endTransaction: RequestType<EndTransactionRequest, void> = {
  code: RequestCode.END_TRANSACTION,

  encode: (request) => ({
    code: RequestCode.END_TRANSACTION,
    extFields: {
      topic: request.topic,
      producerGroup: request.producerGroup,
      tranStateTableOffset: String(request.tranStateTableOffset),
      commitLogOffset: String(request.commitLogOffset),
      commitOrRollback: String(CODE_OF_STATE[request.state]),
      fromTransactionCheck: String(request.fromTransactionCheck ?? false),
      msgId: request.msgId,
      transactionId: request.transactionId,
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    topic: extFields['topic'],
    producerGroup: requireText(extFields, 'producerGroup'),
    tranStateTableOffset: requireInteger(extFields, 'tranStateTableOffset'),
    commitLogOffset: requireInteger(extFields, 'commitLogOffset'),
    state: stateOfCode(requireInteger(extFields, 'commitOrRollback')),
    fromTransactionCheck: optionalBoolean(extFields, 'fromTransactionCheck') ?? false,
    msgId: requireText(extFields, 'msgId'),
    transactionId: extFields['transactionId'],
    brokerName: extFields['bname'],
  }),

  encodeReply: encodeEmptyReply,
  decodeReply: ignoreReply,
};

function stateOfCode(code: number): TransactionState {
  for (const state of ['COMMIT', 'ROLLBACK', 'UNKNOWN'] as const) if (CODE_OF_STATE[state] === code) return state;
  throw new ProtocolError('ERR_ROCKETMQ_FIELD_MALFORMED', 'the header field commitOrRollback is not valid', {
    field: 'commitOrRollback',
    value: code,
  });
}
