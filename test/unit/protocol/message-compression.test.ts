import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import * as zlib from 'node:zlib';
import { prepareCompression } from '../../../lib/protocol/compression.js';
import { compressSync } from '../../../lib/protocol/compression.js';
import { decodeMessages, encodeBatch, encodeMessage, MAX_INFLATED_BODY_LENGTH } from '../../../lib/protocol/message.js';
import type { StoredMessage } from '../../../lib/protocol/message.js';
import { CompressionType, INNER_BATCH_MASK, MessageSysFlag, withCompression } from '../../../lib/protocol/sys-flag.js';
import { GOLDEN_RECORD } from './records.js';
import { errorOf } from './wire.js';

const packed = {
  zlib: [CompressionType.ZLIB, '785ecb48cdc9c957c8402701680308b1'],
  lz4: [CompressionType.LZ4, '04224d186070730f0000006868656c6c6f2006005068656c6c6f00000000'],
  zstd: [CompressionType.ZSTD, '28b52ffd00586400003068656c6c6f200100994b11010000'],
} as const;

function messageOf(body: Buffer, sysFlag: number): StoredMessage {
  const { messages } = decodeMessages(encodeMessage({ ...GOLDEN_RECORD, body, bodyCrc: undefined, sysFlag }), {
    brokerName: 'broker-a',
  });
  return messages[0] as StoredMessage;
}

