import { Producer, type ProducerMessage } from '../../lib/index.js';
import { Arguments } from './arguments.js';
import { Meter, printResult } from './meter.js';

/** What a program that sends reports. Times in milliseconds, memory in bytes. */
export interface ProduceResult {
  readonly messages: number;
  /** From the first send to the last answer. */
  readonly wallMs: number;
  /** Processor time of the whole process in that span. */
  readonly cpuMs: number;
  readonly peakRss: number;
}

/**
 * Sends with sharding keys, so many at a time, and waits for their answers before it sends the next.
 *
 *     produce.js namesrv=host:port topic=.. messages=.. [size=512] [keys=64] [inFlight=100]
 */
const args = new Arguments(process.argv.slice(2));
const topic = args.text('topic');
const wanted = args.number('messages');
const keys = args.number('keys', 64);
const inFlight = args.number('inFlight', 100);
const body = Buffer.alloc(args.number('size', 512), 'rocketmq-ordered ');

function message(number: number): ProducerMessage {
  const shardingKey = `order-${number % keys}`;
  return { topic, body, tags: 'Created', keys: `${shardingKey}-${number}`, shardingKey };
}

const producer = new Producer({ namesrvAddr: args.text('namesrv') });
await producer.start();
// The route and the connection belong to the start.
await producer.send(message(0));

const meter = new Meter({ loopDelay: false });
meter.first();
for (let sent = 0; sent < wanted;) {
  const answers: Promise<unknown>[] = [];
  for (; answers.length < inFlight && sent < wanted; sent++) answers.push(producer.send(message(sent)));
  await Promise.all(answers);
}
const result: ProduceResult = meter.last(wanted);
await producer.close();
printResult(result);
