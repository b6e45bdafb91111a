import { ProtocolError } from '../../errors.js';
import { optionalInteger, requireSuccess, requireText } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { booleanField, jsonBody, optionalIntegerField, optionalTextField, parseJsonObject } from '../json-fields.js';
import { textField } from '../json-fields.js';

/**
 * CONSUME_MESSAGE_DIRECTLY (309), broker -> consumer: an operator wants this message given to the listener now.
 *
 *     request  ext consumerGroup clientId? msgId? brokerName? topic? topicSysFlag? groupSysFlag?
 *              body = one stored message
 *     reply    0, body {"autoCommit","consumeResult","order","remark"?,"spentTimeMills"}
 */
export interface ConsumeMessageDirectlyRequest {
  readonly consumerGroup: string;
  readonly clientId?: string | undefined;
  readonly msgId?: string | undefined;
  readonly brokerName?: string | undefined;
  readonly topic?: string | undefined;
  readonly topicSysFlag?: number | undefined;
  readonly groupSysFlag?: number | undefined;
  /** One stored message, see `decodeMessages`. */
  readonly body: Buffer;
}

const RESULTS = ['CR_SUCCESS', 'CR_LATER', 'CR_ROLLBACK', 'CR_COMMIT', 'CR_THROW_EXCEPTION', 'CR_RETURN_NULL'] as const;
export type ConsumeResult = (typeof RESULTS)[number];

export interface ConsumeMessageDirectlyReply {
  /** The consumer is an ordered one. */
  readonly order: boolean;
  readonly autoCommit: boolean;
  readonly consumeResult: ConsumeResult;
  readonly remark?: string | undefined;
  /** How long the listener took, milliseconds. */
  readonly spentTimeMills: number;
}

export const consumeMessageDirectly: RequestType<ConsumeMessageDirectlyRequest, ConsumeMessageDirectlyReply> = {
  code: RequestCode.CONSUME_MESSAGE_DIRECTLY,

  encode: (request) => ({
    code: RequestCode.CONSUME_MESSAGE_DIRECTLY,
    extFields: {
      consumerGroup: request.consumerGroup,
      clientId: request.clientId,
      msgId: request.msgId,
      brokerName: request.brokerName,
      topic: request.topic,
      topicSysFlag: request.topicSysFlag?.toString(),
      groupSysFlag: request.groupSysFlag?.toString(),
    },
    body: request.body,
  }),

  decode: ({ extFields, body }) => ({
    consumerGroup: requireText(extFields, 'consumerGroup'),
    clientId: extFields['clientId'],
    msgId: extFields['msgId'],
    brokerName: extFields['brokerName'],
    topic: extFields['topic'],
    topicSysFlag: optionalInteger(extFields, 'topicSysFlag'),
    groupSysFlag: optionalInteger(extFields, 'groupSysFlag'),
    body,
  }),

  encodeReply: (result) => ({
    code: ResponseCode.SUCCESS,
    body: jsonBody({
      autoCommit: result.autoCommit,
      consumeResult: result.consumeResult,
      order: result.order,
      remark: result.remark,
      spentTimeMills: result.spentTimeMills,
    }),
  }),

  decodeReply: (command) => {
    const object = parseJsonObject(requireSuccess(RequestCode.CONSUME_MESSAGE_DIRECTLY, command).body);
    return {
      order: booleanField(object, 'order', false),
      autoCommit: booleanField(object, 'autoCommit', true),
      consumeResult: asConsumeResult(textField(object, 'consumeResult')),
      remark: optionalTextField(object, 'remark'),
      spentTimeMills: optionalIntegerField(object, 'spentTimeMills') ?? 0,
    };
  },
};

function asConsumeResult(word: string): ConsumeResult {
  const result = RESULTS.find((known) => known === word);
  if (result === undefined) {
    throw new ProtocolError('ERR_ROCKETMQ_FIELD_MALFORMED', 'the body field consumeResult is no known result', {
      field: 'consumeResult',
      value: word.slice(0, 40),
    });
  }
  return result;
}
