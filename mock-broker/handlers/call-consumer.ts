import { TimeoutError } from '../../lib/errors.js';
import { ResponseCode } from '../../lib/protocol/codes.js';
import type { RequestCommand } from '../../lib/protocol/command.js';
import type { BrokerState } from '../broker-state.js';
import type { Exchange } from '../server/exchange.js';

/** How long the reference waits for a client's answer. */
const CLIENT_TIMEOUT_MS = 10_000;

/** Passes an operator's request on to a member of a group, and the member's answer back. Answers later. */
export function callConsumer(
  broker: BrokerState,
  exchange: Exchange,
  target: { readonly group: string; readonly clientId: string },
  request: RequestCommand,
): void {
  const { group, clientId } = target;
  const channels = broker.members.group(group)?.channels ?? new Map<never, never>();
  const connection = [...channels].find(([, member]) => member.clientId === clientId)?.[0];
  if (connection === undefined) {
    const remark = `The Consumer <${group}> <${clientId}> not online`;
    return exchange.respond({ code: ResponseCode.SYSTEM_ERROR, remark });
  }
  connection.call(request, CLIENT_TIMEOUT_MS).then(
    ({ code, remark, extFields, body }) => exchange.respond({ code, remark, extFields, body }),
    (error: unknown) => {
      if (error instanceof TimeoutError) {
        const remark = `consumer <${group}> <${clientId}> Timeout: ${error.message}`;
        return exchange.respond({ code: ResponseCode.CONSUME_MSG_TIMEOUT, remark });
      }
      const reason = error instanceof Error ? error.message : String(error);
      const remark = `invoke consumer <${group}> <${clientId}> Exception: ${reason}`;
      exchange.respond({ code: ResponseCode.SYSTEM_ERROR, remark });
    },
  );
}
