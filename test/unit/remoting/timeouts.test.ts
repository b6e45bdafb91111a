import { expect } from 'chai';
import { ConnectionError, TimeoutError } from '../../../lib/errors.js';
import { rejection } from '../../support/rejection.js';
import { ECHO, Harness, LOCK, PULL } from './harness.js';

/** Timeouts of calls on a connection that stands. What happens before it does is in reconnect.test.ts. */
describe('remoting: timeouts', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  it('end a call at its deadline, with the address and what to do in the message', async () => {
    const server = await harness.server();
    const client = harness.client();
    const timedOut = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), TimeoutError);
    await server.nextRequest();
    let settled = false;
    void timedOut.finally(() => (settled = true));
    await harness.clock.advance(999);
    expect(settled).to.equal(false);
    await harness.clock.advance(1);
    const error = await timedOut;
    expect(error.message).to.contain(server.address).and.to.contain('LOCK_BATCH_MQ').and.to.contain('1000 ms');
    expect(error.message).to.contain('unknown').and.to.contain('check');
    expect(error.context).to.deep.equal({ address: server.address, requestCode: 41, timeoutMs: 1000, phase: 'answer' });
    expect(error.retryable).to.equal(true);
  });

  it('keep a call from being sent that has waited too long for its connection', async () => {
    const server = await harness.server();
    const client = harness.client();
    const end = harness.clock.now() + 500;
    const sendBefore = (): number => end;
    const late = rejection(client.request(server.address, LOCK, { timeoutMs: 5000, sendBefore }), TimeoutError);
    const other = rejection(client.request(server.address, PULL, { timeoutMs: 5000 }), ConnectionError);
    // As after a pause of the whole process: the connection is made in it, and reported after it.
    harness.clock.jump(501);
    const { command } = await server.nextRequest();
    expect(command.code).to.equal(PULL.code);
    const error = await late;
    expect(error.message).to.contain('was not sent').and.to.contain('lease').and.to.contain(server.address);
    expect(error.context).to.deep.equal({ address: server.address, requestCode: 41, timeoutMs: 501, phase: 'connect' });
    server.onRequest = ECHO.onRequest;
    const inTime = { timeoutMs: 5000, sendBefore: () => harness.clock.now() };
    await client.request(server.address, LOCK, inTime);
    await client.close();
    await other;
  });

  it('keep what was to leave within a lease from leaving after it, when the process was held up just then', async () => {
    const seen: number[] = [];
    const server = await harness.server({
      onRequest: (command, peer) => {
        seen.push(command.code);
        peer.reply(command);
      },
    });
    const client = harness.client();
    await client.request(server.address, PULL, { timeoutMs: 5000 });
    const end = harness.clock.now() + 500;
    const calls = [
      client.request(server.address, PULL, { timeoutMs: 5000 }),
      client.request(server.address, LOCK, { timeoutMs: 5000, sendBefore: () => end }),
      client.oneway(server.address, { code: 10 }, { timeoutMs: 5000 }),
    ];
    const lost = calls.map((call) => rejection(call, ConnectionError));
    // As a listener that does not give way: what was written in the same turn has not left yet.
    harness.clock.jump(501);
    for (const error of await Promise.all(lost)) {
      expect(error.code).to.equal('ERR_ROCKETMQ_CONNECTION_LOST');
      expect(error.message).to.contain('held up');
    }
    const next = { timeoutMs: 5000, sendBefore: () => harness.clock.now() };
    await client.request(server.address, LOCK, next);
    expect(server.peers).to.have.lengthOf(2);
    expect(seen).to.deep.equal([PULL.code, LOCK.code]);
  });

  it('close the connection and with it end the calls beside it; the next call connects anew', async () => {
    const server = await harness.server();
    const client = harness.client();
    const pull = rejection(client.request(server.address, PULL, { timeoutMs: 30_000 }), ConnectionError);
    const lock = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), TimeoutError);
    const { peer } = await server.nextRequest();
    await harness.clock.advance(1000);
    const lost = await pull;
    expect(lost.code).to.equal('ERR_ROCKETMQ_CONNECTION_LOST');
    expect(lost.cause).to.equal(await lock);
    await peer.closed;
    expect(harness.events).to.deep.equal(['connected', 'disconnected ERR_ROCKETMQ_CONNECTION_LOST']);
    server.onRequest = ECHO.onRequest;
    const next = client.request(server.address, LOCK, { timeoutMs: 1000 });
    // The connection was never of use, so the next one is made after a pause.
    await harness.clock.advance(100);
    await next;
    expect(server.peers).to.have.lengthOf(2);
  });

  it('leave the connection open for calls that say so, such as long polls', async () => {
    const server = await harness.server();
    const client = harness.client();
    const pull = rejection(
      client.request(server.address, PULL, { timeoutMs: 1000, closeOnTimeout: false }),
      TimeoutError,
    );
    const other = client.request(server.address, PULL, { timeoutMs: 2000 });
    await server.nextRequest();
    const { command, peer } = await server.nextRequest();
    await harness.clock.advance(1000);
    await pull;
    peer.reply(command);
    await other;
    expect(harness.events).to.deep.equal(['connected']);
  });

  it('leave it open when most of the time had gone into making the connection', async () => {
    const server = await harness.server();
    const client = harness.client({ connectTimeoutMs: 60_000 });
    const timedOut = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), TimeoutError);
    harness.clock.jump(950);
    await server.nextRequest();
    await harness.clock.advance(50);
    await timedOut;
    expect(client.isConnected(server.address)).to.equal(true);
  });

  it('each have their own deadline, in whatever order the calls were made', async () => {
    const server = await harness.server();
    const client = harness.client();
    const ended: number[] = [];
    const startedAt = harness.clock.now();
    const calls = [5000, 1000, 3000, 1000, 4000].map((timeoutMs) =>
      rejection(client.request(server.address, PULL, { timeoutMs, closeOnTimeout: false }), TimeoutError).then(() => {
        expect(harness.clock.now() - startedAt).to.equal(timeoutMs);
        ended.push(timeoutMs);
      }),
    );
    for (const _ of calls) await server.nextRequest();
    await harness.clock.advance(5000);
    await Promise.all(calls);
    expect(ended).to.deep.equal([1000, 1000, 3000, 4000, 5000]);
  });

  it('cost one timer, however many calls are under way', async () => {
    const server = await harness.server();
    const client = harness.client();
    await Promise.all([server.nextConnection(), client.oneway(server.address, PULL)]);
    await server.nextRequest();
    const before = harness.clock.timerCount;
    const calls = Array.from({ length: 50 }, (_, i) =>
      rejection(client.request(server.address, PULL, { timeoutMs: 1000 + i }), ConnectionError),
    );
    expect(harness.clock.timerCount).to.be.at.most(before + 1);
    await client.close();
    await Promise.all(calls);
  });

  it('are not cut short when longer than a timer can run', async () => {
    const server = await harness.server();
    const client = harness.client({ idleTimeoutMs: 2 ** 40 });
    const call = client.request(server.address, PULL, { timeoutMs: 2 ** 40 });
    const { command, peer } = await server.nextRequest();
    await harness.clock.advance(2 ** 31);
    peer.reply(command);
    expect((await call).code).to.equal(0);
  });

  it('end a one-way call whose peer does not read', async () => {
    const server = await harness.server();
    const client = harness.client();
    const first = client.request(server.address, LOCK, { timeoutMs: 10_000 });
    const { command, peer } = await server.nextRequest();
    peer.reply(command);
    await first;
    peer.socket.pause();
    const stuck = rejection(client.oneway(server.address, { code: 10, body: Buffer.alloc(14_000_000) }), TimeoutError);
    await harness.clock.advance(3000);
    const error = await stuck;
    expect(error.message).to.contain(server.address).and.to.contain('does not read');
    expect(client.isConnected(server.address)).to.equal(false);
    peer.socket.resume();
    await peer.closed;
  });

  it('of a resent call count from its beginning', async () => {
    const server = await harness.server();
    const client = harness.client();
    const call = rejection(client.request(server.address, LOCK, { timeoutMs: 1000 }), TimeoutError);
    const { command, peer } = await server.nextRequest();
    harness.clock.jump(600);
    peer.reply(command, { code: 1500 });
    // The connection was of no use: the pause before the next one is 50 ms.
    await harness.clock.advance(50);
    await server.nextRequest();
    await harness.clock.advance(349);
    expect(client.isConnected(server.address)).to.equal(true);
    await harness.clock.advance(1);
    await call;
  });

  describe('idle connections', () => {
    it('are closed after 120 s without traffic, without an error', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client();
      await client.request(server.address, LOCK, { timeoutMs: 1000 });
      await harness.clock.advance(60_000);
      await client.request(server.address, LOCK, { timeoutMs: 1000 });
      await harness.clock.advance(119_999);
      expect(client.isConnected(server.address)).to.equal(true);
      await harness.clock.advance(1);
      expect(harness.events).to.deep.equal(['connected', 'disconnected']);
      await server.peers[0]?.closed;
      await client.request(server.address, LOCK, { timeoutMs: 1000 });
      expect(server.peers).to.have.lengthOf(2);
    });

    it('stay open while the peer sends', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client({ idleTimeoutMs: 1000 });
      const heard = new Promise<void>((resolve) => client.setRequestHandler(40, () => { resolve(); return undefined; })); // prettier-ignore
      await client.request(server.address, LOCK, { timeoutMs: 1000 });
      await harness.clock.advance(900);
      server.peers[0]?.request({ code: 40 }, 1, true);
      await heard;
      await harness.clock.advance(900);
      expect(client.isConnected(server.address)).to.equal(true);
      await harness.clock.advance(100);
      expect(client.isConnected(server.address)).to.equal(false);
    });

    it('end a call that waits longer than that', async () => {
      const server = await harness.server();
      const client = harness.client({ idleTimeoutMs: 1000 });
      const call = rejection(client.request(server.address, PULL, { timeoutMs: 5000 }), ConnectionError);
      await server.nextRequest();
      await harness.clock.advance(1000);
      expect((await call).message).to.contain('1000 ms without traffic');
    });
  });
});
