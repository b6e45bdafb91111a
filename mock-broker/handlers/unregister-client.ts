import { unregisterClient } from '../../lib/protocol/requests/unregister-client.js';
import type { BrokerHandler } from './handler.js';

/** UNREGISTER_CLIENT (35): goes by the connection, not by the client id in it. Locks are not touched. */
export const unregisterClientHandler: BrokerHandler = {
  code: unregisterClient.code,
  handle(broker, { command, connection }) {
    const { clientId, producerGroup, consumerGroup } = unregisterClient.decode(command);
    connection.clientId ??= clientId;
    if (producerGroup !== undefined) broker.members.unregisterProducer(connection, producerGroup);
    if (consumerGroup !== undefined) {
      const notify = broker.groups.find(consumerGroup)?.notifyConsumerIdsChangedEnable ?? true;
      broker.members.unregister(connection, consumerGroup, notify);
    }
    return unregisterClient.encodeReply();
  },
};
