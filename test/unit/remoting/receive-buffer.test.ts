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
        (lengths, sizes) => {
          const frames = lengths.map((length, i) => frameBytes(length, i + 1));
          const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
          const views: Buffer[] = [];
          feed(buffer, Buffer.concat(frames), sizes, (frame) => views.push(frame));
          const expected = frames.map((frame) => frame.subarray(4));
          expect(views.length).to.equal(expected.length);
          // Compared at the end: what was handed out must not be written over by what came later.
          views.forEach((view, i) => expect(view.equals(expected[i] as Buffer), `frame ${i}`).to.equal(true));
          expect(buffer.buffered).to.equal(0);
        },
      ),
    );
  });

  it('copies nothing but what a chunk cuts', () => {
    const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
    const chunks = new Map<ArrayBufferLike, number>();
    const stream = Buffer.concat(Array.from({ length: 200 }, (_, i) => frameBytes(22_000, i)));
    feed(buffer, stream, [65_536, 1_000], (frame) => chunks.set(frame.buffer, (chunks.get(frame.buffer) ?? 0) + 1));
    expect([...chunks.keys()].at(-2)?.byteLength).to.equal(128 * 1024);
    expect(Math.max(...chunks.values()), 'several frames share a chunk').to.be.at.least(5);
  });

  it('holds little memory for a quiet connection, and lets go of what a large frame needed', () => {
    const buffer = new ReceiveBuffer(MAX_FRAME_LENGTH);
    const held: number[] = [];
    feed(buffer, frameBytes(100, 1), [], (frame) => held.push(frame.buffer.byteLength));
    expect(held[0]).to.be.at.most(4_096);
    feed(buffer, frameBytes(3_000_000, 1), [65_536], (frame) => held.push(frame.buffer.byteLength));
    expect(held[1]).to.be.within(3_000_000, 3_010_000);
    feed(buffer, frameBytes(100_000, 2), [65_536], (frame) => held.push(frame.buffer.byteLength));
    expect(held[2]).to.be.below(200_000);
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
});
