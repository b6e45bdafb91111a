import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';
import { ResponseCode } from '../../lib/protocol/codes.js';
import {
  integerField,
  jsonBody,
  optionalTextField,
  parseJsonObject,
  textField,
} from '../../lib/protocol/json-fields.js';
import type { MessageQueue } from '../../lib/protocol/message-queue.js';

/**
 * QUERY_ASSIGNMENT (400) and SET_MESSAGE_REQUEST_MODE (401), consumer and operator -> master: which queues a member
 * consumes, and whether the group pulls or pops them.
 *
 *     request  400  body {"topic","consumerGroup","clientId","strategyName","messageModel"}
 *              401  body {"topic","consumerGroup","mode":"PULL"|"POP","popShareQueueNum"}
 *     reply    400  body {"messageQueueAssignments":[{"messageQueue":{"brokerName","queueId","topic"},"mode"}]?}
 */
export type RequestMode = 'PULL' | 'POP';

export interface QueryAssignmentRequest {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly strategyName: string;
  readonly messageModel: string;
}

export interface MessageRequestMode {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly mode: RequestMode;
  /** With how many others of the group a member shares each queue; 0 or less: with all of them. */
  readonly popShareQueueNum: number;
}

export function decodeQueryAssignment({ body }: RemotingCommand): QueryAssignmentRequest {
  const fields = parseJsonObject(body);
  return {
    topic: textField(fields, 'topic'),
    consumerGroup: textField(fields, 'consumerGroup'),
    clientId: textField(fields, 'clientId'),
    strategyName: optionalTextField(fields, 'strategyName') ?? '',
    messageModel: optionalTextField(fields, 'messageModel') ?? 'CLUSTERING',
  };
}

/** @param queues undefined when there is nothing to say, and the client is to keep what it has */
export function encodeAssignments(queues: readonly MessageQueue[] | undefined, mode: RequestMode): ResponseCommand {
  const messageQueueAssignments = queues?.map(({ topic, brokerName, queueId }) => ({
    messageQueue: { brokerName, queueId, topic },
    mode,
  }));
  const body = jsonBody({ ...(messageQueueAssignments !== undefined && { messageQueueAssignments }) });
  return { code: ResponseCode.SUCCESS, body };
}

export function decodeSetMessageRequestMode({ body }: RemotingCommand): MessageRequestMode {
  const fields = parseJsonObject(body);
  return {
    topic: textField(fields, 'topic'),
    consumerGroup: textField(fields, 'consumerGroup'),
    mode: optionalTextField(fields, 'mode') === 'POP' ? 'POP' : 'PULL',
    popShareQueueNum: fields['popShareQueueNum'] === undefined ? 0 : integerField(fields, 'popShareQueueNum'),
  };
}
