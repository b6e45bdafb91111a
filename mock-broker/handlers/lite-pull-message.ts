import { RequestCode } from '../../lib/protocol/codes.js';
import type { BrokerHandler } from './handler.js';
import { pullMessageHandler } from './pull-message.js';

/** LITE_PULL_MESSAGE (361): a pull under the code of consumers that assign queues to themselves. */
export const litePullMessageHandler: BrokerHandler = { ...pullMessageHandler, code: RequestCode.LITE_PULL_MESSAGE };
