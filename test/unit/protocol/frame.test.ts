import { expect } from 'chai';
import fc from 'fast-check';
import { FrameDecoder, MAX_FRAME_LENGTH } from '../../../lib/protocol/frame.js';
import { anyBuffer, errorOf, framesOf } from './wire.js';

/** A frame whose header is `headerLength` bytes of its `length`. */
function frameBytes(length: number, headerLength: number, serializeType = 0): Buffer {
  const bytes = Buffer.alloc(4 + length, 0x61);
  bytes.writeInt32BE(length, 0);
  bytes.writeInt32BE((serializeType << 24) | headerLength, 4);
  return bytes;
}

const golden = Buffer.from(
  '000000260100002200690001df0000000100000000000000000000000d0005746f706963000000025431',
  'hex',
);

describe('FrameDecoder', () => {
  const samples = {
    golden,
    'the smallest': frameBytes(4, 0),
    'a header alone': frameBytes(14, 10),
    'header and body': frameBytes(30, 10),
    'of the binary form': frameBytes(30, 26, 1),
  };

  for (const [name, bytes] of Object.entries(samples)) {
    const expected = [bytes.subarray(4)];

    it(`gives out a frame that comes whole: ${name}`, () => {
      expect(framesOf(bytes)).to.deep.equal(expected);
    });

    it(`gives out a frame that comes byte by byte: ${name}`, () => {
      expect(framesOf(bytes, [...bytes.keys()])).to.deep.equal(expected);
    });

    it(`gives out a frame that is cut in two anywhere: ${name}`, () => {
      for (let cut = 0; cut <= bytes.length; cut++)
        expect(framesOf(bytes, [cut]), `cut at ${cut}`).to.deep.equal(expected);
    });
  }

  it('gives out frames in order that come in one chunk', () => {
    const frames = Object.values(samples);
    expect(framesOf(Buffer.concat(frames))).to.deep.equal(frames.map((frame) => frame.subarray(4)));
  });

  it('gives out the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyBuffer(), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 20 }),
        (bodies, cuts) => {
          const frames = bodies.map((body) =>
            Buffer.concat([Buffer.from([0, 0, 0, body.length + 4, 0, 0, 0, 0]), body]),
          );
          const stream = Buffer.concat(frames);
          const inside = cuts.filter((cut) => cut <= stream.length).sort((a, b) => a - b);
          expect(framesOf(stream, inside)).to.deep.equal(frames.map((frame) => frame.subarray(4)));
        },
      ),
    );
  });

  it('does not copy a frame that comes whole', () => {
    const [frame] = framesOf(golden);
    expect(frame?.buffer).to.equal(golden.buffer);
  });

  it('tells how much of an unfinished frame it holds', () => {
    const decoder = new FrameDecoder();
    const held: number[] = [];
    for (const byte of golden) {
      decoder.push(Buffer.from([byte]), () => undefined);
      held.push(decoder.buffered);
    }
    expect(held).to.deep.equal([...golden.keys()].map((i) => (i === golden.length - 1 ? 0 : i + 1)));
  });

  it('takes a frame of exactly the limit and refuses one byte more', () => {
    const decoder = new FrameDecoder(100);
    const frames: number[] = [];
    decoder.push(frameBytes(100, 4), (frame) => frames.push(frame.length));
    expect(frames).to.deep.equal([100]);
    const error = errorOf(() => decoder.push(frameBytes(101, 4), () => undefined));
    expect(error.code).to.equal('ERR_ROCKETMQ_FRAME_TOO_LARGE');
    expect(error.context).to.include({ length: 101, limit: 100 });
  });

  it('refuses a frame over the limit of the reference before any of it has come', () => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(MAX_FRAME_LENGTH + 1);
    expect(errorOf(() => framesOf(length)).code).to.equal('ERR_ROCKETMQ_FRAME_TOO_LARGE');
  });

  for (const length of [-1, -2_147_483_648, 0, 3]) {
    it(`refuses a length of ${length}`, () => {
      const bytes = Buffer.alloc(8);
      bytes.writeInt32BE(length, 0);
      for (const cut of [0, 1, 3, 4]) {
        expect(errorOf(() => framesOf(bytes, [cut])).code).to.equal('ERR_ROCKETMQ_FRAME_MALFORMED');
      }
    });
  }

  it('refuses a header that is longer than its frame, whole or in pieces', () => {
    for (const [length, headerLength] of [
      [4, 1],
      [20, 17],
      [20, 0xffffff],
    ] as const) {
      const bytes = frameBytes(length, headerLength);
      expect(errorOf(() => framesOf(bytes)).code).to.equal('ERR_ROCKETMQ_FRAME_MALFORMED');
      expect(errorOf(() => framesOf(bytes, [5])).code).to.equal('ERR_ROCKETMQ_FRAME_MALFORMED');
    }
  });

  it('sets little aside on the word of a length alone', () => {
    const before = process.memoryUsage().arrayBuffers;
    const begun = frameBytes(MAX_FRAME_LENGTH, 10).subarray(0, 5);
    const decoders = Array.from({ length: 20 }, () => {
      const decoder = new FrameDecoder();
      decoder.push(begun, () => expect.fail('the frame is not complete'));
      return decoder;
    });
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(3 * MAX_FRAME_LENGTH);
    expect(decoders.map((decoder) => decoder.buffered)).to.deep.equal(decoders.map(() => 5));
  });

  it('puts a large frame together as it arrives', () => {
    const bytes = frameBytes(3_000_000, 10);
    for (let at = 8; at < bytes.length; at += 4_096) bytes.writeInt32BE(at, at);
    const cuts = Array.from({ length: 45 }, (_, i) => (i + 1) * 65_000 + 1);
    const [frame] = framesOf(bytes, cuts);
    expect(frame?.equals(bytes.subarray(4))).to.equal(true);
  });
});
