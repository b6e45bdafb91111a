import { lockBatchMq } from '../../lib/protocol/requests/lock-batch-mq.js';
import type { BrokerHandler } from './handler.js';

/** LOCK_BATCH_MQ (41): always a success; the answer lists what the client holds now. */
export const lockBatchMqHandler: BrokerHandler = {
  code: lockBatchMq.code,
  handle(broker, { command, connection }) {
    const { consumerGroup, clientId, queues } = lockBatchMq.decode(command);
    connection.clientId ??= clientId;
    return lockBatchMq.encodeReply({ lockedQueues: broker.locks.lock(consumerGroup, queues, clientId) });
  },
};
