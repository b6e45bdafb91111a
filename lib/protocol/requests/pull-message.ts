import { optionalInteger, requireInteger, requireText, brokerError } from './request-type.js';
import type { RequestType } from './request-type.js';
import { RequestCode, ResponseCode } from '../codes.js';
import { jsonMembers, type ExtFields, type RequestCommand } from '../command.js';

/**
 * PULL_MESSAGE (11), client -> broker. A broker holds it up to `suspendTimeoutMillis` when asked to by a `sysFlag` bit.
 *
 *     request  ext consumerGroup topic queueId queueOffset maxMsgNums sysFlag commitOffset suspendTimeoutMillis
 *                  subscription? subVersion expressionType? maxMsgBytes? bname?
 *     reply    0 FOUND | 19 nothing new | 20 nothing that matches | 21 the offset is not to be had
 *              ext nextBeginOffset minOffset maxOffset suggestWhichBrokerId offsetDelta? topicSysFlag? groupSysFlag?
 *              remark = the store's word for the result
 *              body = *stored message, of 0 only
 */
export interface PullMessageRequest {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly maxMsgNums: number;
  /** Bits of `PullSysFlag`. */
  readonly sysFlag: number;
  /** What to commit before answering, when `sysFlag` says so. */
  readonly commitOffset: number;
  readonly suspendTimeoutMillis: number;
  readonly subscription?: string | undefined;
  readonly subVersion: number;
  readonly expressionType?: string | undefined;
  /** Bytes of messages at most; not heeded by every broker. */
  readonly maxMsgBytes?: number | undefined;
  readonly brokerName?: string | undefined;
}

export type PullStatus = 'FOUND' | 'NO_NEW_MSG' | 'NO_MATCHED_MSG' | 'OFFSET_ILLEGAL';

export interface PullMessageReply {
  readonly status: PullStatus;
  /** Where to pull next. */
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** The broker id to pull from next: not 0 when the master would rather have its replica asked. */
  readonly suggestWhichBrokerId: number;
  /** To be added to the queue offset of each message; only of static topics. */
  readonly offsetDelta?: number | undefined;
  readonly topicSysFlag?: number | undefined;
  readonly groupSysFlag?: number | undefined;
  /** Stored messages, see `decodeMessages`. A view into the frame. */
  readonly body: Buffer;
  readonly remark?: string | undefined;
}

const CODE_OF_STATUS: Readonly<Record<PullStatus, number>> = {
  FOUND: ResponseCode.SUCCESS,
  NO_NEW_MSG: ResponseCode.PULL_NOT_FOUND,
  NO_MATCHED_MSG: ResponseCode.PULL_RETRY_IMMEDIATELY,
  OFFSET_ILLEGAL: ResponseCode.PULL_OFFSET_MOVED,
};

const REMARK_OF_STATUS: Readonly<Record<PullStatus, string>> = {
  FOUND: 'FOUND',
  NO_NEW_MSG: 'OFFSET_OVERFLOW_ONE',
  NO_MATCHED_MSG: 'NO_MATCHED_MESSAGE',
  OFFSET_ILLEGAL: 'OFFSET_OVERFLOW_BADLY',
};

function statusOfCode(code: number): PullStatus | undefined {
  switch (code) {
    case ResponseCode.SUCCESS:
      return 'FOUND';
    case ResponseCode.PULL_NOT_FOUND:
      return 'NO_NEW_MSG';
    case ResponseCode.PULL_RETRY_IMMEDIATELY:
      return 'NO_MATCHED_MSG';
    case ResponseCode.PULL_OFFSET_MOVED:
      return 'OFFSET_ILLEGAL';
    default:
      return undefined;
  }
}

