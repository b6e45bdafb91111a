import { Producer, type MessageQueue, type ProducerMessage } from '../../lib/index.js';

export interface LoadPlan {
  readonly namesrvAddr: string;
  readonly topic: string;
  readonly messages: number;
  /** Bytes of each body. */
  readonly size: number;
  readonly queues: readonly MessageQueue[];
  /** Called now and then with how many are stored. */
  readonly progress?: (stored: number) => void;
}

const BATCH = 200;

/** Fills a topic evenly: each queue gets the same number of messages, each with a tag, a key and a sharding key. */
export async function load(plan: LoadPlan): Promise<void> {
  const { topic, messages, size, queues } = plan;
  await using producer = new Producer({ namesrvAddr: plan.namesrvAddr, sendMsgTimeout: 30_000 });
  await producer.start();
  const body = Buffer.alloc(size, 'rocketmq-ordered ');
  const perQueue = Math.ceil(messages / queues.length);
  let stored = 0;
  await Promise.all(
    queues.map(async (queue) => {
      for (let sent = 0; sent < perQueue;) {
        const batch: ProducerMessage[] = [];
        for (; batch.length < BATCH && sent < perQueue; sent++) {
          const key = `order-${queue.queueId}-${sent}`;
          batch.push({ topic, body, tags: 'Created', keys: key, shardingKey: `order-${queue.queueId}` });
        }
        await producer.sendBatch(batch, { queue });
        stored += batch.length;
        plan.progress?.(stored);
      }
    }),
  );
}
