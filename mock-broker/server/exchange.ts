import { ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';
import { isOneway } from '../../lib/protocol/command.js';
import type { FaultAction } from '../faults.js';
import type { Connection } from './connection.js';

/** One request on its way through the mock: where it came from, and how to answer it. */
export class Exchange {
  readonly connection: Connection;
  readonly command: RemotingCommand;
  readonly #action: FaultAction | undefined;

  constructor(connection: Connection, command: RemotingCommand, action: FaultAction | undefined) {
    this.connection = connection;
    this.command = command;
    this.#action = action;
  }

  /** Answers; a one-way request is never answered, whatever its handler says. */
  respond(response: ResponseCommand): void {
    if (isOneway(this.command)) {
      if (this.#action?.type === 'close') this.connection.close();
      return;
    }
    this.connection.respond(this.command, response, this.#action);
  }
}

/** A handler's answer; undefined when it answers later, or not at all. */
export type Handler<Server> = {
  readonly code: number;
  handle(server: Server, exchange: Exchange): ResponseCommand | undefined;
};

/** The answer to a code nobody handles. The leading space is the reference's. */
export function notSupported(code: number): ResponseCommand {
  return { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${code} not supported` };
}
