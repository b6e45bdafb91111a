import { expect } from 'chai';
import fc from 'fast-check';
import { createRequest, createResponse, decodeCommand, encodeCommand } from '../../../lib/protocol/command.js';
import { SerializeType } from '../../../lib/protocol/command.js';
import type { RemotingCommand, RequestCommand, ResponseCommand } from '../../../lib/protocol/command.js';
import { RocketMQError } from '../../../lib/errors.js';
import { FrameDecoder } from '../../../lib/protocol/frame.js';

/** What the tests of this folder share. */

export const BOTH_FORMS = [SerializeType.JSON, SerializeType.ROCKETMQ] as const;

/** The frames that come out when `bytes` are pushed in pieces that end at `cuts`. */
export function framesOf(bytes: Buffer, cuts: readonly number[] = []): Buffer[] {
  const decoder = new FrameDecoder();
  const frames: Buffer[] = [];
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    decoder.push(bytes.subarray(start, cut), (frame) => frames.push(frame));
    start = cut;
  }
  expect(decoder.buffered).to.equal(0);
  return frames;
}

/** The command a receiver sees when `command` is sent. */
export function transmit(command: RemotingCommand): RemotingCommand {
  const [frame, ...others] = framesOf(encodeCommand(command));
  expect(others).to.deep.equal([]);
  return decodeCommand(frame as Buffer);
}

/** A request as its receiver sees it. */
export function transmitRequest(
  request: RequestCommand,
  serializeType: SerializeType = SerializeType.JSON,
): RemotingCommand {
  return transmit(createRequest(request, 7, { serializeType }));
}

/** A response as its receiver sees it. */
export function transmitResponse(
  response: ResponseCommand,
  serializeType: SerializeType = SerializeType.JSON,
): RemotingCommand {
  return transmit(createResponse({ opaque: 7, flag: 0 }, response, { serializeType }));
}

/** A copy without the fields that are undefined, so that an absent field equals one that was never set. */
export function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>;
}

/** The error `action` throws, which must be one of this package; its code is what tests look at. */
export function errorOf(action: () => unknown): RocketMQError {
  try {
    action();
  } catch (error) {
    expect(error).to.be.instanceOf(RocketMQError);
    return error as RocketMQError;
  }
  throw new Error('nothing was thrown');
}

/** The same of a promise. */
export async function rejectionOf(promise: Promise<unknown>): Promise<RocketMQError> {
  try {
    await promise;
  } catch (error) {
    expect(error).to.be.instanceOf(RocketMQError);
    return error as RocketMQError;
  }
  throw new Error('nothing was rejected');
}

/** Text of any characters that survives UTF-8: no lone surrogates. */
export const anyText = (constraints: fc.StringConstraints = {}): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', ...constraints });

/** An offset or timestamp. */
export const anyOffset = (): fc.Arbitrary<number> => fc.maxSafeNat();

export const anyInt32 = (): fc.Arbitrary<number> => fc.integer({ min: -0x80000000, max: 0x7fffffff });

export const anyBuffer = (maxLength = 64): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
