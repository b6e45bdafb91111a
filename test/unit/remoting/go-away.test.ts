import { expect } from 'chai';
import { BrokerError, ConnectionError } from '../../../lib/errors.js';
import { rejection } from '../../support/rejection.js';
import { Harness, LOCK, PULL } from './harness.js';

const GO_AWAY = { code: 1500, remark: 'shutting down' };

describe('remoting: GO_AWAY', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  /** A server and a client whose connection has been of use, so that the next one is made without a pause. */
  async function connected() {
    const server = await harness.server();
    const client = harness.client();
    const call = client.request(server.address, { code: 34 }, { timeoutMs: 1000 });
    const { command, peer } = await server.nextRequest();
    peer.reply(command);
    await call;
    return { server, client };
  }

  it('sends the call again, unchanged but for its opaque, on a new connection', async () => {
    const { server, client } = await connected();
    const command = { code: 310, extFields: { a: 'group', b: 'Orders' }, body: Buffer.from('message') };
    const call = client.request(server.address, command, { timeoutMs: 1000 });
    const first = await server.nextRequest();
    first.peer.reply(first.command, GO_AWAY);
    const second = await server.nextRequest();
    expect(second.peer).to.not.equal(first.peer);
    expect(second.command).to.deep.include({ code: 310, extFields: first.command.extFields, body: first.command.body });
    expect(second.command.opaque).to.not.equal(first.command.opaque);
    second.peer.reply(second.command, { code: 0, remark: 'stored' });
    expect((await call).remark).to.equal('stored');
    await first.peer.closed;
    expect(harness.events).to.deep.equal(['connected', 'goAway', 'connected']);
    expect(client.isConnected(server.address)).to.equal(true);
  });

  it('is an error the second time', async () => {
    const { server, client } = await connected();
    const call = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), BrokerError);
    for (let i = 0; i < 2; i++) {
      const { command, peer } = await server.nextRequest();
      peer.reply(command, GO_AWAY);
    }
    const error = await call;
    expect(error.responseCode).to.equal(1500);
    expect(error.retryable).to.equal(true);
    expect(error.message).to.contain('shutting down').and.to.contain('LOCK_BATCH_MQ');
    await Promise.all(server.peers.map((peer) => peer.closed));
  });

  it('lets the old connection live until its other calls are answered', async () => {
    const { server, client } = await connected();
    const pull = client.request(server.address, PULL, { timeoutMs: 30_000 });
    const held = await server.nextRequest();
    const lock = client.request(server.address, LOCK, { timeoutMs: 1000 });
    const refused = await server.nextRequest();
    refused.peer.reply(refused.command, GO_AWAY);
    const again = await server.nextRequest();
    again.peer.reply(again.command);
    await lock;
    expect(client.isConnected(server.address)).to.equal(true);
    // New calls go to the new connection, the answer of the old call is still taken from the old one.
    const other = client.request(server.address, LOCK, { timeoutMs: 1000 });
    const third = await server.nextRequest();
    expect(third.peer).to.equal(again.peer);
    third.peer.reply(third.command);
    await other;
    held.peer.reply(held.command, { code: 19 });
    expect((await pull).code).to.equal(19);
    await held.peer.closed;
    expect(harness.events).to.deep.equal(['connected', 'goAway', 'connected']);
  });

  it('of several calls on a connection makes one new connection', async () => {
    const { server, client } = await connected();
    const calls = [1, 2, 3].map(() => client.request(server.address, PULL, { timeoutMs: 1000 }));
    const received = [await server.nextRequest(), await server.nextRequest(), await server.nextRequest()];
    for (const { command, peer } of received) peer.reply(command, GO_AWAY);
    for (let i = 0; i < 3; i++) {
      const { command, peer } = await server.nextRequest();
      peer.reply(command);
    }
    await Promise.all(calls);
    expect(server.peers).to.have.lengthOf(2);
    expect(harness.events).to.deep.equal(['connected', 'goAway', 'connected']);
  });

  it('still serves requests that the peer sends on the old connection', async () => {
    const { server, client } = await connected();
    client.setRequestHandler(307, () => ({ code: 0, remark: 'here' }));
    const pull = client.request(server.address, PULL, { timeoutMs: 30_000 });
    const held = await server.nextRequest();
    const lock = client.request(server.address, LOCK, { timeoutMs: 1000 });
    const refused = await server.nextRequest();
    refused.peer.reply(refused.command, GO_AWAY);
    const again = await server.nextRequest();
    held.peer.request({ code: 307 }, 5);
    expect((await server.nextResponse()).command).to.include({ opaque: 5, remark: 'here' });
    held.peer.reply(held.command);
    again.peer.reply(again.command);
    await Promise.all([pull, lock]);
  });

  it('rejects the call when no new connection can be made', async () => {
    const { server, client } = await connected();
    const call = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), ConnectionError);
    const { command, peer } = await server.nextRequest();
    const stopped = server.stopListening();
    peer.reply(command, GO_AWAY);
    expect((await call).code).to.equal('ERR_ROCKETMQ_CONNECT_FAILED');
    await stopped;
  });

  it('of a peer that sends nothing else is not answered with connection after connection', async () => {
    const server = await harness.server({ onRequest: (command, peer) => peer.reply(command, GO_AWAY) });
    const client = harness.client({ random: () => 1 });
    const call = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), BrokerError);
    await server.nextConnection();
    await harness.clock.advance(99);
    expect(server.peers).to.have.lengthOf(1);
    await harness.clock.advance(1);
    await call;
    expect(server.peers).to.have.lengthOf(2);
  });

  it('does not send a call again that its listener has ended', async () => {
    const { server, client } = await connected();
    const controller = new AbortController();
    client.once('goAway', () => controller.abort());
    const call = rejection(client.request(server.address, LOCK, { timeoutMs: 1000, signal: controller.signal }), Error);
    const { command, peer } = await server.nextRequest();
    peer.reply(command, GO_AWAY);
    expect(await call).to.have.property('code', 'ERR_ROCKETMQ_ABORTED');
    await peer.closed;
    expect(server.peers).to.have.lengthOf(1);
  });

  it('connections both end when the client is closed', async () => {
    const { server, client } = await connected();
    const pull = rejection(client.request(server.address, PULL, { timeoutMs: 30_000 }), ConnectionError);
    await server.nextRequest();
    const lock = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), ConnectionError);
    const refused = await server.nextRequest();
    refused.peer.reply(refused.command, GO_AWAY);
    await server.nextRequest();
    await client.close();
    await Promise.all([pull, lock, ...server.peers.map((peer) => peer.closed)]);
    expect(harness.clock.timerCount).to.equal(0);
  });
});
