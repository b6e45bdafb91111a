/**
 * A member of a consumer group in a process of its own, to be joined, left and killed. Writes one line per event into
 * its log, synchronously, so that a killed process leaves nothing unsaid:
 *
 *     ready
 *     own  BROKER QUEUE OFFSET TIME
 *     free BROKER QUEUE TIME
 *     call BROKER QUEUE OFFSET BEGIN END BODY
 *
 * Times are those of the machine's monotonic clock, in microseconds, and so comparable between processes.
 *
 *     member.ts '{"namesrvAddr","group","topic","log","listenerMs"?,"consumer"?}'
 */
import { openSync, writeSync } from 'node:fs';
import { OrderedConsumer, type OrderedConsumerOptions } from '../../lib/index.js';

const {
  namesrvAddr,
  group,
  topic,
  log,
  listenerMs,
  consumer: more,
} = JSON.parse(process.argv[2] ?? '{}') as {
  namesrvAddr: string;
  group: string;
  topic: string;
  log: string;
  listenerMs?: number;
  consumer?: Partial<OrderedConsumerOptions>;
};
const file = openSync(log, 'a');
const now = (): string => String(process.hrtime.bigint() / 1_000n);
const write = (...words: (string | number)[]): void => {
  writeSync(file, `${words.join(' ')}\n`);
};

const consumer = new OrderedConsumer({
  namesrvAddr,
  consumerGroup: group,
  consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  ...more,
});
consumer.subscribe(topic);
consumer.on('queueOwned', ({ messageQueue: { topic: of, brokerName, queueId }, offset }) => {
  if (of === topic) write('own', brokerName, queueId, offset, now());
});
consumer.on('queueReleased', ({ messageQueue: { topic: of, brokerName, queueId } }) => {
  if (of === topic) write('free', brokerName, queueId, now());
});
consumer.on('error', (error) => write('#', error.code, error.message.replaceAll('\n', ' ')));
await consumer.start((messages) => {
  for (const message of messages) {
    const begin = now();
    // Some work, without giving way: what a busy service does, and the shortest time in which two owners could overlap.
    for (const until = performance.now() + (listenerMs ?? 0); performance.now() < until;);
    write('call', message.brokerName, message.queueId, message.queueOffset, begin, now(), message.body.toString());
  }
});
write('ready');
process.on('SIGTERM', () => {
  consumer.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
