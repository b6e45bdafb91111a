import createDebug from 'debug';
import { requestCodeName, ResponseCode } from '../protocol/codes.js';
import { isOneway, type RemotingCommand, type ResponseCommand } from '../protocol/command.js';

const log = createDebug('rocketmq:remoting');

/** Where a request of a peer came from. */
export interface RequestSource {
  /** The address its connection was made to. */
  readonly address: string;
}

/**
 * Serves one code of the requests that peers send on this client's connections. What it returns is the answer;
 * undefined answers with plain success. An error becomes code 1 with its message. A one-way request is never answered.
 */
export type RequestHandler = (
  command: RemotingCommand,
  source: RequestSource,
) => ResponseCommand | undefined | Promise<ResponseCommand | undefined>;

const SUCCESS: ResponseCommand = { code: ResponseCode.SUCCESS };

/** The handlers of one client, by request code. */
export class RequestHandlers {
  readonly #handlers = new Map<number, RequestHandler>();

  /** Replaces the handler of a code. */
  set(code: number, handler: RequestHandler): void {
    this.#handlers.set(code, handler);
  }

  /** Serves a request, then calls `answer` unless it is one-way. Never throws. */
  serve(command: RemotingCommand, source: RequestSource, answer: (response: ResponseCommand) => void): void {
    const settle = (response: ResponseCommand): void => {
      if (isOneway(command)) return;
      try {
        answer(response);
      } catch (error) {
        // The handler's answer can't be encoded; this one can.
        answer(failure(error));
      }
    };
    const handler = this.#handlers.get(command.code);
    if (handler === undefined) {
      log('%s sent %s, which is not supported', source.address, requestCodeName(command.code));
      settle({
        code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
        // The reference's own words, leading blank included.
        remark: ` request type ${command.code} not supported`,
      });
      return;
    }
    const failed = (error: unknown): void => {
      log('the handler of %s from %s failed: %O', requestCodeName(command.code), source.address, error);
      settle(failure(error));
    };
    let result: ReturnType<RequestHandler>;
    try {
      result = handler(command, source);
    } catch (error) {
      failed(error);
      return;
    }
    if (result instanceof Promise) result.then((response) => settle(response ?? SUCCESS), failed);
    else settle(result ?? SUCCESS);
  }
}

function failure(error: unknown): ResponseCommand {
  return { code: ResponseCode.SYSTEM_ERROR, remark: error instanceof Error ? error.message : String(error) };
}
