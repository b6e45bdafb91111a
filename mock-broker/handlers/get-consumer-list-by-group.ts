import { ResponseCode } from '../../lib/protocol/codes.js';
import { getConsumerListByGroup } from '../../lib/protocol/requests/get-consumer-list-by-group.js';
import { type BrokerHandler, refuse } from './handler.js';

/** GET_CONSUMER_LIST_BY_GROUP (38). */
export const getConsumerListByGroupHandler: BrokerHandler = {
  code: getConsumerListByGroup.code,
  handle(broker, { command }) {
    const { consumerGroup } = getConsumerListByGroup.decode(command);
    const consumerIds = broker.members.group(consumerGroup)?.clientIds() ?? [];
    if (consumerIds.length === 0) {
      return refuse(ResponseCode.SYSTEM_ERROR, `no consumer for this group, ${consumerGroup}`);
    }
    return getConsumerListByGroup.encodeReply({ consumerIds });
  },
};
