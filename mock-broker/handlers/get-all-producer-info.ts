import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { encodeProducerTable } from '../wire/connections.js';
import type { BrokerHandler } from './handler.js';

/**
 * GET_ALL_PRODUCER_INFO (328): the members of all producer groups.
 *
 *     request  nothing
 *     reply    0, body see connections.ts
 */
export const getAllProducerInfoHandler: BrokerHandler = {
  code: RequestCode.GET_ALL_PRODUCER_INFO,
  handle: (broker) => ({ code: ResponseCode.SUCCESS, body: encodeProducerTable(broker.members.producers()) }),
};
