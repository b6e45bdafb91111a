import type { RemotingCommand, ResponseCommand } from '../command.js';
import { ResponseCode } from '../codes.js';
import { requireSuccess } from './request-type.js';

/** For requests whose successful answer says nothing but that. */

export function encodeEmptyReply(): ResponseCommand {
  return { code: ResponseCode.SUCCESS };
}

/** The `decodeReply` of a request with an empty reply. */
export function decodeEmptyReply(requestCode: number): (command: RemotingCommand) => void {
  return (command) => {
    requireSuccess(requestCode, command);
  };
}

/** For one-way requests: nobody answers them, so a reply that comes all the same is not looked at. */
export function ignoreReply(): void {}
