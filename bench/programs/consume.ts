import type { MessageExt, MessageListenerOrderly } from '../../lib/index.js';
import { Arguments } from './arguments.js';
import { consumerOf } from './consumer.js';
import { Meter, printResult } from './meter.js';

/**
 * Drains a topic with an OrderedConsumer at its default options, in a group of its own, from the first offset.
 *
 *     consume.js namesrv=host:port topic=.. group=.. messages=.. [listener=sync|async|read] [batch=1] [pullBatchSize=..]
 */
const args = new Arguments(process.argv.slice(2));
const wanted = args.number('messages');
const kind = args.text('listener', 'sync');
const pullBatchSize = args.number('pullBatchSize', 0);

const meter = new Meter({ loopDelay: true });
let count = 0;
let bytes = 0;
let finished = false;

function counted(messages: readonly MessageExt[]): void {
  if (count === 0) meter.first();
  count += messages.length;
  // A topic may hold more than is wanted; what comes until the consumer is closed does not count.
  if (count < wanted || finished) return;
  finished = true;
  const result = meter.last(count);
  // The last answer still has to be settled and committed: that belongs to the work, not to the time.
  setImmediate(() => {
    void consumer.close().then(() => {
      printResult({ ...result, bytes });
    });
  });
}

const listeners: Readonly<Record<string, MessageListenerOrderly>> = {
  sync: (messages) => {
    counted(messages);
    return 'SUCCESS';
  },
  async: (messages) => {
    counted(messages);
    return Promise.resolve('SUCCESS' as const);
  },
  read: (messages) => {
    for (const message of messages) {
      bytes += message.body.length;
      for (const name in message.properties) bytes += (message.properties[name] as string).length;
    }
    counted(messages);
    return 'SUCCESS';
  },
};
const listener = listeners[kind];
if (listener === undefined) throw new Error(`listener=${kind} is none of ${Object.keys(listeners).join(', ')}`);

const consumer = consumerOf(args, {
  consumeMessageBatchMaxSize: args.number('batch', 1),
  ...(pullBatchSize > 0 && { pullBatchSize }),
});
await consumer.start(listener);
