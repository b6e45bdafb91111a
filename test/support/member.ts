/**
 * A member of a consumer group in a process of its own, to be joined, left and killed. Writes one line per event into
 * its log, synchronously, so that a killed process leaves nothing unsaid:
 *
 *     ready
 *     own   BROKER QUEUE OFFSET TIME
 *     reset BROKER QUEUE OFFSET TIME
 *     free  BROKER QUEUE TIME
 *     lost  BROKER QUEUE TIME
 *     call  BROKER QUEUE OFFSET BEGIN END BODY
 *     closed TIME
 *
 * With `begins` a call has two lines, so that one is seen that was never finished; the answer is done or again:
 *
 *     begin BROKER QUEUE OFFSET TIME BODY
 *     end   BROKER QUEUE OFFSET TIME ANSWER
 *
 * Times are those of the machine's monotonic clock, in microseconds, and so comparable between processes. On SIGTERM the
 * consumer is closed, and the process ends by itself: what the consumer left behind would keep it.
 *
 *     member.ts '{"namesrvAddr","group","topic","log","listenerMs"?,"waitMs"?,"failEvery"?,"begins"?,"consumer"?}'
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { OrderedConsumer, type ListenerAnswer, type MessageExt } from '../../lib/index.js';
import type { MemberOptions } from './member-process.js';

const { namesrvAddr, group, topic, log, ...options } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
const { listenerMs = 0, waitMs = 0, failEvery = 0, begins = false, consumer: more } = options;
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
consumer.on('queueLost', ({ messageQueue: { topic: of, brokerName, queueId } }) => {
  if (of === topic) write('lost', brokerName, queueId, now());
});
consumer.on('offsetReset', ({ messageQueue: { topic: of, brokerName, queueId }, offset }) => {
  if (of === topic) write('reset', brokerName, queueId, offset, now());
});
consumer.on('error', (error) => write('#', error.code, error.message.replaceAll('\n', ' ')));

function work(): void {
  // Some work, without giving way: what a busy service does, and the shortest time in which two owners could overlap.
  for (const until = performance.now() + listenerMs; performance.now() < until;);
}

function consume(messages: readonly MessageExt[]): void {
  for (const message of messages) {
    const begin = now();
    work();
    write('call', message.brokerName, message.queueId, message.queueOffset, begin, now(), message.body.toString());
  }
}

/** A call that gives way while it waits, and asks for every so manieth message once again. */
async function consumeSlowly([message]: readonly MessageExt[]): Promise<ListenerAnswer> {
  if (message === undefined) return 'SUCCESS';
  const { brokerName, queueId, queueOffset, reconsumeTimes } = message;
  write('begin', brokerName, queueId, queueOffset, now(), message.body.toString());
  work();
  if (waitMs > 0) await sleep(waitMs);
  const again = failEvery > 0 && queueOffset % failEvery === failEvery - 1 && reconsumeTimes === 0;
  write('end', brokerName, queueId, queueOffset, now(), again ? 'again' : 'done');
  return again ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
}

await consumer.start(begins ? consumeSlowly : consume);
write('ready');
process.on('SIGTERM', () => {
  consumer.close().then(
    () => write('closed', now()),
    () => process.exit(1),
  );
});
