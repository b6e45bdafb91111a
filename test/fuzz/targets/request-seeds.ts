import { createRequest, createResponse, type RemotingCommand } from '../../../lib/protocol/command.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import type { PullMessageReply } from '../../../lib/protocol/requests/pull-message.js';
import type { RequestType } from '../../../lib/protocol/requests/request-type.js';
import { encodeMessage } from '../../../lib/protocol/message.js';
import { SAMPLE_RECORD } from './sample-record.js';

/** Values that the captured frames lack: whole requests, and fields that are optional there. */

const queue = { topic: 'T', brokerName: 'broker-a', queueId: 3 };
const body = encodeMessage(SAMPLE_RECORD);

const REQUESTS: Readonly<Record<number, unknown>> = {
  [RequestCode.CHECK_TRANSACTION_STATE]: {
    topic: 'T',
    tranStateTableOffset: 5,
    commitLogOffset: 70,
    msgId: 'A1',
    transactionId: 'A1',
    offsetMsgId: 'B2',
    brokerName: 'broker-a',
    body,
  },
  [RequestCode.RESET_CONSUMER_CLIENT_OFFSET]: {
    topic: 'T',
    group: 'G',
    timestamp: 1_700_000_000_000,
    isForce: true,
    queueId: -1,
    offsets: [{ queue, offset: 9 }],
    form: 'list',
  },
};

const pullReply: PullMessageReply = {
  status: 'FOUND',
  nextBeginOffset: 43,
  minOffset: 0,
  maxOffset: 50,
  suggestWhichBrokerId: 1,
  offsetDelta: 1_000,
  topicSysFlag: 1,
  groupSysFlag: 2,
  body,
};

const REPLIES: Readonly<Record<number, unknown>> = {
  [RequestCode.PULL_MESSAGE]: pullReply,
};

export function extraSeeds(type: RequestType<unknown, unknown>): RemotingCommand[] {
  const request = REQUESTS[type.code];
  const reply = REPLIES[type.code];
  return [
    ...(request === undefined ? [] : [createRequest(type.encode(request), 7)]),
    ...(reply === undefined ? [] : [createResponse({ opaque: 7, flag: 0 }, type.encodeReply(reply))]),
  ];
}
