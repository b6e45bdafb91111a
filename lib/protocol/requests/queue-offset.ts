import { requireInteger, requireSuccess } from './request-type.js';
import type { RemotingCommand, ResponseCommand } from '../command.js';
import { ResponseCode } from '../codes.js';

/** The reply of the requests that ask for an offset of a queue: `ext offset`. */
export interface QueueOffsetReply {
  readonly offset: number;
}

export function encodeOffsetReply(reply: QueueOffsetReply): ResponseCommand {
  return { code: ResponseCode.SUCCESS, extFields: { offset: String(reply.offset) } };
}

export function offsetReplyDecoder(requestCode: number): (command: RemotingCommand) => QueueOffsetReply {
  return (command) => ({ offset: requireInteger(requireSuccess(requestCode, command).extFields, 'offset') });
}
