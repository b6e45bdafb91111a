import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import { encodeProducerConnection } from '../wire/connections.js';
import { type BrokerHandler, refuse } from './handler.js';

/**
 * GET_PRODUCER_CONNECTION_LIST (204): the members of a producer group that are connected here.
 *
 *     request  ext producerGroup
 *     reply    0, body see connections.ts | 1
 */
export const getProducerConnectionListHandler: BrokerHandler = {
  code: RequestCode.GET_PRODUCER_CONNECTION_LIST,
  handle(broker, { command }) {
    const name = requireText(command.extFields, 'producerGroup');
    const channels = broker.members.producers().get(name);
    if (channels === undefined) return refuse(ResponseCode.SYSTEM_ERROR, `the producer group[${name}] not exist`);
    return { code: ResponseCode.SUCCESS, body: encodeProducerConnection(channels) };
  },
};
