import { MqVersion, ResponseCode } from '../../lib/protocol/codes.js';
import { getRouteInfoByTopic } from '../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { encodeTopicRoute } from '../../lib/protocol/topic-route.js';
import type { RouteInfo } from '../name-server.js';
import type { Handler } from '../server/exchange.js';
import { seeFaq } from '../store/names.js';
import { refuse } from './handler.js';

/** GET_ROUTEINFO_BY_TOPIC (105). Old clients that don't ask for standard JSON get broker ids as unquoted keys. */
export const getRouteInfoByTopicHandler: Handler<RouteInfo> = {
  code: getRouteInfoByTopic.code,
  handle(routes, { command }) {
    // A request without a topic gets the answer of an unknown one.
    const extFields = { topic: 'null', ...command.extFields };
    const { topic, acceptStandardJsonOnly } = getRouteInfoByTopic.decode({ ...command, extFields });
    const route = routes.route(topic);
    if (route === undefined) {
      const remark = `No topic route info in name server for the topic: ${topic}${seeFaq(routes.isV4)}`;
      return refuse(ResponseCode.TOPIC_NOT_EXIST, remark);
    }
    const standard = command.version >= MqVersion.V4_9_4 || acceptStandardJsonOnly === true;
    return { code: ResponseCode.SUCCESS, body: encodeTopicRoute(route, { unquotedKeys: !standard }) };
  },
};
