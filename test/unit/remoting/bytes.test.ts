import { expect } from 'chai';
import { ConnectionError, ProtocolError } from '../../../lib/errors.js';
import { createResponse, encodeCommand, SerializeType, type RemotingCommand } from '../../../lib/protocol/command.js';
import { rejection } from '../../support/rejection.js';
import { ECHO, Harness, LOCK, PULL } from './harness.js';

/** What a connection makes of the bytes that come: cut anywhere, joined, broken. */
describe('remoting: bytes', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  function answer(command: RemotingCommand, body: string, serializeType: SerializeType = SerializeType.JSON): Buffer {
    return encodeCommand(createResponse(command, { code: 0, body: Buffer.from(body) }, { serializeType }));
  }

  it('reads an answer that comes byte by byte', async () => {
    const server = await harness.server();
    const client = harness.client();
    const call = client.request(server.address, PULL, { timeoutMs: 1000 });
    const { command, peer } = await server.nextRequest();
    for (const byte of answer(command, 'slowly')) {
      await new Promise((resolve) => peer.socket.write(Buffer.of(byte), resolve));
    }
    expect((await call).body.toString()).to.equal('slowly');
  });

  it('reads ten answers of both header forms that come in one chunk', async () => {
    const server = await harness.server();
    const client = harness.client();
    const calls = Array.from({ length: 10 }, () => client.request(server.address, PULL, { timeoutMs: 1000 }));
    const frames: Buffer[] = [];
    for (let i = 0; i < 10; i++) {
      const { command } = await server.nextRequest();
      frames.push(answer(command, `body ${i}`, i % 2 === 0 ? SerializeType.JSON : SerializeType.ROCKETMQ));
    }
    server.peers[0]?.socket.write(Buffer.concat(frames));
    const replies = await Promise.all(calls);
    expect(replies.map((reply) => reply.body.toString())).to.deep.equal(calls.map((_, i) => `body ${i}`));
    expect(replies.map((reply) => reply.serializeType)).to.deep.equal([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  });

  const broken: [string, Buffer, string][] = [
    ['a frame over the limit', Buffer.from('01000001', 'hex'), 'ERR_ROCKETMQ_FRAME_TOO_LARGE'],
    ['a negative length', Buffer.from('ffffffff', 'hex'), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
    ['a header longer than its frame', Buffer.from('0000000400000001', 'hex'), 'ERR_ROCKETMQ_FRAME_MALFORMED'],
    ['an HTTP answer', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'ERR_ROCKETMQ_FRAME_TOO_LARGE'],
    ['a header that is no JSON', Buffer.from('00000006000000027b7b', 'hex'), 'ERR_ROCKETMQ_HEADER_MALFORMED'],
    ['an unknown header form', Buffer.from('0000000405000000', 'hex'), 'ERR_ROCKETMQ_HEADER_MALFORMED'],
  ];
  for (const [what, bytes, code] of broken) {
    it(`closes the connection for ${what}, and only that`, async () => {
      const server = await harness.server();
      const healthy = await harness.server();
      const client = harness.client();
      const calls = [PULL, LOCK].map((command) =>
        rejection(client.request(server.address, command, { timeoutMs: 1000 }), ConnectionError),
      );
      const other = client.request(healthy.address, PULL, { timeoutMs: 1000 });
      await server.nextRequest();
      const { peer } = await server.nextRequest();
      peer.socket.write(bytes);
      for (const call of calls) {
        const error = await call;
        expect(error.code).to.equal('ERR_ROCKETMQ_CONNECTION_LOST');
        expect(error.message).to.contain(server.address).and.to.contain('no valid frame');
        expect(error.cause).to.be.instanceOf(ProtocolError).with.property('code', code);
      }
      await peer.closed;
      const received = await healthy.nextRequest();
      received.peer.reply(received.command);
      await other;
    });
  }

  it('takes the answers that came before a broken frame, and none after it', async () => {
    const server = await harness.server();
    const client = harness.client();
    const good = client.request(server.address, PULL, { timeoutMs: 1000 });
    const bad = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), ConnectionError);
    const [first, second] = [await server.nextRequest(), await server.nextRequest()];
    const garbage = Buffer.from('0000000405000000', 'hex');
    first.peer.socket.write(Buffer.concat([answer(first.command, 'before'), garbage, answer(second.command, 'after')]));
    expect((await good).body.toString()).to.equal('before');
    await bad;
  });

  it('honours a smaller limit for frames', async () => {
    const server = await harness.server();
    const client = harness.client({ maxFrameLength: 1000 });
    const call = rejection(client.request(server.address, PULL, { timeoutMs: 1000 }), ConnectionError);
    const { command, peer } = await server.nextRequest();
    peer.socket.write(answer(command, 'x'.repeat(1000)));
    expect((await call).message).to.contain('limit of 1000');
  });

  it('says that a peer closed in the middle of a frame', async () => {
    const server = await harness.server();
    const client = harness.client();
    const call = rejection(client.request(server.address, PULL, { timeoutMs: 1000 }), ConnectionError);
    const { command, peer } = await server.nextRequest();
    peer.socket.end(answer(command, 'cut short').subarray(0, 30));
    const error = await call;
    expect(error.code).to.equal('ERR_ROCKETMQ_CONNECTION_LOST');
    expect(error.message).to.contain(server.address).and.to.contain('middle of a frame (30 bytes');
  });

  it('says that a peer closed before it sent anything, and asks for TLS', async () => {
    const server = await harness.server();
    const client = harness.client();
    const call = rejection(client.request(server.address, PULL, { timeoutMs: 1000 }), ConnectionError);
    (await server.nextRequest()).peer.socket.end();
    expect((await call).message).to.contain('tls option');
  });

  it('says that a peer closed after it had answered', async () => {
    const server = await harness.server(ECHO);
    const client = harness.client();
    await client.request(server.address, PULL, { timeoutMs: 1000 });
    server.onRequest = (_, peer) => void peer.socket.end();
    const error = await rejection(client.request(server.address, PULL, { timeoutMs: 1000 }), ConnectionError);
    expect(error.message).to.contain('was closed by the peer;').and.not.contain('tls');
  });

  it('reports a reset', async () => {
    const server = await harness.server();
    const client = harness.client();
    const call = rejection(client.request(server.address, PULL, { timeoutMs: 1000 }), ConnectionError);
    (await server.nextRequest()).peer.socket.resetAndDestroy();
    const error = await call;
    expect(error.code).to.equal('ERR_ROCKETMQ_CONNECTION_LOST');
    expect(error.cause).to.have.property('code', 'ECONNRESET');
  });
});
