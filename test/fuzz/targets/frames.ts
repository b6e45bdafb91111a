import {
  decodeCommand,
  encodeCommand,
  encodeHeader,
  SerializeType,
  type RemotingCommand,
} from '../../../lib/protocol/command.js';
import { FrameDecoder, TRUSTED_LENGTH } from '../../../lib/protocol/frame.js';
import { OutputBuffer } from '../../../lib/remoting/output-buffer.js';
import { ReceiveBuffer } from '../../../lib/remoting/receive-buffer.js';
import { RocketMQError } from '../../../lib/errors.js';
import { expectSame } from '../equal.js';
import { frameTree } from '../model/commands.js';
import { goldenFrames } from '../model/golden.js';
import { group, sized, type Piece } from '../model/piece.js';
import { Random } from '../random.js';
import type { FuzzTarget } from '../target.js';

/** What a connection splits into frames, and the header of each. */

/** Smaller than the real one, so that the limit is met. */
const FRAME_LIMIT = 200_000;

const commands = goldenFrames().map(({ command }) => command);

function streams(): Piece[] {
  return commands.map((command, i) => {
    const next = commands[(i * 7 + 1) % commands.length] as RemotingCommand;
    return group(
      sized(4, frameTree(command)),
      sized(4, frameTree(next, i % 2 === 0 ? SerializeType.JSON : SerializeType.ROCKETMQ)),
    );
  });
}

/** How reading a stream went: the frames, and the error that ended it. */
interface Reading {
  readonly frames: Buffer[];
  readonly error: RocketMQError | undefined;
  readonly buffered: number;
}

/** The stream through both ways of splitting it, whole and in pieces. */
const stream: FuzzTarget = {
  name: 'frame-stream',
  weight: 3,
  seeds: streams(),
  // Three readers, each with what it sets aside on the word of a length.
  allowance: () => 3 * TRUSTED_LENGTH,
  run(input) {
    const whole = throughDecoder(input, []);
    // The pieces follow from the input, so that a case is its bytes and nothing else.
    const random = new Random(input.length ^ (input.at(-1) ?? 0) ^ ((input.at(7) ?? 0) << 8));
    const least = 1 + (input.length >> 8);
    const sizes = Array.from({ length: 4 }, () => least + random.below(random.oneIn(2) ? 9 : 3_000));
    const cut = throughDecoder(input, sizes);
    const received = throughReceiveBuffer(input, sizes);
    for (const [other, how] of [[cut, 'cut'], [received, 'received']] as const) {
      expectSame(other.error?.code, whole.error?.code, `the error of a stream that is ${how}`);
      expectSame(other.frames, whole.frames, `the frames of a stream that is ${how}`);
      if (whole.error === undefined) expectSame(other.buffered, whole.buffered, `what is left of a stream that is ${how}`);
    }
    if (whole.error !== undefined) throw whole.error;
    return { whole, cut, received };
  },
}; // prettier-ignore

function throughDecoder(input: Buffer, sizes: readonly number[]): Reading {
  const decoder = new FrameDecoder(FRAME_LIMIT);
  const frames: Buffer[] = [];
  const error = errorOf(() => {
    let turn = 0;
    for (let at = 0; at < input.length;) {
      const size = sizes.length === 0 ? input.length : (sizes[turn++ % sizes.length] as number);
      decoder.push(input.subarray(at, at + size), (frame) => frames.push(frame));
      at += size;
    }
  });
  return { frames, error, buffered: decoder.buffered };
}

function throughReceiveBuffer(input: Buffer, sizes: readonly number[]): Reading {
  const buffer = new ReceiveBuffer(FRAME_LIMIT);
  const frames: Buffer[] = [];
  const error = errorOf(() => {
    let turn = 0;
    for (let at = 0; at < input.length;) {
      const { room } = buffer;
      const size = Math.min(room.length, sizes[turn++ % sizes.length] as number);
      const count = input.copy(room, 0, at, at + size);
      at += count;
      buffer.received(count, (frame) => {
        frames.push(frame);
        // Every other frame is kept; the rest is looked at here, as its memory is used again.
        if (frames.length % 2 === 0) buffer.keep();
        else frames[frames.length - 1] = Buffer.from(frame);
      });
    }
  });
  return { frames, error, buffered: buffer.buffered };
}

function errorOf(action: () => void): RocketMQError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof RocketMQError) return error;
    throw error;
  }
}

/** Reads a frame's header, and checks that it says the same when it is written again. */
export function readCommand(input: Buffer): RemotingCommand {
  const command = decodeCommand(input);
  const written = encodeCommand(command);
  // A language without a name here is written as another that has one.
  const expected =
    command.language === 'UNKNOWN' && command.serializeType === SerializeType.ROCKETMQ
      ? { ...command, language: 'OTHER' }
      : command;
  expectSame(decodeCommand(written.subarray(4)), expected, 'a header that is written again');
  const output = new OutputBuffer();
  output.appendHead(encodeHeader(command), command.body.length);
  output.appendBody(command.body);
  expectSame(output.take(), written, 'a frame in the output and by itself');
  return command;
}

/** The fields of a JSON header are those a plain parser finds, but for nulls. */
function readJsonCommand(input: Buffer): RemotingCommand {
  const command = readCommand(input);
  if (command.serializeType !== SerializeType.JSON) return command;
  const text = input.toString('utf8', 4, 4 + (input.readUInt32BE(0) & 0xffffff));
  const fields = (JSON.parse(text) as { readonly extFields?: object | null }).extFields ?? {};
  const names = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name]) => name);
  expectSame(Object.keys(command.extFields), names, 'the names of header fields');
  return command;
}

const header = (name: string, form: SerializeType, run: FuzzTarget['run']): FuzzTarget => ({
  name,
  weight: 4,
  seeds: commands.map((command) => frameTree(command, form)),
  run,
});

export const frameTargets: readonly FuzzTarget[] = [
  stream,
  header('header-json', SerializeType.JSON, readJsonCommand),
  header('header-binary', SerializeType.ROCKETMQ, readCommand),
];
