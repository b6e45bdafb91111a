import { optionalBoolean, optionalInteger, requireInteger, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode } from '../codes.js';
import { AUTO_CREATE_TOPIC } from '../namespace.js';
import { decodeEmptyReply, encodeEmptyReply } from './empty-reply.js';

/**
 * UPDATE_AND_CREATE_TOPIC (17), operator -> master.
 *
 *     request  ext topic defaultTopic readQueueNums writeQueueNums perm topicFilterType topicSysFlag? order attributes?
 *                  force? bname?
 *     reply    0
 */
export interface UpdateAndCreateTopicRequest {
  readonly topic: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** Bits of `Perm`. */
  readonly perm: number;
  readonly topicSysFlag?: number | undefined;
  /** Fixes the layout of queues at the name server, `orderTopicConf`. Default false. */
  readonly order?: boolean | undefined;
  /** `+name=value` joined by commas, such as `+message.type=FIFO`. */
  readonly attributes?: string | undefined;
  readonly brokerName?: string | undefined;
}

export const updateAndCreateTopic: RequestType<UpdateAndCreateTopicRequest, void> = {
  code: RequestCode.UPDATE_AND_CREATE_TOPIC,

  encode: (request) => ({
    code: RequestCode.UPDATE_AND_CREATE_TOPIC,
    extFields: {
      topic: request.topic,
      defaultTopic: AUTO_CREATE_TOPIC,
      readQueueNums: String(request.readQueueNums),
      writeQueueNums: String(request.writeQueueNums),
      perm: String(request.perm),
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: String(request.topicSysFlag ?? 0),
      order: String(request.order ?? false),
      attributes: request.attributes,
      bname: request.brokerName,
    },
  }),

  decode: ({ extFields }) => ({
    topic: requireText(extFields, 'topic'),
    readQueueNums: requireInteger(extFields, 'readQueueNums'),
    writeQueueNums: requireInteger(extFields, 'writeQueueNums'),
    perm: requireInteger(extFields, 'perm'),
    topicSysFlag: optionalInteger(extFields, 'topicSysFlag') ?? 0,
    order: optionalBoolean(extFields, 'order') ?? false,
    attributes: extFields['attributes'],
    brokerName: extFields['bname'],
  }),

  encodeReply: encodeEmptyReply,
  decodeReply: decodeEmptyReply(RequestCode.UPDATE_AND_CREATE_TOPIC),
};
