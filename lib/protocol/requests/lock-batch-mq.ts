import { requireSuccess } from './request-type.js';
import type { RequestType } from './request-type.js';
import type { ExtFields } from '../command.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { arrayField, asMessageQueue, booleanField, jsonBody, messageQueueJson } from '../json-fields.js';
import { parseJsonObject, textField } from '../json-fields.js';
import type { MessageQueue } from '../message-queue.js';

/**
 * LOCK_BATCH_MQ (41), ordered consumer -> master: give me these queues, or let me keep them.
 *
 *     request  ext bname?  body {"clientId","consumerGroup","mqSet":[MessageQueue],"onlyThisBroker":false}
 *     reply    0, body {"lockOKMQSet":[MessageQueue]}: those that are locked for this client now
 */
export interface LockBatchMqRequest {
  readonly consumerGroup: string;
  /** Who is to own the locks. */
  readonly clientId: string;
  readonly queues: readonly MessageQueue[];
  /** Set between brokers, when a lock needs a majority of replicas. Default false. */
  readonly onlyThisBroker?: boolean | undefined;
  readonly brokerName?: string | undefined;
}

export interface LockBatchMqReply {
  readonly lockedQueues: readonly MessageQueue[];
}

export const lockBatchMq: RequestType<LockBatchMqRequest, LockBatchMqReply> = {
  code: RequestCode.LOCK_BATCH_MQ,

  encode: (request) => ({
    code: RequestCode.LOCK_BATCH_MQ,
    extFields: { bname: request.brokerName },
    body: encodeLockBody(request),
  }),

  decode: ({ extFields, body }) => decodeLockBody(extFields, body),

  encodeReply: (reply) => ({
    code: ResponseCode.SUCCESS,
    body: jsonBody({ lockOKMQSet: reply.lockedQueues.map(messageQueueJson) }),
  }),

  decodeReply: (command) => {
    const { body } = requireSuccess(RequestCode.LOCK_BATCH_MQ, command);
    return { lockedQueues: arrayField(parseJsonObject(body), 'lockOKMQSet').map(asMessageQueue) };
  },
};

/** The body of LOCK_BATCH_MQ and of UNLOCK_BATCH_MQ. */
export function encodeLockBody(request: LockBatchMqRequest): Buffer {
  return jsonBody({
    clientId: request.clientId,
    consumerGroup: request.consumerGroup,
    mqSet: request.queues.map(messageQueueJson),
    onlyThisBroker: request.onlyThisBroker ?? false,
  });
}

export function decodeLockBody(extFields: ExtFields, body: Buffer): LockBatchMqRequest {
  const object = parseJsonObject(body);
  return {
    consumerGroup: textField(object, 'consumerGroup'),
    clientId: textField(object, 'clientId'),
    queues: arrayField(object, 'mqSet').map(asMessageQueue),
    onlyThisBroker: booleanField(object, 'onlyThisBroker', false),
    brokerName: extFields['bname'],
  };
}
