import { ResponseCode } from '../../lib/protocol/codes.js';
import { PropertyName } from '../../lib/protocol/properties.js';
import { endTransaction, type EndTransactionRequest } from '../../lib/protocol/requests/end-transaction.js';
import { MessageSysFlag } from '../../lib/protocol/sys-flag.js';
import type { BrokerState } from '../broker-state.js';
import type { MessageDraft } from '../store/message-store.js';
import { HALF_TOPIC } from '../store/names.js';
import { moveBack, putMessage, without } from '../store/put-message.js';
import { type BrokerHandler, NO_REMARK, refuse } from './handler.js';

/** END_TRANSACTION (37): stores the half message for all to see, or drops it. */
export const endTransactionHandler: BrokerHandler = {
  code: endTransaction.code,
  handle(broker, { command }) {
    const request = endTransaction.decode(command);
    if (request.state === 'UNKNOWN') return undefined;
    const half = broker.store.draftAt(request.commitLogOffset);
    if (half === undefined || half.draft.topic !== HALF_TOPIC) {
      return refuse(ResponseCode.SYSTEM_ERROR, 'Find prepared transaction message failed');
    }
    if (half.draft.properties[PropertyName.PRODUCER_GROUP] !== request.producerGroup) {
      return refuse(ResponseCode.SYSTEM_ERROR, 'The producer group wrong');
    }
    if (half.queueOffset !== request.tranStateTableOffset) {
      return refuse(ResponseCode.SYSTEM_ERROR, 'The transaction state table offset wrong');
    }
    if (isTooLate(broker, request, half.draft)) {
      return refuse(ResponseCode.ILLEGAL_OPERATION, NO_REMARK);
    }
    broker.store.forget(request.commitLogOffset);
    broker.halves.end(request.commitLogOffset);
    if (request.state === 'COMMIT') {
      const whole = broker.options.isV4 ? moveBack(half.draft) : markCommitted(moveBack(half.draft));
      putMessage(broker, {
        ...whole,
        sysFlag: whole.sysFlag | MessageSysFlag.TRANSACTION_COMMIT,
        preparedTransactionOffset: request.commitLogOffset,
      });
    }
    return endTransaction.encodeReply();
  },
};

/** A message that named its own time before the first check can't be ended after it but by an answer to a check. */
function isTooLate(
  broker: BrokerState,
  request: EndTransactionRequest,
  { properties, bornTimestamp }: MessageDraft,
): boolean {
  const seconds = Number(properties[PropertyName.CHECK_IMMUNITY_TIME_IN_SECONDS] ?? NaN);
  if (broker.options.isV4 || request.fromTransactionCheck === true || Number.isNaN(seconds)) return false;
  return broker.now() - bornTimestamp > seconds * 1000;
}

/** The properties of a committed message; brokers of 4.9 leave them as they are. */
function markCommitted(draft: MessageDraft): MessageDraft {
  const marked = without(draft, [PropertyName.REAL_TOPIC, PropertyName.REAL_QUEUE_ID]);
  const { [PropertyName.UNIQ_KEY]: uniqKey } = draft.properties;
  if (uniqKey === undefined) return marked;
  return { ...marked, properties: { ...marked.properties, [PropertyName.TRANSACTION_ID]: uniqKey } };
}
