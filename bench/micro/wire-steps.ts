import { decodeCommand, SerializeType } from '../../lib/protocol/command.js';
import { FrameDecoder, MAX_FRAME_LENGTH } from '../../lib/protocol/frame.js';
import { pullMessage, PullRequests } from '../../lib/protocol/requests/pull-message.js';
import { OutputBuffer } from '../../lib/remoting/output-buffer.js';
import { ReceiveBuffer } from '../../lib/remoting/receive-buffer.js';
import { RequestEncoder } from '../../lib/remoting/request-encoder.js';
import { BROKER, inForm, PULL_BATCH, pullStream, realPullReply, TOPIC } from './inputs.js';
import type { Step } from './step.js';

/** Pulls in one run of the steps that cut frames: their stream takes a few reads of 64 KiB. */
const STREAM_PULLS = 8;
/** What the kernel hands over at once. */
const READ_SIZE = 64 * 1024;

/** From bytes to headers, and from a pull to bytes. */
export function wireSteps(): Step[] {
  return [receiveBuffer(), frameDecoder(), jsonHeader(), binaryHeader(), pullReplyFields(), pullRequest()];
}

/** Takes in the copy that the kernel makes of what has come. */
function receiveBuffer(): Step {
  const stream = pullStream(STREAM_PULLS);
  const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
  let frames = 0;
  const onFrame = (frame: Buffer): void => {
    frames += frame.length;
  };
  const run = (): number => {
    for (let at = 0; at < stream.length;) {
      const copied = stream.copy(buffer.room, 0, at, at + READ_SIZE);
      at += copied;
      buffer.received(copied, onFrame);
    }
    return frames;
  };
  return { name: 'frames out of the receive buffer', unit: 'pull', count: STREAM_PULLS, run };
}

function frameDecoder(): Step {
  const stream = pullStream(STREAM_PULLS);
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += READ_SIZE) chunks.push(stream.subarray(at, at + READ_SIZE));
  const decoder = new FrameDecoder();
  let frames = 0;
  const onFrame = (frame: Buffer): void => {
    frames += frame.length;
  };
  const run = (): number => {
    for (const chunk of chunks) decoder.push(chunk, onFrame);
    return frames;
  };
  return { name: 'frames out of the frame decoder', unit: 'pull', count: STREAM_PULLS, run };
}

function jsonHeader(): Step {
  const frame = realPullReply();
  return { name: 'header, JSON', unit: 'pull', count: 1, run: () => decodeCommand(frame) };
}

function binaryHeader(): Step {
  const frame = inForm(realPullReply(), SerializeType.ROCKETMQ);
  return { name: 'header, ROCKETMQ', unit: 'pull', count: 1, run: () => decodeCommand(frame) };
}

function pullReplyFields(): Step {
  const command = decodeCommand(realPullReply());
  return { name: 'fields of a pull reply', unit: 'pull', count: 1, run: () => pullMessage.decodeReply(command) };
}

function pullRequest(): Step {
  const requests = new PullRequests({
    consumerGroup: 'bench-micro-group',
    topic: TOPIC,
    queueId: 3,
    maxMsgNums: PULL_BATCH,
    suspendTimeoutMillis: 15_000,
    subVersion: 1_700_000_000_000,
    expressionType: 'TAG',
    maxMsgBytes: 262_144,
    brokerName: BROKER,
  });
  const encoder = new RequestEncoder({});
  const output = new OutputBuffer();
  let queueOffset = 0;
  const run = (): Buffer => {
    for (let i = 0; i < STREAM_PULLS; i++) {
      queueOffset = (queueOffset + PULL_BATCH) & 0xfffff;
      const command = requests.encode({ queueOffset, sysFlag: 2, commitOffset: queueOffset });
      output.appendHead(encoder.encode(command, encoder.nextOpaque(), false), 0);
    }
    return output.take();
  };
  return { name: 'pull request', unit: 'pull', count: STREAM_PULLS, run };
}
