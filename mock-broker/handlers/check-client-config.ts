import { ResponseCode } from '../../lib/protocol/codes.js';
import { checkClientConfig } from '../../lib/protocol/requests/check-client-config.js';
import { compileSql92 } from '../filter/sql92.js';
import { isTagType } from '../store/filters.js';
import { type BrokerHandler, refuse } from './handler.js';

/** CHECK_CLIENT_CONFIG (46): whether an expression can be filtered by. */
export const checkClientConfigHandler: BrokerHandler = {
  code: checkClientConfig.code,
  handle(broker, { command }) {
    const { subscription } = checkClientConfig.decode(command);
    if (isTagType(subscription.expressionType)) return checkClientConfig.encodeReply();
    if (!broker.settings.flag('enablePropertyFilter')) return filterUnsupported(subscription.expressionType);
    try {
      compileSql92(subscription.subString);
    } catch (error) {
      return refuse(ResponseCode.SUBSCRIPTION_PARSE_FAILED, error instanceof Error ? error.message : String(error));
    }
    return checkClientConfig.encodeReply();
  },
};

/** The answer of a broker that filters by tags only. */
export function filterUnsupported(expressionType: string): { code: number; remark: string } {
  const remark = `The broker does not support consumer to filter message by ${expressionType}`;
  return { code: ResponseCode.SYSTEM_ERROR, remark };
}
