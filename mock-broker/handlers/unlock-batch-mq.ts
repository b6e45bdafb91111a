import { unlockBatchMq } from '../../lib/protocol/requests/unlock-batch-mq.js';
import type { BrokerHandler } from './handler.js';

/** UNLOCK_BATCH_MQ (42): goes by the client id in it, not by the connection. */
export const unlockBatchMqHandler: BrokerHandler = {
  code: unlockBatchMq.code,
  handle(broker, { command, connection }) {
    const { consumerGroup, clientId, queues } = unlockBatchMq.decode(command);
    connection.clientId ??= clientId;
    broker.locks.unlock(consumerGroup, queues, clientId);
    return unlockBatchMq.encodeReply();
  },
};