export const pullMessage: RequestType<PullMessageRequest, PullMessageReply> = {
  code: RequestCode.PULL_MESSAGE,

  encode: (request) => {
    const extFields: Record<string, string> = {
      consumerGroup: request.consumerGroup,
      topic: request.topic,
      queueId: String(request.queueId),
      queueOffset: String(request.queueOffset),
      maxMsgNums: String(request.maxMsgNums),
      sysFlag: String(request.sysFlag),
      commitOffset: String(request.commitOffset),
      suspendTimeoutMillis: String(request.suspendTimeoutMillis),
      subVersion: String(request.subVersion),
    };
    if (request.subscription !== undefined) extFields['subscription'] = request.subscription;
    if (request.expressionType !== undefined) extFields['expressionType'] = request.expressionType;
    if (request.maxMsgBytes !== undefined) extFields['maxMsgBytes'] = String(request.maxMsgBytes);
    if (request.brokerName !== undefined) extFields['bname'] = request.brokerName;
    return { code: RequestCode.PULL_MESSAGE, extFields };
  },

  decode: ({ extFields }) => ({
    consumerGroup: requireText(extFields, 'consumerGroup'),
    topic: requireText(extFields, 'topic'),
    queueId: requireInteger(extFields, 'queueId'),
    queueOffset: requireInteger(extFields, 'queueOffset'),
    maxMsgNums: requireInteger(extFields, 'maxMsgNums'),
    sysFlag: requireInteger(extFields, 'sysFlag'),
    commitOffset: requireInteger(extFields, 'commitOffset'),
    suspendTimeoutMillis: requireInteger(extFields, 'suspendTimeoutMillis'),
    subscription: extFields['subscription'],
    subVersion: requireVersion(extFields),
    expressionType: extFields['expressionType'],
    maxMsgBytes: optionalInteger(extFields, 'maxMsgBytes'),
    brokerName: extFields['bname'],
  }),

  encodeReply: (reply) => ({
    code: CODE_OF_STATUS[reply.status],
    remark: reply.remark ?? REMARK_OF_STATUS[reply.status],
    extFields: {
      suggestWhichBrokerId: String(reply.suggestWhichBrokerId),
      nextBeginOffset: String(reply.nextBeginOffset),
      minOffset: String(reply.minOffset),
      maxOffset: String(reply.maxOffset),
      offsetDelta: reply.offsetDelta?.toString(),
      topicSysFlag: reply.topicSysFlag?.toString(),
      groupSysFlag: reply.groupSysFlag?.toString(),
    },
    body: reply.body,
  }),

  decodeReply: (command) => {
    const status = statusOfCode(command.code);
    if (status === undefined) throw brokerError(RequestCode.PULL_MESSAGE, command);
    const { extFields } = command;
    return {
      status,
      nextBeginOffset: requireInteger(extFields, 'nextBeginOffset'),
      minOffset: requireInteger(extFields, 'minOffset'),
      maxOffset: requireInteger(extFields, 'maxOffset'),
      suggestWhichBrokerId: requireInteger(extFields, 'suggestWhichBrokerId'),
      offsetDelta: optionalInteger(extFields, 'offsetDelta'),
      topicSysFlag: optionalInteger(extFields, 'topicSysFlag'),
      groupSysFlag: optionalInteger(extFields, 'groupSysFlag'),
      body: command.body,
      remark: command.remark,
    };
  },
};

/** What changes from one pull of a queue to the next. */
export type PullPosition = Pick<PullMessageRequest, 'queueOffset' | 'sysFlag' | 'commitOffset'>;

/** The pulls of one queue for one subscription. All but three of their fields stay the same: their text is made once. */
export class PullRequests {
  readonly #constant: Omit<PullMessageRequest, keyof PullPosition>;
  readonly #constantText: string;

  constructor(constant: Omit<PullMessageRequest, keyof PullPosition>) {
    this.#constant = constant;
    const { extFields } = pullMessage.encode({ ...constant, queueOffset: 0, sysFlag: 0, commitOffset: 0 });
    const { queueOffset: _queueOffset, sysFlag: _sysFlag, commitOffset: _commitOffset, ...rest } = extFields ?? {};
    this.#constantText = jsonMembers(rest as ExtFields);
  }

  encode(position: PullPosition): RequestCommand {
    return new PullCommand(this, position);
  }

  fieldsText({ queueOffset, sysFlag, commitOffset }: PullPosition): string {
    return `"queueOffset":"${queueOffset}","sysFlag":"${sysFlag}","commitOffset":"${commitOffset}",${this.#constantText}`;
  }

  fields(position: PullPosition): ExtFields {
    return (pullMessage.encode({ ...this.#constant, ...position }).extFields ?? {}) as ExtFields;
  }
}

/** The same as {@link pullMessage} has it, made when it is sent: thousands a second wait for their answers. */
class PullCommand implements RequestCommand {
  readonly code = RequestCode.PULL_MESSAGE;
  readonly #requests: PullRequests;
  readonly #position: PullPosition;

  constructor(requests: PullRequests, position: PullPosition) {
    this.#requests = requests;
    this.#position = position;
  }

  get fieldsText(): string {
    return this.#requests.fieldsText(this.#position);
  }

  /** For who signs the fields, or writes them in the binary form. */
  get extFields(): ExtFields {
    return this.#requests.fields(this.#position);
  }
}

/** The Go client counts nanoseconds: past 2^53 - 1 the nearest number will do, as in a heartbeat's subscription. */
function requireVersion(fields: ExtFields): number {
  const text = requireText(fields, 'subVersion');
  return /^\d{16,19}$/.test(text) ? Number(text) : requireInteger(fields, 'subVersion');
}
