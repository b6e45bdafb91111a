import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { expect } from 'chai';
import { aclContent, aclSignature } from '../../../../lib/protocol/acl-signature.js';
import { createRequest, encodeCommand, SerializeType } from '../../../../lib/protocol/command.js';
import { getMaxOffset } from '../../../../lib/protocol/requests/get-max-offset.js';
import { MAX_FRAME_LENGTH } from '../../../../lib/protocol/frame.js';
import type { MockClusterOptions } from '../../../../mock-broker/index.js';
import { beat, MockHarness, TOPIC } from '../../../support/mock-harness.js';
import { RawClient } from '../../../support/raw-client.js';

const question = getMaxOffset.encode({ topic: TOPIC, queueId: 0 });
const tlsFile = (name: string): Buffer => readFileSync(new URL(`../../../fixtures/tls/${name}`, import.meta.url));

describe('the port of a mock server', () => {
  let harness: MockHarness;

  async function start(options: MockClusterOptions = {}): Promise<RawClient> {
    harness = await MockHarness.start(options);
    return harness.connect();
  }

  afterEach(() => harness.stop());

  describe('headers', () => {
    it('echo opaque, tell language and version', async () => {
      const client = await start({ version: 513 });
      const opaque = client.send(question);
      const reply = await client.reply(opaque);
      expect(reply).to.include({ opaque, flag: 1, language: 'JAVA', version: 513, serializeType: SerializeType.JSON });
    });

    it('are JSON whatever the request is, unless told otherwise', async () => {
      for (const [options, expected] of [
        [{}, SerializeType.JSON],
        [{ serializeType: 'ROCKETMQ' }, SerializeType.ROCKETMQ],
        [{ serializeType: 'echo' }, SerializeType.ROCKETMQ],
        [{ version: 407 }, SerializeType.ROCKETMQ],
      ] as const) {
        const client = await start(options);
        const reply = await client.request(question, { serializeType: SerializeType.ROCKETMQ });
        expect(reply.serializeType).to.equal(expected);
        expect(reply.extFields).to.deep.equal({ offset: '0' });
        if (
          expected === SerializeType.ROCKETMQ &&
          !('serializeType' in options && options.serializeType === 'ROCKETMQ')
        ) {
          expect((await client.request(question)).serializeType).to.equal(SerializeType.JSON);
        }
        await harness.stop();
      }
      await start();
    });

    it('are read from any split of the bytes', async () => {
      const client = await start();
      const frame = encodeCommand(createRequest(question, 7));
      for (const byte of frame) {
        await new Promise<void>((resolve) => client.socket.write(Buffer.from([byte]), () => resolve()));
      }
      expect((await client.reply(7)).code).to.equal(0);
    });
  });

  it('does not answer one-way requests, not even unknown ones', async () => {
    const client = await start();
    client.send({ code: 9999 }, { oneway: true });
    client.send(question, { oneway: true });
    const opaque = client.send(question);
    await client.reply(opaque);
    expect(client.received).to.have.length(1);
  });

  it('drops answers to nothing it asked', async () => {
    const client = await start();
    client.respond({ ...(await client.request(question)), opaque: 4711 }, { code: 0 });
    expect((await client.request(question)).code).to.equal(0);
  });

  it('closes a connection on bytes that are no frame, and only that', async () => {
    const healthy = await start();
    const int32 = (...values: number[]): Buffer => {
      const bytes = Buffer.alloc(values.length * 4);
      values.forEach((value, index) => bytes.writeInt32BE(value, index * 4));
      return bytes;
    };
    const broken: Buffer[] = [
      int32(MAX_FRAME_LENGTH + 1),
      int32(-1),
      int32(3),
      int32(8, 100, 0),
      Buffer.concat([int32(6, 2), Buffer.from('{]')]),
      Buffer.concat([int32(6, (7 << 24) | 2), Buffer.from('{}')]),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
    ];
    for (const bytes of broken) {
      const client = await harness.connect();
      client.socket.write(bytes);
      await client.closed;
    }
    expect((await healthy.request(question)).code).to.equal(0);
    expect(harness.cluster.brokers[0]?.connections).to.have.length(1);
  });

  it('survives clients that vanish in the middle of a frame', async () => {
    const healthy = await start();
    const client = await harness.connect();
    client.socket.write(Buffer.from([0, 0, 1, 0, 0, 0]));
    await client.close();
    const reset = await harness.connect();
    reset.send(question);
    reset.socket.resetAndDestroy();
    await reset.closed;
    expect((await healthy.request(question)).code).to.equal(0);
  });

  describe('calls to clients', () => {
    it('get the answer of the client', async () => {
      const client = await start();
      await beat(client, 'c1');
      const answer = harness.cluster.callClient('c1', { code: 307, extFields: { clientId: 'c1' } });
      const request = await client.pushed(307);
      expect(request.flag).to.equal(0);
      client.respond(request, { code: 0, body: Buffer.from('info') });
      expect((await answer).body.toString()).to.equal('info');
      const entry = harness.cluster.journal.entries.find((one) => one.kind === 'response' && one.direction === 'in');
      expect(entry?.request).to.equal(307);
    });

    it('fail when the client does not answer, goes away, or is not there', async () => {
      const client = await start();
      await beat(client, 'c1');
      const code = async (call: Promise<unknown>): Promise<unknown> => {
        const error = (await call.then(
          () => undefined,
          (reason: unknown) => reason,
        )) as { code?: string } | undefined;
        return error?.code;
      };
      expect(await code(harness.cluster.callClient('billing', { code: 307 }, 1))).to.equal('ERR_ROCKETMQ_TIMEOUT');
      const lost = code(harness.cluster.callClient('c1', { code: 307 }));
      await client.pushed(307);
      await client.pushed(307);
      await client.close();
      expect(await lost).to.equal('ERR_ROCKETMQ_CONNECTION_LOST');
      expect(await code(harness.cluster.callClient('nobody', { code: 307 }))).to.equal('ERR_ROCKETMQ_STATE');
    });

    it('can be one-way, to all members of a group', async () => {
      const first = await start();
      const second = await harness.connect();
      await beat(first, 'c1');
      await beat(second, 'c2');
      expect(harness.cluster.tellClient('billing', { code: 220, extFields: { topic: TOPIC } })).to.equal(2);
      expect((await first.pushed(220)).flag).to.equal(2);
      expect((await second.pushed(220)).extFields).to.deep.equal({ topic: TOPIC });
    });
  });

  describe('with access control', () => {
    const acl = { accessKey: 'ak', secretKey: 'sk' };
    const signed = (accessKey: string, secretKey: string): typeof question => {
      const extFields = { ...question.extFields, AccessKey: accessKey };
      return {
        code: question.code,
        extFields: { ...extFields, Signature: aclSignature(aclContent(extFields, undefined), secretKey) },
      };
    };

    it('accepts signed requests only', async () => {
      const client = await start({ acl });
      const remark = async (request: typeof question): Promise<unknown> => {
        const reply = await client.request(request);
        return [reply.code, reply.remark];
      };
      const exception = 'org.apache.rocketmq.acl.common.AclException: ';
      expect(await remark(signed('ak', 'sk'))).to.deep.equal([0, undefined]);
      expect(await remark(question)).to.deep.equal([1, `${exception}No accessKey is configured`]);
      expect(await remark(signed('other', 'sk'))).to.deep.equal([1, `${exception}No acl config for other`]);
      expect(await remark(signed('ak', 'wrong'))).to.deep.equal([
        1,
        `${exception}Check signature failed for accessKey=ak`,
      ]);
    });

    it('needs no signature at the name server', async () => {
      await start({ acl });
      const nameServer = await harness.connectNameServer();
      expect((await nameServer.request({ code: 105, extFields: { topic: TOPIC } })).code).to.equal(0);
    });
  });

  describe('with TLS', () => {
    const tls = { key: tlsFile('server-key.pem'), cert: tlsFile('server.pem') };

    it('serves encrypted and plain connections on the same port', async () => {
      const plain = await start({ tls });
      const encrypted = await harness.connect({ tls: { rejectUnauthorized: false } });
      expect((await encrypted.request(question)).code).to.equal(0);
      expect((await plain.request(question)).code).to.equal(0);
      await beat(encrypted, 'c1');
      await encrypted.close();
      expect((await plain.request(question)).code).to.equal(0);
    });

    it('survives handshakes that fail, and connections that say nothing', async () => {
      const plain = await start({ tls });
      const { port } = new URL(`tcp://${harness.cluster.brokers[0]?.address ?? ''}`);
      const silent = connect(Number(port), '127.0.0.1');
      await once(silent, 'connect');
      silent.destroy();
      const broken = connect(Number(port), '127.0.0.1');
      broken.on('error', () => undefined).resume();
      broken.write(Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0xff]));
      await once(broken, 'close');
      const refused = RawClient.connect(harness.cluster.brokers[0]?.address ?? '', { tls: {} });
      expect(
        await refused.then(
          () => 'connected',
          () => 'refused',
        ),
      ).to.equal('refused');
      expect((await plain.request(question)).code).to.equal(0);
    });

    it('asks clients for a certificate when it knows who signs them', async () => {
      await start({ tls: { ...tls, ca: tlsFile('ca.pem') } });
      const bare = await harness.connect({ tls: { rejectUnauthorized: false } });
      bare.send(question);
      await bare.closed;
      const own = { key: tlsFile('client-key.pem'), cert: tlsFile('client.pem') };
      const known = await harness.connect({ tls: { rejectUnauthorized: false, ...own } });
      expect((await known.request(question)).code).to.equal(0);
    });
  });
});
