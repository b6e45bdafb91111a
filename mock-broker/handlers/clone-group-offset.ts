import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { optionalBoolean } from '../../lib/protocol/requests/request-type.js';
import type { BrokerHandler } from './handler.js';

/**
 * CLONE_GROUP_OFFSET (314): gives a group the offsets of another. Without a topic the reference looks at all topics of
 * the group, and copies none.
 *
 *     request  ext srcGroup destGroup topic? offline?("false")
 *     reply    0
 */
export const cloneGroupOffsetHandler: BrokerHandler = {
  code: RequestCode.CLONE_GROUP_OFFSET,
  handle(broker, { command: { extFields } }) {
    const from = extFields['srcGroup'] ?? '';
    const to = extFields['destGroup'] ?? '';
    const topic = extFields['topic'] ?? '';
    const offline = optionalBoolean(extFields, 'offline') ?? false;
    const isWanted = broker.topics.get(topic) !== undefined && (offline || !broker.members.ignores(from, topic));
    if (isWanted) broker.offsets.copy(from, to, topic);
    return { code: ResponseCode.SUCCESS };
  },
};
