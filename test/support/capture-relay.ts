import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { requestCodeName, responseCodeName, RequestCode } from '../../lib/protocol/codes.js';
import { decodeCommand, isOneway, isResponse, type RemotingCommand } from '../../lib/protocol/command.js';
import { FrameDecoder } from '../../lib/protocol/frame.js';

/** A TCP relay in front of a broker or name server that records every frame passing through it. */

export interface CapturedFrame {
  readonly version: string;
  /** "out": from the client to the server. */
  readonly direction: 'in' | 'out';
  readonly name: string;
  /** The whole frame, length field included. */
  readonly hex: string;
}

/** How many frames of one name are kept; the first ones show all there is to see. */
const KEPT_PER_NAME = 2;

export class Recorder {
  readonly frames: CapturedFrame[] = [];
  /** The first part of each name: who speaks, and in which situation. Changed by the driver as it goes along. */
  situation = 'setup';
  /** Which requests, with their answers, are kept; all by default. Against many copies of the same in later situations. */
  only: readonly number[] | undefined;
  readonly #version: string;
  readonly #counts = new Map<string, number>();

  constructor(version: string) {
    this.#version = version;
  }

  record(
    direction: 'in' | 'out',
    frame: Buffer,
    command: RemotingCommand,
    requestCode: number,
    situation: string,
  ): void {
    const kind = isResponse(command)
      ? `response.${shortName(responseCodeName(command.code))}`
      : isOneway(command)
        ? 'oneway'
        : 'request';
    const name = `${situation}/${shortName(requestCodeName(requestCode))}/${kind}`;
    if (situation === 'setup' || this.only?.includes(requestCode) === false) return;
    const counted = `${direction} ${name}`;
    const count = (this.#counts.get(counted) ?? 0) + 1;
    this.#counts.set(counted, count);
    if (count > KEPT_PER_NAME) return;
    const numbered = count === 1 ? name : `${name}#${count}`;
    this.frames.push({ version: this.#version, direction, name: numbered, hex: frame.toString('hex') });
  }
}

/** `PULL_MESSAGE (11)` -> `PULL_MESSAGE`, `request 999` -> `999`. */
function shortName(name: string): string {
  return name.replace(/ \(\d+\)$/, '').replace(/^(request|code) /, '');
}

export interface RelayOptions {
  readonly target: string;
  readonly recorder: Recorder;
  /** Addresses to put in the place of others in routes, so that the client comes back to a relay. */
  readonly rewrite?: ReadonlyMap<string, string>;
}

export interface Relay {
  readonly address: string;
  close(): Promise<void>;
}

export async function startRelay(options: RelayOptions): Promise<Relay> {
  const sockets = new Set<Socket>();
  const colon = options.target.lastIndexOf(':');
  const upstreamAt = { host: options.target.slice(0, colon), port: Number(options.target.slice(colon + 1)) };
  const server = createServer((client) => {
    const upstream = connect(upstreamAt);
    // What was asked under which opaque, by each side, with the situation it was asked in.
    const asked = { in: new Map<number, Asked>(), out: new Map<number, Asked>() };
    for (const [socket, other, direction] of [
      [client, upstream, 'out'],
      [upstream, client, 'in'],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      const decoder = new FrameDecoder();
      socket.on('data', (chunk: Buffer) =>
        decoder.push(chunk, (frame) => {
          const command = decodeCommand(frame);
          const own = asked[direction];
          const { code, situation } = isResponse(command)
            ? (asked[direction === 'in' ? 'out' : 'in'].get(command.opaque) ?? UNKNOWN)
            : remember(own, command, options.recorder.situation);
          const whole = withLength(frame);
          options.recorder.record(direction, whole, command, code, situation);
          other.write(code === RequestCode.GET_ROUTEINFO_BY_TOPIC ? rewritten(frame, command, options.rewrite) : whole);
        }),
      );
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

interface Asked {
  readonly code: number;
  readonly situation: string;
}

const UNKNOWN: Asked = { code: -1, situation: 'unasked' };

function remember(asked: Map<number, Asked>, { code, opaque }: RemotingCommand, situation: string): Asked {
  const entry = { code, situation };
  asked.set(opaque, entry);
  return entry;
}

function withLength(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

/** The frame with other addresses in its body; its header stays as it is. */
function rewritten(frame: Buffer, command: RemotingCommand, rewrite: ReadonlyMap<string, string> | undefined): Buffer {
  let text = command.body.toString('utf8');
  for (const [from, to] of rewrite ?? []) text = text.replaceAll(from, to);
  const header = frame.subarray(0, frame.length - command.body.length);
  return withLength(Buffer.concat([header, Buffer.from(text)]));
}
