/**
 * The life of some thousands of orders, consumed in order: sent over 8 queues by order number, consumed by two consumers
 * of one group of which the second joins midway and the first leaves later, with a listener that now and then fails
 * and, for some orders, never succeeds. Ends with a table; any order violation or lost message makes it fail.
 *
 *     npm run demo                             against the bundled mock cluster
 *     npm run demo -- --namesrv HOST:PORT      against a real one
 */
import { Command, InvalidArgumentError } from 'commander';
import { OrderedConsumer, Producer, type MessageExt, type MessageQueue } from '../lib/index.js';
import { MockCluster } from '../mock-broker/index.js';
import { OrderBook } from './order-book.js';
import { Progress } from './progress.js';

const STEPS = ['Created', 'Paid', 'Packed', 'Shipped', 'Delivered'] as const;
const QUEUES = 8;
const MAX_RECONSUME_TIMES = 2;

const options = new Command('order-lives')
  .description('Send the lives of some thousands of orders and consume them in order.')
  .option('--namesrv <addresses>', 'name servers of a real cluster, host:port;host:port (default: a mock cluster)')
  .option('--orders <n>', 'how many orders', positiveInteger, 3_000)
  .option('--rate <n>', 'messages sent a second', positiveInteger, 2_000)
  .parse()
  .opts<{ namesrv?: string; orders: number; rate: number }>();

const run = Date.now().toString(36);
const topic = `OrderLives-${run}`;
const consumerGroup = `order-lives-${run}`;
const total = options.orders * STEPS.length;

const cluster =
  options.namesrv === undefined ? await MockCluster.start({ topics: { [topic]: { queues: QUEUES } } }) : undefined;
const namesrvAddr = options.namesrv ?? (cluster as MockCluster).namesrvAddr;
console.log(
  `${cluster === undefined ? 'cluster' : 'mock cluster'} at ${namesrvAddr}, topic ${topic}, ${total} messages\n`,
);

const book = new OrderBook(STEPS.length);
const progress = new Progress(total, book);
const producer = new Producer({ namesrvAddr, defaultTopicQueueNums: QUEUES });
await producer.start();

function consumerNamed(name: string): OrderedConsumer {
  const consumer = new OrderedConsumer({
    namesrvAddr,
    consumerGroup,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    maxReconsumeTimes: MAX_RECONSUME_TIMES,
    suspendCurrentQueueTimeMillis: 50,
  });
  consumer.subscribe(topic, STEPS.join(' || '));
  consumer.on('deadLetter', ({ message }) => book.deadLettered(...orderOf(message)));
  consumer.on('error', (error) => {
    // What the listener throws is part of the show, and counted as a redelivery.
    if (error.code !== 'ERR_ROCKETMQ_LISTENER') progress.note(`${name}: ${error.code} ${error.message}`);
  });
  return consumer;
}

function listenerOf(name: string) {
  return async ([message]: readonly MessageExt[], { messageQueue }: { messageQueue: MessageQueue }) => {
    if (message === undefined) return undefined;
    const [order, step] = orderOf(message);
    const delivery = book.delivered(name, messageQueue, order, step);
    try {
      await Promise.resolve();
      // One order in 500 can never be packed; one delivery in 200 fails once and succeeds when it comes again.
      if (order % 500 === 499 && step === 2) return 'SUSPEND_CURRENT_QUEUE_A_MOMENT' as const;
      if (message.reconsumeTimes === 0 && delivery % 200 === 199) throw new Error('the database is busy');
      book.completed(order, step);
      return 'SUCCESS' as const;
    } finally {
      book.answered(messageQueue);
    }
  };
}

function orderOf(message: MessageExt): [order: number, step: number] {
  return [Number(message.shardingKey), STEPS.indexOf(message.tags as (typeof STEPS)[number])];
}

const alpha = consumerNamed('alpha');
const beta = consumerNamed('beta');
try {
  const sending = sendAll();
  await book.whenSent(1);
  await alpha.start(listenerOf('alpha'));
  await book.whenSent(total * 0.3);
  progress.note('beta joins');
  await beta.start(listenerOf('beta'));
  await book.whenSent(total * 0.7);
  progress.note('alpha leaves');
  await alpha.close();
  await sending;
  await book.whenFinished(total);
} finally {
  progress.stop();
  await Promise.all([alpha.close(), beta.close(), producer.close()]);
  await cluster?.stop();
}

const table = book.summary();
console.log();
for (const [name, value] of Object.entries(table)) console.log(`${name.padEnd(24)}${String(value).padStart(12)}`);
process.exitCode = table['order violations'] === 0 && table.lost === 0 ? 0 : 1;

/** Every order's steps in turn, at an even pace; the producer keeps the steps of one order in order by itself. */
async function sendAll(): Promise<void> {
  const startedAt = performance.now();
  const batch = Math.max(1, Math.round(options.rate / 50));
  const sends: Promise<unknown>[] = [];
  let sent = 0;
  // Orders overlap: while one is shipped, others are created.
  for (let wave = 0; wave < options.orders + STEPS.length * 40; wave++) {
    for (let step = 0; step < STEPS.length; step++) {
      const order = wave - step * 40;
      if (order < 0 || order >= options.orders) continue;
      const tags = STEPS[step] as string;
      const body = Buffer.from(JSON.stringify({ order, step: tags }));
      sends.push(
        producer
          .send({ topic, tags, keys: [`o-${order}`], shardingKey: String(order), body })
          .then(() => book.sentOne()),
      );
      sent++;
      if (sent % batch === 0) {
        await Promise.all(sends.splice(0));
        const ahead = (sent / options.rate) * 1_000 - (performance.now() - startedAt);
        if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
      }
    }
  }
  await Promise.all(sends);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a positive integer is needed');
  return value;
}
