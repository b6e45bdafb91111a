import { RequestCode } from '../../lib/protocol/codes.js';
import type { RequestCommand } from '../../lib/protocol/command.js';
import { sendMessage, type SendMessageRequest } from '../../lib/protocol/requests/send-message.js';

/**
 * PUSH_REPLY_MESSAGE_TO_CLIENT (326), broker -> the client that sent a request: the reply to it.
 *
 *     request  ext as of SEND_MESSAGE without batch and maxReconsumeTimes, and bornHost storeHost storeTimestamp
 *              body = the reply's body
 *     reply    0
 */
export function encodePushReply(
  request: SendMessageRequest,
  added: {
    readonly bornHost: string;
    readonly storeHost: string;
    readonly storeTimestamp: number;
    readonly properties: string;
  },
): RequestCommand {
  const {
    batch: _batch,
    maxReconsumeTimes: _max,
    bname: _bname,
    ...fields
  } = sendMessage.encode(request).extFields ?? {};
  return {
    code: RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT,
    extFields: { ...fields, ...added, storeTimestamp: String(added.storeTimestamp) },
    body: request.body,
  };
}
