import { RequestCode } from '../../lib/protocol/codes.js';
import type { RequestCommand } from '../../lib/protocol/command.js';
import type { SendMessageRequest } from '../../lib/protocol/requests/send-message.js';

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
  return {
    code: RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT,
    extFields: {
      producerGroup: request.producerGroup,
      topic: request.topic,
      defaultTopic: request.defaultTopic,
      defaultTopicQueueNums: String(request.defaultTopicQueueNums),
      queueId: String(request.queueId),
      sysFlag: String(request.sysFlag),
      bornTimestamp: String(request.bornTimestamp),
      flag: String(request.flag),
      properties: added.properties,
      reconsumeTimes: String(request.reconsumeTimes),
      unitMode: String(request.unitMode),
      bornHost: added.bornHost,
      storeHost: added.storeHost,
      storeTimestamp: String(added.storeTimestamp),
    },
    body: request.body,
  };
}
