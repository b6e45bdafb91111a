import { getConsumerRunningInfo } from '../../lib/protocol/requests/get-consumer-running-info.js';
import { callConsumer } from './call-consumer.js';
import type { BrokerHandler } from './handler.js';

/** GET_CONSUMER_RUNNING_INFO (307), of an operator: passed on to the client, whose answer it is. */
export const getConsumerRunningInfoHandler: BrokerHandler = {
  code: getConsumerRunningInfo.code,
  handle(broker, exchange) {
    const { code, extFields, body } = exchange.command;
    const group = extFields['consumerGroup'] ?? 'null';
    const clientId = extFields['clientId'] ?? 'null';
    callConsumer(broker, exchange, { group, clientId }, { code, extFields, body });
    return undefined;
  },
};
