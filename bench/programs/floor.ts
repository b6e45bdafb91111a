import { connect } from 'node:net';
import { Arguments } from './arguments.js';
import { Meter, printResult } from './meter.js';

/**
 * The floor: what any client must do at least. One connection; one pull of each queue under way at any time; each answer
 * is cut out of the stream, its header parsed, its records counted, and the next pull sent. Nothing is decoded, locked,
 * handed to anybody or committed. Written against the protocol alone, with nothing of the library.
 *
 *     floor.js broker=host:port topic=.. queues=8 messages=.. [batch=32]
 */
const args = new Arguments(process.argv.slice(2));
const [host = '', port = ''] = args.text('broker').split(':');
const topic = args.text('topic');
const queues = args.number('queues');
const wanted = args.number('messages');
const batch = args.number('batch', 32);
const group = args.text('group', 'floor');

const LONG_POLL = 2;
const SUBSCRIPTION = 4;

const meter = new Meter({ loopDelay: true });
let count = 0;
const socket = connect({ host, port: Number(port), noDelay: true });

function pull(queueId: number, offset: number): void {
  const header =
    `{"code":11,"flag":0,"language":"OTHER","opaque":${queueId},"serializeTypeCurrentRPC":"JSON","version":477,` +
    `"extFields":{"consumerGroup":"${group}","topic":"${topic}","queueId":"${queueId}","queueOffset":"${offset}",` +
    `"maxMsgNums":"${batch}","sysFlag":"${LONG_POLL | SUBSCRIPTION}","commitOffset":"0",` +
    `"suspendTimeoutMillis":"15000","subscription":"*","subVersion":"0","expressionType":"TAG"}}`;
  const frame = Buffer.allocUnsafe(8 + header.length);
  frame.writeInt32BE(4 + header.length, 0);
  frame.writeInt32BE(header.length, 4);
  frame.write(header, 8, 'latin1');
  socket.write(frame);
}

interface PullHeader {
  readonly code: number;
  readonly opaque: number;
  readonly remark?: string;
  readonly extFields?: { readonly nextBeginOffset?: string };
}

/** @param start after the length field */
function onFrame(bytes: Buffer, start: number, end: number): void {
  const bodyAt = start + 4 + (bytes.readInt32BE(start) & 0xffffff);
  const header = JSON.parse(bytes.toString('latin1', start + 4, bodyAt)) as PullHeader;
  const next = header.extFields?.nextBeginOffset;
  if (next === undefined) throw new Error(`the pull was answered with ${header.code}: ${header.remark ?? ''}`);
  pull(header.opaque, Number(next));
  if (count === 0 && bodyAt < end) meter.first();
  for (let at = bodyAt; at < end; at += bytes.readInt32BE(at)) count++;
  if (count >= wanted) {
    printResult(meter.last(count));
    process.exit(0);
  }
}

let partial: Buffer | undefined;
let filled = 0;
const length = Buffer.alloc(4);
let lengthFilled = 0;

socket.on('connect', () => {
  socket.cork();
  for (let queueId = 0; queueId < queues; queueId++) pull(queueId, 0);
  socket.uncork();
});
socket.on('data', (chunk: Buffer) => {
  socket.cork();
  let at = 0;
  while (at < chunk.length) {
    if (partial !== undefined) {
      const taken = chunk.copy(partial, filled, at);
      filled += taken;
      at += taken;
      if (filled < partial.length) break;
      const frame = partial;
      partial = undefined;
      onFrame(frame, 0, frame.length);
      continue;
    }
    if (lengthFilled > 0 || chunk.length - at < 4) {
      const taken = chunk.copy(length, lengthFilled, at, at + 4 - lengthFilled);
      lengthFilled += taken;
      at += taken;
      if (lengthFilled < 4) break;
      lengthFilled = 0;
    } else {
      chunk.copy(length, 0, at, at + 4);
      at += 4;
    }
    const size = length.readInt32BE(0);
    if (chunk.length - at >= size) {
      onFrame(chunk, at, at + size);
      at += size;
    } else {
      partial = Buffer.allocUnsafeSlow(size);
      filled = 0;
    }
  }
  process.nextTick(() => socket.uncork());
});
socket.on('error', (error) => {
  throw error;
});
