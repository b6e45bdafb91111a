import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { runtimeInfo } from '../store/runtime-info.js';
import { encodeKvTable } from '../wire/kv-table.js';
import type { BrokerHandler } from './handler.js';

/**
 * GET_BROKER_RUNTIME_INFO (28): what goes through the broker and how it fares, for people.
 *
 *     request  nothing
 *     reply    0, body see kv-table.ts
 */
export const getBrokerRuntimeInfoHandler: BrokerHandler = {
  code: RequestCode.GET_BROKER_RUNTIME_INFO,
  handle: (broker) => ({ code: ResponseCode.SUCCESS, body: encodeKvTable(runtimeInfo(broker)) }),
};
