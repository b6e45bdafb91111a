import { ResponseCode } from '../../lib/protocol/codes.js';
import { viewMessageById } from '../../lib/protocol/requests/view-message-by-id.js';
import { type BrokerHandler, refuse } from './handler.js';

/** VIEW_MESSAGE_BY_ID (33). */
export const viewMessageByIdHandler: BrokerHandler = {
  code: viewMessageById.code,
  handle(broker, { command }) {
    const { offset } = viewMessageById.decode(command);
    const entry = broker.store.entryAt(offset);
    if (entry === undefined) {
      return refuse(ResponseCode.SYSTEM_ERROR, `can not find message by the offset, ${offset}`);
    }
    return viewMessageById.encodeReply({ body: entry.record });
  },
};
