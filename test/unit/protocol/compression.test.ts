import { expect } from 'chai';
import fc from 'fast-check';
import * as zlib from 'node:zlib';
import lz4 from 'lz4-napi';
import { ZSTDDecoder } from 'zstddec';
import { measureLz4Frame, measureZstdFrames } from '../../../lib/protocol/compressed-frames.js';
import { Codecs, compress, compressSync, decompress, decompressAsync } from '../../../lib/protocol/compression.js';
import { isCompressionReady, prepareCompression } from '../../../lib/protocol/compression.js';
import type { CodecSources } from '../../../lib/protocol/compression.js';
import { CompressionType } from '../../../lib/protocol/sys-flag.js';
import { anyBuffer, errorOf, rejectionOf } from './wire.js';

const { LZ4, ZSTD, ZLIB } = CompressionType;
const MANY = 10_000_000;

/** What the codecs of the reference make of a text. */
const hello = {
  zlib: '785ecb48cdc9c957c8402701680308b1',
  lz4: '04224d186070730f0000006868656c6c6f2006005068656c6c6f00000000',
  zstd: '28b52ffd00586400003068656c6c6f200100994b11010000',
};
/** What they make of 300,000 times the letter a. */
const manyLetters = {
  zlib: `785eedc1010d000000c2a0acef5fc21e0e28${'0'.repeat(580)}f831fa9821e5`,
  lz4: `04224d18607073a30400001f610100${'ff'.repeat(1_176)}5f50616161616100000000`,
  zstd: '28b52ffd00585400001061610100fbff39c00202001061029f0461010000',
};

const types = { zlib: ZLIB, lz4: LZ4, zstd: ZSTD };
const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** Codecs of a Node without zstd of its own, whatever this Node has. */
const oldNode = (more: Partial<CodecSources> = {}): Codecs =>
  new Codecs({ loadLz4: () => lz4, loadZstd: () => import('zstddec'), nativeZstd: {}, ...more });

const missing = (name: string) => (): never => {
  throw Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });
};

