import type { QueueOffset } from '../../lib/protocol/requests/offset-table.js';
import { stringifyOffsetTable } from '../../lib/protocol/requests/offset-table.js';

/**
 * The offsets that members of a group hold in memory.
 *
 *     body  {"consumerTable":{clientId:{MessageQueue:offset}},"messageQueueTable":{}}
 *
 * The inner keys are bare objects, see `stringifyMessageQueueMap`.
 */
export function encodeConsumerStatus(clients: ReadonlyMap<string, readonly QueueOffset[]>): Buffer {
  const tables = [...clients].map(([clientId, offsets]) => {
    return `${JSON.stringify(clientId)}:${stringifyOffsetTable(offsets)}`;
  });
  return Buffer.from(`{"consumerTable":{${tables.join(',')}},"messageQueueTable":{}}`);
}
