import type { ResponseCommand } from '../../lib/protocol/command.js';
import type { BrokerState } from '../broker-state.js';
import type { Handler } from '../server/exchange.js';

export type BrokerHandler = Handler<BrokerState>;

/** An answer that is no success. */
export function refuse(code: number, remark: string): ResponseCommand {
  return { code, remark };
}
