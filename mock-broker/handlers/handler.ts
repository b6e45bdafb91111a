import type { ResponseCommand } from '../../lib/protocol/command.js';
import type { BrokerState } from '../broker-state.js';
import type { Handler } from '../server/exchange.js';

export type BrokerHandler = Handler<BrokerState>;

/** The remark of answers that nobody gave one to: the reference's own words, also when all is well. */
export const NO_REMARK = 'not set any response code';

/** An answer that is no success. */
export function refuse(code: number, remark: string): ResponseCommand {
  return { code, remark };
}