describe('compressed messages', () => {
  before(async () => {
    await prepareCompression(CompressionType.ZSTD);
  });

  for (const [name, [type, hex]] of Object.entries(packed)) {
    it(`are unpacked on the first look: ${name}`, () => {
      const message = messageOf(Buffer.from(hex, 'hex'), withCompression(0, type));
      expect(message.isCompressed).to.equal(true);
      expect(message.bodyLength).to.equal(hex.length / 2);
      expect(message.body.toString()).to.equal('hello hello hello hello');
      expect(message.body).to.equal(message.body);
      expect(message.rawBody.toString('hex')).to.equal(hex);
      expect(message.bodyError).to.equal(undefined);
    });

    it(`survive being stored again: ${name}`, () => {
      const record = { ...GOLDEN_RECORD, body: Buffer.from(hex, 'hex'), sysFlag: withCompression(0, type), bodyCrc: 5 };
      const bytes = encodeMessage(record);
      const [message] = decodeMessages(bytes, { brokerName: 'broker-a' }).messages;
      expect(encodeMessage((message as StoredMessage).toRecord())).to.deep.equal(bytes);
    });
  }

  it('of an old sender tell no type and mean zlib', () => {
    const message = messageOf(Buffer.from(packed.zlib[1], 'hex'), MessageSysFlag.COMPRESSED);
    expect(message.body.toString()).to.equal('hello hello hello hello');
  });

  describe('inflate', () => {
    it('makes a small body ready at once', () => {
      const message = messageOf(Buffer.from(packed.zlib[1], 'hex'), withCompression(0, CompressionType.ZLIB));
      expect(message.inflate(100)).to.equal(undefined);
      expect(message.body).to.have.length(23);
    });

    it('makes a body ready at once that is not compressed', () => {
      const message = messageOf(Buffer.from('plain'), 0);
      expect(message.inflate()).to.equal(undefined);
      expect(message.body.toString()).to.equal('plain');
      expect(message.inflate()).to.equal(undefined);
    });

    it('makes a large body ready off the event loop', async () => {
      const body = randomBytes(40_000);
      const message = messageOf(compressSync(CompressionType.ZLIB, body), withCompression(0, CompressionType.ZLIB));
      const ready = message.inflate(40_000);
      expect(ready).to.be.instanceOf(Promise);
      await ready;
      expect(message.body.equals(body)).to.equal(true);
    });

    it('remembers why a body can not be had, small or large, and does not throw it', async () => {
      const flag = withCompression(0, CompressionType.ZLIB);
      const small = messageOf(Buffer.from('no zlib'), flag);
      expect(small.inflate()).to.equal(undefined);
      const large = messageOf(randomBytes(40_000), flag);
      await large.inflate();
      for (const message of [small, large]) {
        expect(message.bodyError?.code).to.equal('ERR_ROCKETMQ_COMPRESSION_CORRUPT');
        expect(errorOf(() => message.body)).to.equal(message.bodyError);
        expect(message.inflate()).to.equal(undefined);
      }
    });

    it('keeps to the limit it is given', async () => {
      const small = messageOf(Buffer.from(packed.lz4[1], 'hex'), withCompression(0, CompressionType.LZ4));
      await small.inflate(22);
      expect(small.bodyError?.code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
      const large = messageOf(
        compressSync(CompressionType.ZLIB, randomBytes(40_000)),
        withCompression(0, CompressionType.ZLIB),
      );
      await large.inflate(39_999);
      expect(large.bodyError?.code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
    });
  });

  it('of zstd are readable once their codec is loaded, also when somebody looked too early', async () => {
    // A process of its own, because in this one the codec is loaded already.
    const probe = fileURLToPath(new URL('./zstd-probe.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', probe]);
    // A Node with zstd of its own needs no codec.
    const hello = 'hello hello hello hello';
    const early = 'zstdDecompressSync' in zlib ? hello : 'ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE';
    expect(JSON.parse(stdout)).to.deep.equal({ early, afterwards: hello });
  });

  it('are bounded when nobody gave a limit', () => {
    const bomb = compressSync(CompressionType.ZLIB, Buffer.alloc(MAX_INFLATED_BODY_LENGTH + 1));
    const message = messageOf(bomb, withCompression(0, CompressionType.ZLIB));
    expect(errorOf(() => message.body).code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
  });

  it('fail loudly when the type is wrong, unknown, or the body is not compressed at all', () => {
    const zlibBytes = Buffer.from(packed.zlib[1], 'hex');
    const codes = [
      messageOf(zlibBytes, withCompression(0, CompressionType.LZ4)),
      messageOf(zlibBytes, withCompression(0, CompressionType.ZSTD)),
      messageOf(Buffer.from('plain'), MessageSysFlag.COMPRESSED),
      messageOf(zlibBytes, MessageSysFlag.COMPRESSED | (5 << 8)),
    ].map((message) => errorOf(() => message.body).code);
    expect(codes).to.deep.equal([
      'ERR_ROCKETMQ_COMPRESSION_CORRUPT',
      'ERR_ROCKETMQ_COMPRESSION_CORRUPT',
      'ERR_ROCKETMQ_COMPRESSION_CORRUPT',
      'ERR_ROCKETMQ_COMPRESSION_UNKNOWN',
    ]);
  });

  it('are read out of a compressed inner batch', () => {
    const children = [
      { flag: 1, body: Buffer.from('one'), properties: 'TAGS\u0001a\u0002' },
      { flag: 2, body: Buffer.from('two'), properties: 'TAGS\u0001b\u0002' },
    ];
    const body = compressSync(CompressionType.ZLIB, encodeBatch(children));
    const bytes = encodeMessage({
      ...GOLDEN_RECORD,
      body,
      bodyCrc: undefined,
      sysFlag: withCompression(INNER_BATCH_MASK, CompressionType.ZLIB),
    });
    const { messages, error } = decodeMessages(bytes, { brokerName: 'broker-a' });
    expect(error).to.equal(undefined);
    expect(messages.map((message) => [message.queueOffset, message.body.toString(), message.tags])).to.deep.equal([
      [42, 'one', 'a'],
      [43, 'two', 'b'],
    ]);
    expect(messages[0]).to.include({ isCompressed: false, storeHost: '10.0.0.2:10911' });
    const broken = encodeMessage({
      ...GOLDEN_RECORD,
      sysFlag: withCompression(INNER_BATCH_MASK, CompressionType.ZLIB),
    });
    expect(decodeMessages(broken, { brokerName: 'b' }).error?.code).to.equal('ERR_ROCKETMQ_COMPRESSION_CORRUPT');
  });

  it('that are compressed inner batches of one pull have one limit together', () => {
    const child = { flag: 0, body: Buffer.alloc(20 * 1024 * 1024), properties: '' };
    const bytes = encodeMessage({
      ...GOLDEN_RECORD,
      body: compressSync(CompressionType.ZLIB, encodeBatch([child])),
      bodyCrc: undefined,
      sysFlag: withCompression(INNER_BATCH_MASK, CompressionType.ZLIB),
    });
    const { messages, error } = decodeMessages(Buffer.concat([bytes, bytes]), { brokerName: 'broker-a' });
    expect(messages.map((message) => message.bodyLength)).to.deep.equal([child.body.length]);
    expect(error?.code).to.equal('ERR_ROCKETMQ_BODY_TOO_LARGE');
  });
});
