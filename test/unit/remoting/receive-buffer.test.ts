import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_FRAME_LENGTH } from '../../../lib/protocol/frame.js';
import { ReceiveBuffer } from '../../../lib/remoting/receive-buffer.js';
import { errorOf } from '../protocol/wire.js';

/** A frame of `length` bytes behind its length field, filled with `fill`, with an empty header. */
function frameBytes(length: number, fill: number): Buffer {
  const bytes = Buffer.alloc(4 + length, fill);
  bytes.writeInt32BE(length, 0);
  bytes.writeInt32BE(0, 4);
  return bytes;
}

/** Hands the stream over as a socket does: as much at a time as there is room for, and as `sizes` say, in turn. */
function feed(buffer: ReceiveBuffer, stream: Buffer, sizes: readonly number[], onFrame: (frame: Buffer) => void): void {
  let turn = 0;
  for (let at = 0; at < stream.length;) {
    const { room } = buffer;
    expect(room.length).to.be.above(0);
    const wanted = sizes.length === 0 ? stream.length : (sizes[turn++ % sizes.length] as number);
    const count = stream.copy(room, 0, at, Math.min(stream.length, at + Math.min(wanted, room.length)));
    buffer.received(count, onFrame);
    at += count;
  }
}

describe('ReceiveBuffer', () => {
  it('gives out every frame, in order, however the stream comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 4, max: 70_000 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 65_536 }), { maxLength: 8 }),
        fc.boolean(),
        (lengths, sizes, keep) => {
          const frames = lengths.map((length, i) => frameBytes(length, i + 1));
          const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
          const copies: Buffer[] = [];
          const views: Buffer[] = [];
          feed(buffer, Buffer.concat(frames), sizes, (frame) => {
            copies.push(Buffer.from(frame));
            views.push(frame);
            if (keep) buffer.keep();
          });
          const expected = frames.map((frame) => frame.subarray(4));
          expect(copies.length).to.equal(expected.length);
          copies.forEach((copy, i) => expect(copy.equals(expected[i] as Buffer), `frame ${i}`).to.equal(true));
          if (keep) views.forEach((view, i) => expect(view.equals(expected[i] as Buffer), `kept ${i}`).to.equal(true));
          expect(buffer.buffered).to.equal(0);
        },
      ),
    );
  });

  it('uses its memory again, unless it is to be kept', () => {
    const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
    const first: Buffer[] = [];
    feed(buffer, frameBytes(100, 1), [], (frame) => first.push(frame));
    feed(buffer, frameBytes(100, 2), [], () => buffer.keep());
    expect(first[0]?.[50], 'written over by the second').to.equal(2);
    const third: Buffer[] = [];
    feed(buffer, frameBytes(100, 3), [], (frame) => third.push(frame));
    expect(first[0]?.[50], 'the second was kept').to.equal(2);
    expect(third[0]?.[50]).to.equal(3);
  });

  it('needs no more than one chunk for frames nobody keeps', () => {
    const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
    const chunks = new Set<ArrayBufferLike>();
    const stream = Buffer.concat(Array.from({ length: 200 }, (_, i) => frameBytes(22_000, i % 200)));
    feed(buffer, stream, [65_536, 1_000], (frame) => chunks.add(frame.buffer));
    // It grows while the stream gathers speed: 16, 32, 64, 128 and 256 KiB.
    expect(chunks.size).to.be.at.most(5);
  });

  it('makes room for a large frame, and lets go of it behind the frame', () => {
    const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
    const seen: number[] = [];
    const stream = Buffer.concat([frameBytes(3_000_000, 1), frameBytes(10, 2)]);
    feed(buffer, stream, [65_536], (frame) => seen.push(frame.length));
    expect(seen).to.deep.equal([3_000_000, 10]);
    feed(buffer, frameBytes(300_000, 3), [65_536], (frame) => seen.push(frame.buffer.byteLength));
    expect(seen.at(-1)).to.be.below(1_000_000);
  });

  it('knows how much of a frame it holds', () => {
    const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
    const bytes = frameBytes(1_000, 1);
    const none = (): void => expect.fail('the frame is not complete');
    feed(buffer, bytes.subarray(0, 3), [], none);
    expect(buffer.buffered).to.equal(3);
    feed(buffer, bytes.subarray(3, 900), [], none);
    expect(buffer.buffered).to.equal(900);
    let complete = 0;
    feed(buffer, bytes.subarray(900), [], () => complete++);
    expect([complete, buffer.buffered]).to.deep.equal([1, 0]);
  });

  for (const [name, bytes, code] of [
    ['over the limit', frameBytes(1_001, 1), 'ERR_ROCKETMQ_FRAME_TOO_LARGE'],
    ['too short for a header', Buffer.from([0, 0, 0, 3]), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
    ['of a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff]), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
    ['with a header longer than it', Buffer.from([0, 0, 0, 4, 0, 0, 0, 9]), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
  ] as const) {
    it(`refuses a frame ${name}`, () => {
      const buffer = new ReceiveBuffer(1_000);
      expect(errorOf(() => feed(buffer, bytes, [], () => undefined))).to.have.property('code', code);
    });
  }

  it('sets little aside on the word of a length alone, and more as the frame arrives', () => {
    const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
    const bytes = frameBytes(8_000_000, 1);
    let complete = 0;
    feed(buffer, bytes.subarray(0, 5), [], () => complete++);
    expect(buffer.room.length).to.be.at.most(256 * 1_024);
    for (let at = 5; at < bytes.length;) {
      const { room } = buffer;
      expect(room.length, 'at most twice what has arrived').to.be.at.most(Math.max(256 * 1_024, 2 * at));
      const count = bytes.copy(room, 0, at);
      at += count;
      buffer.received(count, () => complete++);
    }
    expect([complete, buffer.buffered]).to.deep.equal([1, 0]);
  });
});
