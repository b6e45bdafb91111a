import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { encodeConsumerConnection } from '../wire/connections.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * GET_CONSUMER_CONNECTION_LIST (203): the members of a consumer group that are connected here.
 *
 *     request  ext consumerGroup
 *     reply    0, body see connections.ts | 206
 */
export const getConsumerConnectionListHandler: BrokerHandler = {
  code: RequestCode.GET_CONSUMER_CONNECTION_LIST,
  handle(broker, { command }) {
    const name = requireText(command.extFields, 'consumerGroup');
    const group = broker.members.group(name);
    if (group === undefined) {
      return refuse(ResponseCode.CONSUMER_NOT_ONLINE, `the consumer group[${name}] not online`);
    }
    return { code: ResponseCode.SUCCESS, body: encodeConsumerConnection(group) };
  },
};
