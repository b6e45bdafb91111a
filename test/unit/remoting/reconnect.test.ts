import { createServer, Socket } from 'node:net';
import { expect } from 'chai';
import { ConnectionError, TimeoutError } from '../../../lib/errors.js';
import { turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';
import { FakeServer } from '../../support/fake-server.js';
import { ECHO, Harness, LOCK, PULL } from './harness.js';

describe('remoting: connecting and connecting again', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  /** The address of a server that has gone. */
  async function goneAddress(): Promise<string> {
    const server = await FakeServer.start();
    const { address } = server;
    await server.stop();
    return address;
  }

  /** Starts a server where a test said none was before. */
  function serverAt(address: string): Promise<FakeServer> {
    return harness.server({ ...ECHO, port: Number(address.split(':')[1]) });
  }

  it('rejects all calls that wait when the attempt fails', async () => {
    const address = await goneAddress();
    const client = harness.client();
    const errors = await Promise.all(
      [1, 2, 3].map(() => rejection(client.request(address, PULL, { timeoutMs: 1000 }), ConnectionError)),
    );
    for (const error of errors) {
      expect(error).to.include({ code: 'ERR_ROCKETMQ_CONNECT_FAILED', address, retryable: true });
      expect(error.message).to.contain(address).and.to.contain('ECONNREFUSED').and.to.contain('check');
      expect(error.cause).to.have.property('code', 'ECONNREFUSED');
    }
    expect(harness.events).to.deep.equal([]);
    expect(harness.clock.timerCount).to.equal(0);
  });

  it('names every address of a host that has several', async () => {
    const address = (await goneAddress()).replace('127.0.0.1', 'localhost');
    const error = await rejection(harness.client().request(address, PULL, { timeoutMs: 1000 }), ConnectionError);
    expect(error.message).to.contain(address).and.to.contain('ECONNREFUSED');
  });

  it('waits for the next attempt when that comes in time, and makes it once', async () => {
    const address = await goneAddress();
    const client = harness.client();
    await rejection(client.request(address, PULL, { timeoutMs: 1000 }), ConnectionError);
    const server = await serverAt(address);
    const calls = [PULL, LOCK].map((command) => client.request(address, command, { timeoutMs: 1000 }));
    await harness.clock.advance(49);
    expect(server.peers).to.have.lengthOf(0);
    await harness.clock.advance(1);
    await Promise.all(calls);
    expect(server.peers).to.have.lengthOf(1);
  });

  it('fails at once when the next attempt is later than the call may last', async () => {
    const address = await goneAddress();
    const client = harness.client();
    await rejection(client.request(address, PULL, { timeoutMs: 1000 }), ConnectionError);
    const error = await rejection(client.request(address, PULL, { timeoutMs: 50 }), ConnectionError);
    expect(error.code).to.equal('ERR_ROCKETMQ_CONNECT_FAILED');
    expect(error.message).to.contain(address).and.to.contain('in 50 ms').and.to.contain('ECONNREFUSED');
    expect(error.cause).to.be.instanceOf(ConnectionError);
  });

  it('does not hammer a dead peer: 10 s of eager calls make 8 attempts', async () => {
    let attempts = 0;
    const server = createServer((socket) => {
      attempts++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const client = harness.client({ random: () => 1 });
    const end = harness.clock.now() + 10_000;
    while (harness.clock.now() < end) {
      const call = rejection(client.request(address, PULL, { timeoutMs: 60_000 }), ConnectionError);
      let settled = false;
      void call.finally(() => (settled = true));
      while (!settled) {
        const next = harness.clock.nextTimerIn ?? 0;
        // A pause is let pass. While the connection is made (3000 ms) or stands (120 s), sockets need turns only.
        await (next > 5_000 || next === 3_000 ? turns(1) : harness.clock.advance(next));
      }
    }
    // At 0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3 and 11.3 s.
    expect(attempts).to.equal(8);
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it('connects at once again after a connection that was of use', async () => {
    const server = await harness.server(ECHO);
    const client = harness.client();
    await client.request(server.address, PULL, { timeoutMs: 1000 });
    const lost = new Promise<ConnectionError | undefined>((resolve) =>
      client.once('disconnected', (_, error) => resolve(error)),
    );
    server.peers[0]?.socket.destroy();
    expect((await lost)?.message).to.contain(server.address);
    await client.request(server.address, PULL, { timeoutMs: 1000 });
    expect(harness.events).to.deep.equal(['connected', 'disconnected ERR_ROCKETMQ_CONNECTION_LOST', 'connected']);
  });

  it('pauses when connections of use break at once, again and again, until one lasts', async () => {
    const server = await harness.server(ECHO);
    const client = harness.client({ random: () => 1 });
    const useThenLose = async (index: number, lastsMs = 0): Promise<void> => {
      await client.request(server.address, PULL, { timeoutMs: 10_000 });
      if (lastsMs > 0) await harness.clock.advance(lastsMs);
      const lost = new Promise((resolve) => client.once('disconnected', resolve));
      server.peers[index]?.socket.destroy();
      await lost;
    };
    const pause = async (index: number): Promise<number> => {
      const startedAt = harness.clock.now();
      const call = client.request(server.address, PULL, { timeoutMs: 10_000 });
      const { nextTimerIn = 0 } = harness.clock;
      if (nextTimerIn < 3_000) await harness.clock.advance(nextTimerIn);
      await call;
      expect(server.peers).to.have.lengthOf(index + 1);
      return harness.clock.now() - startedAt;
    };
    await useThenLose(0);
    await useThenLose(1);
    expect(await pause(2), 'the second in a row').to.equal(100);
    await useThenLose(2);
    expect(await pause(3)).to.equal(200);
    await useThenLose(3, 1_000);
    expect(await pause(4), 'the last one was good').to.equal(0);
  });

  it('makes no attempt after a pause when all who waited have given up', async () => {
    const address = await goneAddress();
    const client = harness.client();
    await rejection(client.request(address, PULL, { timeoutMs: 1000 }), ConnectionError);
    const controller = new AbortController();
    const waiting = client.request(address, PULL, { timeoutMs: 1000, signal: controller.signal });
    controller.abort();
    await rejection(waiting, Error);
    const server = await serverAt(address);
    await harness.clock.advance(5000);
    expect(server.peers).to.deep.equal([]);
    expect(harness.clock.timerCount).to.equal(0);
  });

  it('gives up connecting after 3 s, with the address and what to do in the message', async () => {
    const server = await harness.server();
    const client = harness.client({ tls: false });
    // The fake clock runs ahead of the real handshake, which needs a turn of the event loop.
    const call = rejection(client.request(server.address, PULL, { timeoutMs: 10_000 }), ConnectionError);
    const timer = harness.clock.nextTimerIn;
    expect(timer).to.equal(3000);
    harness.clock.jump(3000);
    harness.clock.runDue();
    const error = await call;
    expect(error).to.include({ code: 'ERR_ROCKETMQ_CONNECT_TIMEOUT', address: server.address });
    expect(error.message).to.contain('3000 ms').and.to.contain('check');
  });

  it('ends a call whose time is over before the connection stands; the attempt goes on', async () => {
    const server = await harness.server(ECHO);
    const client = harness.client();
    const call = rejection(client.request(server.address, PULL, { timeoutMs: 500 }), TimeoutError);
    harness.clock.jump(500);
    harness.clock.runDue();
    const error = await call;
    expect(error.message).to.contain(server.address).and.to.contain('was not sent').and.to.contain('500 ms');
    expect(error.context['phase']).to.equal('connect');
    await server.nextConnection();
    await client.request(server.address, LOCK, { timeoutMs: 500 });
    expect(server.peers).to.have.lengthOf(1);
    expect(server.peers[0]?.commands.map((command) => command.code)).to.deep.equal([41]);
  });

  it('takes another connection when the socket is dying before its end was reported', async () => {
    const server = await harness.server(ECHO);
    const client = harness.client();
    await client.request(server.address, PULL, { timeoutMs: 1000 });
    clientSocket(server).destroy(new Error('dying'));
    const call = client.request(server.address, LOCK, { timeoutMs: 1000 });
    expect(harness.events).to.deep.equal(['connected', 'disconnected ERR_ROCKETMQ_CONNECTION_LOST']);
    await call;
    expect(server.peers).to.have.lengthOf(2);
  });

  it('rejects a call that was written to a socket that is dying', async () => {
    const server = await harness.server(ECHO);
    const client = harness.client();
    await client.request(server.address, PULL, { timeoutMs: 1000 });
    const call = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), ConnectionError);
    const oneway = rejection(client.oneway(server.address, LOCK), ConnectionError);
    clientSocket(server).destroy(new Error('dying'));
    for (const error of [await call, await oneway]) {
      expect(error.code).to.equal('ERR_ROCKETMQ_CONNECTION_LOST');
      expect(error.message).to.contain(server.address).and.to.contain('dying');
    }
    expect(harness.clock.timerCount).to.equal(0);
  });

  it('reports a socket that closes without a word', async () => {
    const server = await harness.server();
    const client = harness.client();
    const call = rejection(client.request(server.address, PULL, { timeoutMs: 1000 }), ConnectionError);
    await server.nextRequest();
    clientSocket(server).destroy();
    expect((await call).message)
      .to.contain(server.address)
      .and.to.contain('was closed');
  });
});

/** The client's end of its connection to a server, as the event loop knows it. */
function clientSocket(server: FakeServer): Socket {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles(): unknown[] };
  const socket = _getActiveHandles().find((handle) => handle instanceof Socket && handle.remotePort === server.port);
  if (!(socket instanceof Socket)) throw new Error('no connection to the server');
  return socket;
}
