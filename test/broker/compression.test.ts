import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MessageFormatError } from '../../lib/errors.js';
import { compressSync } from '../../lib/protocol/compression.js';
import { encodeBatch } from '../../lib/protocol/message.js';
import { CompressionType, INNER_BATCH_MASK, withCompression } from '../../lib/protocol/sys-flag.js';
import type { ProducedMessage } from '../../mock-broker/index.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { numbers, pulls } from '../support/wire.js';

const T = 'T';
const DLQ = '%DLQ%group';
const { ZLIB, LZ4, ZSTD } = CompressionType;

/** What unpacked bodies may have, plus one. */
const TOO_LARGE = 64 * 1024 * 1024 + 1;

/** Compressed bodies of the three codecs. Of zstd a frame that is stored, as old Node can't compress. */
const pack: Record<'zlib' | 'lz4' | 'zstd', (body: Buffer) => Buffer> = {
  zlib: (body) => compressSync(ZLIB, body),
  lz4: (body) => compressSync(LZ4, body),
  zstd: zstdFrame,
};
const types = { zlib: ZLIB, lz4: LZ4, zstd: ZSTD };
const codecs = ['zlib', 'lz4', 'zstd'] as const;

describe('compressed messages', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  function packed(codec: keyof typeof pack, text: string): ProducedMessage {
    return {
      queueId: 0,
      body: '',
      storedBody: pack[codec](Buffer.from(text)),
      sysFlag: withCompression(0, types[codec]),
    };
  }

  function texts(c: WatchedConsumer): string[] {
    return c.deliveries.map((delivery) => delivery.text);
  }

  for (const codec of codecs) {
    it(`reach the listener unpacked and in order, among others that aren't: ${codec}`, async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const expected: string[] = [];
      for (let i = 0; i < 30; i++) {
        // Every third is large enough to be unpacked off the event loop.
        const text = `${i} `.repeat(i % 3 === 2 ? 20_000 : 3);
        expected.push(text);
        rig.cluster.produce(T, i % 2 === 0 ? packed(codec, text) : { queueId: 0, body: text });
      }
      const c = await rig.consume(T);
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 30);
      expect(texts(c)).to.deep.equal(expected);
      expect(c.offsets(0)).to.deep.equal(numbers(30));
      await rig.advance(5_000);
      expect(rig.committed(T, 0)).to.equal(30);
      expect(c.errors).to.deep.equal([]);
    });

    it(`may be a whole batch, at consecutive offsets: ${codec}`, async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const innerBatch = numbers(5).map((i) => ({ body: `inner ${i}` }));
      const batch = encodeBatch(innerBatch.map(({ body }) => ({ flag: 0, body: Buffer.from(body), properties: '' })));
      rig.cluster.produce(T, { queueId: 0, body: 'before' });
      rig.cluster.produce(T, {
        queueId: 0,
        body: '',
        innerBatch,
        storedBody: pack[codec](batch),
        sysFlag: withCompression(INNER_BATCH_MASK, types[codec]),
      });
      rig.cluster.produce(T, { queueId: 0, body: 'after' });
      const c = await rig.consume(T);
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 7);
      expect(texts(c)).to.deep.equal(['before', ...innerBatch.map(({ body }) => body), 'after']);
      expect(c.offsets(0)).to.deep.equal(numbers(7));
      await rig.advance(5_000);
      expect(rig.committed(T, 0)).to.equal(7);
      expect(c.errors).to.deep.equal([]);
    });
  }

  it('come in every mixture of codecs in one answer', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    for (let i = 0; i < 24; i++) rig.cluster.produce(T, packed(codecs[i % 3] ?? 'zlib', `message ${i}`));
    const c = rig.consumer('c1', { consumeMessageBatchMaxSize: 8 });
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 24);
    expect(texts(c)).to.deep.equal(numbers(24).map((i) => `message ${i}`));
  });

  it('show the listener their stored length, and keep what they were stored as', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.cluster.produce(T, packed('zlib', 'a'.repeat(5_000)));
    const c = rig.consumer();
    const seen: number[][] = [];
    c.answer = (_delivery, _context, message) => void seen.push([message.body.length, message.bodyLength]);
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('it is consumed', () => seen.length === 1);
    const [[length = 0, stored = 0] = []] = seen;
    expect(length).to.equal(5_000);
    expect(stored).to.be.within(1, 100);
  });

  describe('that can not be read', () => {
    const whole = Buffer.from('a body that is long enough to be worth it, worth it, worth it, worth it');
    const cut = (body: Buffer): Buffer => body.subarray(0, -6);
    const noise = Buffer.from('no compressed body at all');
    // What is stored, its compression bits, and the code of the error.
    const cases: [name: string, storedBody: () => Buffer, type: number, code: string][] = [
      ['of an unknown codec', () => noise, 5, 'ERR_ROCKETMQ_COMPRESSION_UNKNOWN'],
      ['zlib that is cut', () => cut(pack.zlib(whole)), ZLIB, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['LZ4 that is cut', () => cut(pack.lz4(whole)), LZ4, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['zstd that is cut', () => cut(pack.zstd(whole)), ZSTD, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['no zlib', () => noise, ZLIB, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['of no codec and no zlib', () => noise, 0, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['no LZ4', () => noise, LZ4, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['no zstd', () => noise, ZSTD, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['zlib that says LZ4', () => pack.zlib(whole), LZ4, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['an empty body', () => Buffer.alloc(0), ZLIB, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'],
      ['large and cut, off the event loop', () => cut(pack.zstd(Buffer.alloc(60_000, 7))), ZSTD, 'ERR_ROCKETMQ_COMPRESSION_CORRUPT'], // prettier-ignore
      ['a bomb', () => pack.zlib(Buffer.alloc(TOO_LARGE)), ZLIB, 'ERR_ROCKETMQ_BODY_TOO_LARGE'],
    ];

    /** Two good messages, a bad one, and two good ones. */
    function produceAround(storedBody: Buffer, type: number): void {
      rig.produce(T, 0, 2);
      rig.cluster.produce(T, { queueId: 0, body: '', storedBody, sysFlag: 1 | (type << 8), keys: 'bad' });
      rig.produce(T, 0, 2);
    }

    for (const [name, storedBody, type, code] of cases) {
      it(`${name}: said each time, never handed out, committed or passed over`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 2 } } });
        produceAround(storedBody(), type);
        rig.produce(T, 1, 5);
        const c = rig.consumer();
        // Large bodies are unpacked by another thread, which does not go by the rig's clock.
        const said = new Promise((resolve) => c.consumer.once('error', resolve));
        c.consumer.subscribe(T);
        await c.start();
        await rig.advanceUntil('it is pulled', () => pulls(rig.cluster, T, 0).length > 0);
        await said;
        await rig.advance(20_000);
        expect(c.offsets(0)).to.deep.equal([0, 1]);
        expect(c.offsets(1), 'the other queue').to.deep.equal(numbers(5));
        expect(rig.committed(T, 0)).to.equal(2);
        expect(c.errors[0]).to.be.instanceOf(MessageFormatError);
        expect(new Set(c.errors.map((error) => error.code))).to.deep.equal(new Set([code]));
        expect(c.errors.length, 'once per attempt, a second apart').to.be.within(18, 22);
        expect(rig.cluster.messages(DLQ)).to.deep.equal([]);
      });
    }

    it('with limited attempts goes to the dead letter queue as it was stored, and the queue goes on', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const storedBody = cut(pack.lz4(whole));
      produceAround(storedBody, LZ4);
      const c = rig.consumer('c1', { maxReconsumeTimes: 1 });
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the rest is consumed', () => c.deliveries.length === 4);
      expect(c.offsets(0)).to.deep.equal([0, 1, 3, 4]);
      expect(c.errors.map((error) => error.code), 'two attempts').to.deep.equal(['ERR_ROCKETMQ_COMPRESSION_CORRUPT', 'ERR_ROCKETMQ_COMPRESSION_CORRUPT']); // prettier-ignore
      expect(c.eventsNamed('deadLetter').length).to.equal(1);
      const [dead, ...others] = rig.cluster.messages(DLQ);
      expect(others).to.deep.equal([]);
      expect(dead?.rawBody).to.deep.equal(storedBody);
      expect(dead?.sysFlag).to.equal(withCompression(0, LZ4));
      expect(dead?.keys).to.deep.equal(['bad']);
      expect(dead?.getProperty('RETRY_TOPIC')).to.equal(T);
      await rig.advance(5_000);
      expect(rig.committed(T, 0)).to.equal(5);
    });

    it('can be let go of by limiting the attempts of a consumer that runs', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      produceAround(noise, 7);
      const c = await rig.consume(T);
      await rig.advanceUntil('it was tried', () => c.errors.length === 5);
      c.consumer.maxReconsumeTimes = 3;
      await rig.advanceUntil('the rest is consumed', () => c.deliveries.length === 4, 2_000);
      expect(c.offsets(0)).to.deep.equal([0, 1, 3, 4]);
      expect(rig.cluster.messages(DLQ)[0]?.rawBody).to.deep.equal(noise);
    });

    it('comes alone: what lies before it in a batch is handed out first, what lies behind it later', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      produceAround(noise, ZLIB);
      const c = rig.consumer('c1', { consumeMessageBatchMaxSize: 4, maxReconsumeTimes: 1 });
      const batches: number[][] = [];
      c.consumer.subscribe(T);
      await c.consumer.start((messages) => void batches.push(messages.map((message) => message.queueOffset)));
      await rig.advanceUntil('all are consumed', () => batches.flat().length === 4);
      expect(batches).to.deep.equal([[0, 1], [3, 4]]); // prettier-ignore
      expect(rig.cluster.messages(DLQ).length).to.equal(1);
    });

    it('does not take with it what the listener has not committed yet', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      produceAround(noise, ZLIB);
      const c = rig.consumer('c1', { maxReconsumeTimes: 1 });
      c.answer = ({ offset }, context) => {
        context.autoCommit = false;
        return offset === 4 ? 'COMMIT' : 'SUCCESS';
      };
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the fourth is consumed', () => c.offsets(0).includes(3));
      await rig.advanceUntil('all are consumed', () => c.offsets(0).includes(4));
      expect(c.offsets(0)).to.deep.equal([0, 1, 3, 4]);
      await rig.advance(5_000);
      expect(rig.committed(T, 0)).to.equal(5);
      expect(rig.cluster.messages(DLQ).length).to.equal(1);
    });

    it('a batch stored as one waits as a whole, however few attempts there are', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 2);
      const innerBatch = [{ body: 'a' }, { body: 'b' }];
      const sysFlag = withCompression(INNER_BATCH_MASK, ZLIB);
      rig.cluster.produce(T, { queueId: 0, body: '', innerBatch, storedBody: noise, sysFlag });
      rig.produce(T, 0, 1);
      const c = rig.consumer('c1', { maxReconsumeTimes: 1 });
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('it is said', () => c.errors.length > 1);
      await rig.advance(20_000);
      expect(c.offsets(0)).to.deep.equal([0, 1]);
      expect(rig.committed(T, 0)).to.equal(2);
      expect(new Set(c.errors.map((error) => error.code))).to.deep.equal(new Set(['ERR_ROCKETMQ_COMPRESSION_CORRUPT']));
      expect(rig.cluster.messages(DLQ)).to.deep.equal([]);
    });
  });

  it('of a codec that is not installed say which package is missing, and wait', async () => {
    rig = await Rig.start();
    // In a process of its own, in which the package can't be found.
    const script = fileURLToPath(new URL('../support/without-codec.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, 'lz4-napi']);
    const seen = JSON.parse(stdout) as Record<string, unknown>;
    expect(seen).to.include({ committed: 1, code: 'ERR_ROCKETMQ_COMPRESSION_UNAVAILABLE', dead: 0 });
    expect(seen['delivered']).to.deep.equal([0]);
    expect(seen['message']).to.contain('install the package lz4-napi');
  }).timeout(30_000);
});

/** A zstd frame of one block that is not compressed, which is all a decoder needs to see. */
function zstdFrame(body: Buffer): Buffer {
  const head = Buffer.alloc(4 + 1 + 4 + 3);
  head.writeUInt32LE(0xfd2fb528, 0);
  // The frame is one segment, whose length follows in four bytes.
  head.writeUInt8(0b1010_0000, 4);
  head.writeUInt32LE(body.length, 5);
  head.writeUIntLE((body.length << 3) | 1, 9, 3);
  return Buffer.concat([head, body]);
}
