import type { ClientInstance } from '../../client/client-instance.js';
import type { ResolvedConsumerOptions } from '../../options.js';
import type { MessageQueue } from '../../protocol/message-queue.js';
import { BrokerOffsetStore } from './broker-offset-store.js';
import { LocalFileOffsetStore } from './local-file-offset-store.js';
import { LocalOffsetFile } from './local-offset-file.js';
import type { OffsetStore } from './offset-store.js';

/** Clustering keeps offsets at the broker, broadcasting in a file of this client and group. */
export function createOffsetStore(
  client: ClientInstance,
  consumerGroup: string,
  options: ResolvedConsumerOptions,
  writeEnd: (queue: MessageQueue) => number,
): OffsetStore {
  if (options.messageModel === 'CLUSTERING') {
    return new BrokerOffsetStore(client, consumerGroup, options.strictConsumeFromWhere, writeEnd);
  }
  return new LocalFileOffsetStore(new LocalOffsetFile(options.localOffsetStoreDir, client.clientId, consumerGroup));
}
