import { Arguments } from './arguments.js';
import { BareConnection, nextOffsetOf } from './bare-connection.js';
import { Meter, printResult } from './meter.js';

/**
 * The floor: what any client must do at least. One connection to each broker; one pull of each queue under way at any
 * time; each answer is cut out of the stream, its header parsed, its records counted, and the next pull sent. Nothing is
 * decoded, locked, handed to anybody or committed.
 *
 *     floor.js brokers=host:port,.. topic=.. queues=(on each) messages=.. [batch=32]
 */
const args = new Arguments(process.argv.slice(2));
const topic = args.text('topic');
const queues = args.number('queues');
const wanted = args.number('messages');
const maxMessages = args.number('batch', 32);
const group = args.text('group', 'floor');

const meter = new Meter({ loopDelay: true });
let count = 0;

for (const address of args.text('brokers').split(',')) {
  const connection: BareConnection = new BareConnection(
    address,
    () => {
      for (let queueId = 0; queueId < queues; queueId++) {
        connection.pull({ group, topic, queueId, offset: 0, maxMessages });
      }
    },
    (header, bytes, start, end) => {
      connection.pull({ group, topic, queueId: header.opaque, offset: nextOffsetOf(header), maxMessages });
      if (count === 0 && start < end) meter.first();
      for (let at = start; at < end; at += bytes.readInt32BE(at)) count++;
      if (count >= wanted) {
        printResult(meter.last(count));
        process.exit(0);
      }
    },
  );
}
