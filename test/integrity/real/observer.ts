import type { MessageQueue } from '../../../lib/index.js';
import { getConsumerListByGroup } from '../../../lib/protocol/requests/get-consumer-list-by-group.js';
import { getMaxOffset } from '../../../lib/protocol/requests/get-max-offset.js';
import { lockBatchMq } from '../../../lib/protocol/requests/lock-batch-mq.js';
import { queryConsumerOffset } from '../../../lib/protocol/requests/query-consumer-offset.js';
import type { RequestType } from '../../../lib/protocol/requests/request-type.js';
import { unlockBatchMq } from '../../../lib/protocol/requests/unlock-batch-mq.js';
import { RawConnection } from '../../support/raw-connection.js';
import { monotonicMicros, type History } from './history.js';

const PATIENCE_MS = 3_000;

/** Connections of its own to the masters, to look at what they have; brokers may come and go. */
export class Observer {
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #connections = new Map<string, Promise<RawConnection>>();

  constructor(brokers: readonly { readonly name: string; readonly address: string }[]) {
    this.#addresses = new Map(brokers.map(({ name, address }) => [name, address]));
  }

  /** Notes the committed offset of each queue that can be asked for. */
  async look(group: string, queues: readonly MessageQueue[], history: Pick<History, 'stored'>): Promise<void> {
    const looks = queues.map(async ({ topic, brokerName, queueId }) => {
      const askedAt = monotonicMicros();
      const request = { consumerGroup: group, topic, queueId, setZeroIfNotFound: false };
      const { offset } = await this.#ask(brokerName, queryConsumerOffset, request);
      history.stored.push({ queue: `${brokerName}#${queueId}`, askedAt, at: monotonicMicros(), offset });
    });
    await Promise.allSettled(looks);
  }

  /** The offset the next message of the queue will have. */
  async maxOffset({ topic, brokerName, queueId }: MessageQueue): Promise<number> {
    return (await this.#ask(brokerName, getMaxOffset, { topic, queueId })).offset;
  }

  /** Takes and gives back every lock in somebody else's name; returns the queues that could not be had. */
  async notFree(group: string, queues: readonly MessageQueue[]): Promise<MessageQueue[]> {
    const kept: MessageQueue[] = [];
    for (const broker of new Set(queues.map(({ brokerName }) => brokerName))) {
      const ofBroker = queues.filter(({ brokerName }) => brokerName === broker);
      const request = { clientId: 'somebody-else', consumerGroup: group, queues: ofBroker };
      const { lockedQueues } = await this.#ask(broker, lockBatchMq, request);
      await this.#ask(broker, unlockBatchMq, request);
      kept.push(...ofBroker.filter(({ queueId }) => !lockedQueues.some((locked) => locked.queueId === queueId)));
    }
    return kept;
  }

  /** How many members of the group the broker that knows most of them knows. */
  async memberCount(consumerGroup: string): Promise<number> {
    const lists = [...this.#addresses.keys()].map((broker) =>
      this.#ask(broker, getConsumerListByGroup, { consumerGroup }),
    );
    return Math.max(...(await Promise.all(lists)).map(({ consumerIds }) => consumerIds.length));
  }

  async close(): Promise<void> {
    for (const connection of this.#connections.values()) {
      await connection.then((open) => open.close()).catch(() => undefined);
    }
  }

  async #ask<Request, Reply>(broker: string, type: RequestType<Request, Reply>, request: Request): Promise<Reply> {
    let connection = this.#connections.get(broker);
    if (connection === undefined) {
      connection = RawConnection.connect(this.#addresses.get(broker) ?? '');
      this.#connections.set(broker, connection);
    }
    const { code, extFields, body } = type.encode(request);
    try {
      const reply = await (
        await connection
      ).request({
        code,
        timeoutMs: PATIENCE_MS,
        ...(extFields !== undefined && { ext: extFields }),
        ...(body !== undefined && { body }),
      });
      return type.decodeReply(reply);
    } catch (error) {
      // It may be the connection; the next one who asks makes another.
      if (this.#connections.get(broker) === connection) this.#connections.delete(broker);
      connection.then((open) => open.close()).catch(() => undefined);
      throw error;
    }
  }
}
