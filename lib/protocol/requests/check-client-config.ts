import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { jsonBody, optionalTextField, parseJsonObject, textField } from '../json-fields.js';
import { parseSubscription, subscriptionJson } from '../subscription.js';
import type { SubscriptionData } from '../subscription.js';
import { decodeEmptyReply, encodeEmptyReply } from './empty-reply.js';

/**
 * CHECK_CLIENT_CONFIG (46), consumer -> broker: do you understand this expression? Asked of others than tags.
 *
 *     request  body {"clientId","group","namespace"?,"subscriptionData":SubscriptionData}
 *     reply    0 | 23 the expression does not parse | 1 the broker does not filter by expressions
 */
export interface CheckClientConfigRequest {
  readonly clientId: string;
  readonly group: string;
  readonly namespace?: string | undefined;
  readonly subscription: SubscriptionData;
}

export const checkClientConfig: RequestType<CheckClientConfigRequest, void> = {
  code: RequestCode.CHECK_CLIENT_CONFIG,

  encode: (request) => ({
    code: RequestCode.CHECK_CLIENT_CONFIG,
    body: jsonBody({
      clientId: request.clientId,
      group: request.group,
      namespace: request.namespace,
      subscriptionData: subscriptionJson(request.subscription),
    }),
  }),

  decode: ({ body }) => {
    const object = parseJsonObject(body);
    return {
      clientId: textField(object, 'clientId'),
      group: textField(object, 'group'),
      namespace: optionalTextField(object, 'namespace'),
      subscription: parseSubscription(object['subscriptionData']),
    };
  },

  encodeReply: encodeEmptyReply,
  decodeReply: decodeEmptyReply(RequestCode.CHECK_CLIENT_CONFIG),
};
