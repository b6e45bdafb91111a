import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { jsonBody } from '../../lib/protocol/json-fields.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import type { BrokerHandler } from './handler.js';

/**
 * QUERY_TOPIC_CONSUME_BY_WHO (300): the groups that subscribe to a topic or have committed offsets in it.
 *
 *     request  ext topic
 *     reply    0, body {"groupList":[group]}
 */
export const queryTopicConsumeByWhoHandler: BrokerHandler = {
  code: RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
  handle(broker, { command }) {
    const topic = requireText(command.extFields, 'topic');
    const subscribed = broker.members.groups().filter((group) => group.subscriptions.has(topic));
    const groups = new Set([...subscribed.map((group) => group.name), ...broker.offsets.groupsOf(topic)]);
    return { code: ResponseCode.SUCCESS, body: jsonBody({ groupList: [...groups] }) };
  },
};
