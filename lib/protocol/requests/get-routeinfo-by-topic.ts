import { optionalBoolean, requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { decodeTopicRoute, encodeTopicRoute } from '../topic-route.js';
import type { TopicRouteData } from '../topic-route.js';

/**
 * GET_ROUTEINFO_BY_TOPIC (105), client -> name server: where are this topic's queues?
 *
 *     request  ext topic acceptStandardJsonOnly?
 *     reply    0, body TopicRouteData, see topic-route.ts | 17 nobody knows the topic | 1 not ready
 */
export type GetRouteInfoByTopicReply = TopicRouteData;

export interface GetRouteInfoByTopicRequest {
  readonly topic: string;
  readonly acceptStandardJsonOnly?: boolean | undefined;
}

export const getRouteInfoByTopic: RequestType<GetRouteInfoByTopicRequest, TopicRouteData> = {
  code: RequestCode.GET_ROUTEINFO_BY_TOPIC,

  encode: (request) => ({
    code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
    extFields: { topic: request.topic, acceptStandardJsonOnly: request.acceptStandardJsonOnly?.toString() },
  }),

  decode: ({ extFields }) => ({
    topic: requireText(extFields, 'topic'),
    acceptStandardJsonOnly: optionalBoolean(extFields, 'acceptStandardJsonOnly'),
  }),

  encodeReply: (route) => ({ code: ResponseCode.SUCCESS, body: encodeTopicRoute(route) }),
  decodeReply: (command) => decodeTopicRoute(requireSuccess(RequestCode.GET_ROUTEINFO_BY_TOPIC, command).body),
};
