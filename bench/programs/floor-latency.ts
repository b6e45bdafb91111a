import { Arguments } from './arguments.js';
import { BareConnection, nextOffsetOf } from './bare-connection.js';
import { latencyResult, paced } from './paced.js';
import { printResult } from './meter.js';

/**
 * The floor of latency: bare connections, one that sends and one with a pull of each queue waiting. What is left is the
 * broker, the kernel and the time until Node looks.
 *
 *     floor-latency.js broker=host:port topic=.. queues=8 messages=.. [rate=300] [warmup=300]
 */
const args = new Arguments(process.argv.slice(2));
const address = args.text('broker');
const topic = args.text('topic');
const queues = args.number('queues');
const wanted = args.number('messages');
const warmUp = args.number('warmup', 300);
const intervalMs = 1000 / args.number('rate', 300);

/** Where a stored message of the first form, with IPv4 hosts, has its body: behind the body's length. */
const BODY_AT = 88;
const BODY_BYTES = 20;
const latencies: number[] = [];
let seen = 0;

const puller: BareConnection = new BareConnection(
  address,
  () => {
    for (let queueId = 0; queueId < queues; queueId++) pull(queueId, 0);
  },
  (header, bytes, start, end) => {
    const now = performance.now();
    pull(header.opaque, nextOffsetOf(header));
    for (let at = start; at < end; at += bytes.readInt32BE(at)) {
      if (++seen > warmUp) latencies.push(now - bytes.readDoubleBE(at + BODY_AT));
    }
    if (latencies.length === wanted) {
      printResult(latencyResult(latencies));
      process.exit(0);
    }
  },
);

function pull(queueId: number, offset: number): void {
  puller.pull({ group: 'floor', topic, queueId, offset, maxMessages: 32 });
}

const sender: BareConnection = new BareConnection(
  address,
  () =>
    void paced(warmUp + wanted, intervalMs, (index) => {
      const body = Buffer.alloc(BODY_BYTES);
      body.writeDoubleBE(performance.now());
      sender.send(topic, index % queues, index, index.toString().padStart(32, '0'), body);
    }),
  ({ code, remark }) => {
    if (code !== 0) throw new Error(`the send was answered with ${code}: ${remark ?? ''}`);
  },
);
