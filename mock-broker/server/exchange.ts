import { ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';
import { isOneway } from '../../lib/protocol/command.js';
import type { ActiveFault } from '../faults/active-fault.js';
import type { RequestNote } from '../journal-entry.js';
import type { Connection } from './connection.js';

/** One request on its way through the mock: where it came from, and how to answer it. */
export class Exchange {
  readonly connection: Connection;
  readonly command: RemotingCommand;
  /** What is to go wrong with it. */
  readonly fault: ActiveFault | undefined;
  /** Its entry in the journal, if one is kept. */
  readonly note: RequestNote | undefined;
  #rewrite: ((response: ResponseCommand) => ResponseCommand) | undefined;

  constructor(
    connection: Connection,
    command: RemotingCommand,
    fault: ActiveFault | undefined,
    note: RequestNote | undefined,
  ) {
    this.connection = connection;
    this.command = command;
    this.fault = fault;
    this.note = note;
  }

  /** Has the answer changed before it is sent, whenever that is. */
  rewriteReply(rewrite: (response: ResponseCommand) => ResponseCommand): void {
    this.#rewrite = rewrite;
  }

  /** Answers; a one-way request is never answered, whatever its handler says. */
  respond(response: ResponseCommand): void {
    const answer = this.#rewrite === undefined ? response : this.#rewrite(response);
    if (!isOneway(this.command)) return this.connection.respond(this, answer);
    this.note?.settle(answer);
    if (this.fault?.rule.action.type === 'close') this.connection.close();
  }
}

/** A handler's answer; undefined when it answers later, or not at all. */
export type Handler<Server> = {
  readonly code: number;
  /** The protocol version whose brokers were the first to have it. */
  readonly since?: number;
  handle(server: Server, exchange: Exchange): ResponseCommand | undefined;
};

/** The answer to a code nobody handles. The leading space is the reference's. */
export function notSupported(code: number): ResponseCommand {
  return { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${code} not supported` };
}
