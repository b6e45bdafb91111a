import { MqVersion, RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { requireInteger, requireText } from '../../lib/protocol/requests/request-type.js';
import { type BrokerHandler, NO_REMARK } from './handler.js';
import { brokerUnreadable, popRefusal, withFields } from './pop-checks.js';

/**
 * POLLING_INFO (200055), operator -> master: how many pops of a group wait.
 *
 *     request  ext consumerGroup topic queueId (negative: those for any queue)
 *     reply    0, ext pollingNum
 */
export const pollingInfoHandler: BrokerHandler = {
  code: RequestCode.POLLING_INFO,
  since: MqVersion.V5_0_0,
  handle(broker, exchange) {
    const { extFields } = exchange.command;
    const consumerGroup = requireText(extFields, 'consumerGroup');
    const topic = requireText(extFields, 'topic');
    const queueId = requireInteger(extFields, 'queueId');
    const refusal =
      brokerUnreadable(broker, 'peeking') ?? popRefusal(broker, exchange, { consumerGroup, topic, queueId });
    if (refusal !== undefined) return withFields(refusal, { pollingNum: '0' });
    const pollingNum = String(broker.pop.polls.count(topic, consumerGroup, queueId));
    return { code: ResponseCode.SUCCESS, remark: NO_REMARK, extFields: { pollingNum } };
  },
};