describe('compression', () => {
  before(async () => {
    await prepareCompression(ZSTD);
  });

  for (const name of ['zlib', 'lz4', 'zstd'] as const) {
    const type = types[name];

    describe(name, () => {
      it('unpacks what the reference packed', async () => {
        expect(decompress(type, bytesOf(hello[name]), MANY).toString()).to.equal('hello hello hello hello');
        expect((await decompressAsync(type, bytesOf(hello[name]), MANY)).toString()).to.equal(
          'hello hello hello hello',
        );
        const letters = Buffer.alloc(300_000, 'a');
        expect(decompress(type, bytesOf(manyLetters[name]), MANY).equals(letters)).to.equal(true);
        expect((await decompressAsync(type, bytesOf(manyLetters[name]), MANY)).equals(letters)).to.equal(true);
      });

      it('unpacks up to the limit and not one byte more', async () => {
        for (const [hex, length] of [
          [hello[name], 23],
          [manyLetters[name], 300_000],
        ] as const) {
          const data = bytesOf(hex);
          expect(decompress(type, data, length)).to.have.length(length);
          expect(errorOf(() => decompress(type, data, length - 1)).code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
          const rejection = await rejectionOf(decompressAsync(type, data, length - 1));
          expect(rejection.code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
        }
      });

      it('refuses what is cut short anywhere', async () => {
        const data = bytesOf(hello[name]);
        for (let length = 0; length < data.length; length++) {
          const cut = data.subarray(0, length);
          expect(errorOf(() => decompress(type, cut, MANY)).code, `${length}`).to.equal(
            'ERR_ROCKETMQ_COMPRESSION_CORRUPT',
          );
          const rejection = await rejectionOf(decompressAsync(type, cut, MANY));
          expect(rejection.code, `${length}`).to.equal('ERR_ROCKETMQ_COMPRESSION_CORRUPT');
        }
      });

      it('refuses what another codec packed', () => {
        for (const other of ['zlib', 'lz4', 'zstd'] as const) {
          if (other === name) continue;
          const error = errorOf(() => decompress(type, bytesOf(hello[other]), MANY));
          expect(error.code, other).to.equal('ERR_ROCKETMQ_COMPRESSION_CORRUPT');
        }
      });

      it('answers any bytes with a body or a MessageFormatError', () => {
        const good = bytesOf(hello[name]);
        fc.assert(
          fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), anyBuffer(), (at, byte, tail) => {
            const data = Buffer.concat([good.subarray(0, at), Buffer.from([byte]), good.subarray(at + 1), tail]);
            try {
              expect(decompress(type, data, 1_000).length).to.be.at.most(1_000);
            } catch (error) {
              expect(error).to.have.property('name', 'MessageFormatError');
            }
          }),
        );
      });
    });
  }

  for (const [name, type] of [
    ['the old zlib', 0],
    ['zlib', ZLIB],
    ['lz4', LZ4],
  ] as const) {
    it(`packs with ${name} what it unpacks`, async () => {
      await fc.assert(
        fc.asyncProperty(anyBuffer(500), async (body) => {
          expect(decompress(type, compressSync(type, body), 500).equals(body)).to.equal(true);
          expect(decompress(type, await compress(type, body), 500).equals(body)).to.equal(true);
        }),
        { numRuns: 50 },
      );
    });
  }

  it('packs with zlib byte for byte as the reference', () => {
    expect(compressSync(ZLIB, Buffer.from('hello hello hello hello')).toString('hex')).to.equal(hello.zlib);
  });

  it('packs the smaller the higher the level, which LZ4 has not', async () => {
    const body = Buffer.from(Array.from({ length: 2_000 }, (_, i) => `order ${(i * i) % 977}`).join());
    expect(compressSync(ZLIB, body, 9).length).to.be.lessThan(compressSync(ZLIB, body, 1).length);
    expect((await compress(ZLIB, body, 9)).equals(compressSync(ZLIB, body, 9))).to.equal(true);
    expect((await compress(LZ4, body, 9)).equals(compressSync(LZ4, body, 1))).to.equal(true);
  });

  it('stops a body that would unpack to a thousand times its size', () => {
    const bomb = zlib.deflateSync(Buffer.alloc(20_000_000));
    expect(bomb.length).to.be.lessThan(20_000);
    expect(errorOf(() => decompress(ZLIB, bomb, 1_000_000)).code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
    const lz4Bomb = lz4.compressFrameSync(Buffer.alloc(20_000_000));
    expect(errorOf(() => decompress(LZ4, lz4Bomb, 1_000_000)).code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
  });

  for (const type of [4, 5, 6, 7]) {
    it(`refuses the unknown type ${type}`, async () => {
      const code = 'ERR_ROCKETMQ_COMPRESSION_UNKNOWN';
      expect(errorOf(() => decompress(type, bytesOf(hello.zlib), MANY)).code).to.equal(code);
      expect((await rejectionOf(decompressAsync(type, bytesOf(hello.zlib), MANY))).code).to.equal(code);
      expect(errorOf(() => compressSync(type, Buffer.alloc(1))).code).to.equal(code);
    });
  }

  describe('without the optional packages', () => {
    const bare = (): Codecs =>
      oldNode({ loadLz4: missing('lz4-napi'), loadZstd: () => Promise.reject(new Error('none')) });
    const UNAVAILABLE = 'ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE';

    it('names lz4-napi', async () => {
      const error = errorOf(() => bare().decompress(LZ4, bytesOf(hello.lz4), MANY));
      expect(error.code).to.equal(UNAVAILABLE);
      expect(error.message).to.include('install the package lz4-napi');
      expect(error.cause).to.have.property('code', 'ERR_MODULE_NOT_FOUND');
      expect((await rejectionOf(bare().decompressAsync(LZ4, bytesOf(hello.lz4), MANY))).code).to.equal(UNAVAILABLE);
      expect((await rejectionOf(bare().prepare(LZ4))).code).to.equal(UNAVAILABLE);
      expect(errorOf(() => bare().compress(LZ4, Buffer.alloc(1))).code).to.equal(UNAVAILABLE);
    });

    it('names zstddec', async () => {
      const error = await rejectionOf(bare().decompressAsync(ZSTD, bytesOf(hello.zstd), MANY));
      expect(error.code).to.equal(UNAVAILABLE);
      expect(error.message).to.include('install the package zstddec');
      expect((await rejectionOf(bare().prepare(ZSTD))).code).to.equal(UNAVAILABLE);
    });

    it('reads zlib all the same', () => {
      expect(bare().decompress(ZLIB, bytesOf(hello.zlib), MANY)).to.have.length(23);
    });

    it('looks again once a package is there', async () => {
      let installed = false;
      const codecs = oldNode({ loadZstd: () => (installed ? import('zstddec') : Promise.reject(new Error('none'))) });
      expect((await rejectionOf(codecs.prepare(ZSTD))).code).to.equal(UNAVAILABLE);
      installed = true;
      await codecs.prepare(ZSTD);
      expect(codecs.decompress(ZSTD, bytesOf(hello.zstd), MANY)).to.have.length(23);
    });
  });

  describe('zstd on a Node without it', () => {
    it('must be prepared before it is used at once, and only it', async () => {
      const codecs = oldNode();
      expect([codecs.isReady(ZSTD), codecs.isReady(LZ4), codecs.isReady(ZLIB)]).to.deep.equal([false, true, true]);
      const error = errorOf(() => codecs.decompress(ZSTD, bytesOf(hello.zstd), MANY));
      expect(error.code).to.equal('ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE');
      await Promise.all([codecs.prepare(ZSTD), codecs.prepare(ZSTD)]);
      expect(codecs.isReady(ZSTD)).to.equal(true);
      expect(codecs.decompress(ZSTD, bytesOf(hello.zstd), 23).toString()).to.equal('hello hello hello hello');
    });

    it('is loaded once, however many ask', async () => {
      let loads = 0;
      const codecs = oldNode({
        loadZstd: () => {
          loads += 1;
          return import('zstddec');
        },
      });
      await Promise.all([codecs.prepare(ZSTD), codecs.decompressAsync(ZSTD, bytesOf(hello.zstd), MANY)]);
      await codecs.prepare(ZSTD);
      expect(loads).to.equal(1);
    });

    it('can not be packed', () => {
      const error = errorOf(() => oldNode().compress(ZSTD, Buffer.alloc(1)));
      expect(error.code).to.equal('ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE');
      expect(error.message).to.include('Node 22.15');
    });

    it('notices a block that can not be unpacked', async () => {
      const broken = bytesOf(hello.zstd);
      // The type of the literals of the compressed block.
      broken.writeUInt8(0xff, 9);
      const codecs = oldNode();
      await codecs.prepare(ZSTD);
      expect(errorOf(() => codecs.decompress(ZSTD, broken, MANY)).code).to.equal('ERR_ROCKETMQ_COMPRESSION_CORRUPT');
    });

    it('notices a result that is not as long as the frame tells', async () => {
      // A single segment frame that tells 5 bytes and holds 3 as they are.
      const lying = bytesOf('28b52ffd' + '20' + '05' + '190000' + '616263');
      const codecs = oldNode();
      await codecs.prepare(ZSTD);
      expect(errorOf(() => codecs.decompress(ZSTD, lying, MANY)).code).to.equal('ERR_ROCKETMQ_COMPRESSION_CORRUPT');
    });
  });

  describe('zstd on a Node that has it', () => {
    const native = (unpack: (data: Buffer, options: { maxOutputLength: number }) => Buffer): Codecs =>
      oldNode({
        loadZstd: () => Promise.reject(new Error('not to be loaded')),
        nativeZstd: { zstdDecompressSync: unpack, zstdCompressSync: () => bytesOf(hello.zstd) },
      });

    it('needs no package and no preparation', async () => {
      const decoder = new ZSTDDecoder();
      await decoder.init();
      const limits: number[] = [];
      const codecs = native((data, options) => {
        limits.push(options.maxOutputLength);
        return Buffer.from(decoder.decode(data, 100));
      });
      await codecs.prepare(ZSTD);
      expect(codecs.isReady(ZSTD)).to.equal(true);
      expect(codecs.decompress(ZSTD, codecs.compress(ZSTD, Buffer.alloc(1)), 50).toString()).to.equal(
        'hello hello hello hello',
      );
      expect(limits).to.deep.equal([50]);
    });

    it('turns its errors into those of this package', () => {
      const failing = (code: string): Codecs =>
        native(() => {
          throw Object.assign(new Error('no'), { code });
        });
      const codeOf = (codecs: Codecs): string => errorOf(() => codecs.decompress(ZSTD, bytesOf(hello.zstd), 5)).code;
      expect(codeOf(failing('ERR_BUFFER_TOO_LARGE'))).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
      expect(codeOf(failing('ZSTD_error_corruption_detected'))).to.equal('ERR_ROCKETMQ_COMPRESSION_CORRUPT');
    });
  });

  it('says of the installed codecs which are ready', () => {
    expect([isCompressionReady(ZLIB), isCompressionReady(LZ4), isCompressionReady(ZSTD)]).to.deep.equal([
      true,
      true,
      true,
    ]);
  });

  it('notices when the LZ4 codec returns less than the frame holds', async () => {
    const short = {
      ...lz4,
      decompressFrameSync: () => Buffer.alloc(1),
      decompressFrame: () => Promise.resolve(Buffer.alloc(1)),
    };
    const codecs = oldNode({ loadLz4: () => short });
    const code = 'ERR_ROCKETMQ_COMPRESSION_CORRUPT';
    expect(errorOf(() => codecs.decompress(LZ4, bytesOf(hello.lz4), MANY)).code).to.equal(code);
    expect((await rejectionOf(codecs.decompressAsync(LZ4, bytesOf(hello.lz4), MANY))).code).to.equal(code);
  });

  it('turns an error of the LZ4 codec into one of this package', async () => {
    const data = bytesOf(hello.lz4);
    // The header checksum, which only the codec verifies.
    data.writeUInt8(data.readUInt8(6) ^ 1, 6);
    const code = 'ERR_ROCKETMQ_COMPRESSION_CORRUPT';
    expect(errorOf(() => decompress(LZ4, data, MANY)).code).to.equal(code);
    expect((await rejectionOf(decompressAsync(LZ4, data, MANY))).code).to.equal(code);
  });
});

describe('measuring compressed frames', () => {
  it('tells the length of any LZ4 frame', () => {
    const anyRuns = fc.array(fc.tuple(fc.nat({ max: 255 }), fc.nat({ max: 700 })), { maxLength: 6 });
    fc.assert(
      fc.property(
        anyRuns,
        fc.boolean(),
        fc.boolean(),
        anyBuffer(300),
        (runs, contentChecksum, blockChecksums, tail) => {
          const body = Buffer.concat([...runs.map(([byte, length]) => Buffer.alloc(length, byte)), tail]);
          const frame = lz4.compressFrameSync(body, { contentChecksum, blockChecksums });
          expect(measureLz4Frame(frame)).to.deep.equal({ length: body.length, exact: true });
          expect(measureLz4Frame(Buffer.concat([frame, Buffer.alloc(1)]))).to.equal(undefined);
        },
      ),
    );
  });

  it('passes over a content size and a dictionary id', () => {
    // One block of two bytes, stored as they are.
    const block = '020000806162' + '00000000';
    expect(measureLz4Frame(bytesOf('04224d18' + '4840' + '0200000000000000' + '00' + block))?.length).to.equal(2);
    expect(measureLz4Frame(bytesOf('04224d18' + '4140' + '01000000' + '00' + block))?.length).to.equal(2);
  });

  const brokenLz4 = {
    'another version': '04224d18' + '2040' + '00' + '00000000',
    'a block that reaches past the end': '04224d18' + '4040' + '00' + 'ff000000' + '00000000',
    'a block whose literals do': '04224d18' + '4040' + '00' + '02000000' + 'f0ff' + '00000000',
    'a block without an offset': '04224d18' + '4040' + '00' + '03000000' + '106101' + '00000000',
    'a match length without an end': '04224d18' + '4040' + '00' + '05000000' + '1f610100ff' + '00000000',
    'a block of nothing but a match': '04224d18' + '4040' + '00' + '03000000' + '000100' + '00000000',
  };
  for (const [name, hex] of Object.entries(brokenLz4)) {
    it(`refuses an LZ4 frame with ${name}`, () => {
      expect(measureLz4Frame(bytesOf(hex))).to.equal(undefined);
    });
  }

  const zstd: Record<string, [hex: string, measure: ReturnType<typeof measureZstdFrames>]> = {
    'no size told': ['28b52ffd' + '00' + '58' + '190000616263', { length: 3, exact: false }],
    'a size of one byte': ['28b52ffd' + '20' + '03' + '190000616263', { length: 3, exact: true }],
    'a size of two bytes': ['28b52ffd' + '60' + '0100' + '190000616263', { length: 257, exact: true }],
    'a size of four bytes': ['28b52ffd' + 'a0' + '03000000' + '190000616263', { length: 3, exact: true }],
    'a size of eight bytes': ['28b52ffd' + 'e0' + '0300000000000000' + '190000616263', { length: 3, exact: true }],
    'a dictionary id': ['28b52ffd' + '02' + '58' + '0102' + '190000616263', { length: 3, exact: false }],
    'a checksum': ['28b52ffd' + '04' + '58' + '190000616263' + '01020304', { length: 3, exact: false }],
    'a byte repeated, then a block': [
      '28b52ffd' + '00' + '58' + '52000061' + '190000616263',
      { length: 13, exact: false },
    ],
    'a second frame': ['28b52ffd2003190000616263' + '28b52ffd0058190000616263', { length: 6, exact: false }],
    'a reserved block type': ['28b52ffd' + '00' + '58' + '1f0000616263', undefined],
    'another magic': ['28b52ffe' + '00' + '58' + '190000616263', undefined],
  };
  for (const [name, [hex, measure]] of Object.entries(zstd)) {
    it(`reads a zstd frame with ${name}`, () => {
      const data = bytesOf(hex);
      expect(measureZstdFrames(data)).to.deep.equal(measure);
      const secondFrame = name === 'a second frame' ? 12 : -1;
      for (let length = 0; length < data.length; length++) {
        if (length !== secondFrame)
          expect(measureZstdFrames(data.subarray(0, length)), String(length)).to.equal(undefined);
      }
    });
  }
});
