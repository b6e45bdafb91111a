import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { AbortError, BrokerError, ConnectionError, TimeoutError } from '../../../lib/errors.js';
import { isOneway, SerializeType } from '../../../lib/protocol/command.js';
import { getMaxOffset } from '../../../lib/protocol/requests/get-max-offset.js';
import { turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';
import { ECHO, Harness, LOCK, PULL } from './harness.js';

describe('remoting/remoting-client', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  describe('calls', () => {
    it('matches answers to requests by opaque, in whatever order they come', async () => {
      const server = await harness.server();
      const client = harness.client();
      const first = client.request(server.address, PULL, { timeoutMs: 1000 });
      const second = client.request(server.address, LOCK, { timeoutMs: 1000 });
      const requests = [await server.nextRequest(), await server.nextRequest()];
      for (const { command, peer } of requests.reverse())
        peer.reply(command, { code: 0, remark: `to ${command.code}` });
      expect((await first).remark).to.equal('to 11');
      expect((await second).remark).to.equal('to 41');
      expect(server.peers).to.have.lengthOf(1);
    });

    it('sends header fields, body, language and version as they are', async () => {
      const server = await harness.server();
      const client = harness.client({ language: 'NODE_JS', serializeType: SerializeType.ROCKETMQ });
      const body = Buffer.alloc(20_000, 'x');
      const call = client.request(
        server.address,
        { code: 10, extFields: { a: 'b', c: undefined }, body },
        { timeoutMs: 1 },
      );
      const { command, peer } = await server.nextRequest();
      expect(command).to.include({ code: 10, language: 'NODE_JS', version: 479, flag: 0, serializeType: 1 });
      expect(command.extFields).to.deep.equal({ a: 'b' });
      expect(command.body.equals(body)).to.equal(true);
      peer.reply(command);
      await call;
    });

    it('resolves with any answer, and call() turns a refusal into a BrokerError', async () => {
      const server = await harness.server({
        onRequest: (command, peer) =>
          peer.reply(
            command,
            command.extFields['queueId'] === '0' ? { code: 0, extFields: { offset: '7' } } : { code: 1, remark: 'no' },
          ),
      });
      const client = harness.client();
      expect((await client.request(server.address, { code: 30 }, { timeoutMs: 1000 })).code).to.equal(1);
      const good = await client.call(server.address, getMaxOffset, { topic: 'T', queueId: 0 }, { timeoutMs: 1000 });
      expect(good.offset).to.equal(7);
      const error = await rejection(
        client.call(server.address, getMaxOffset, { topic: 'T', queueId: 1 }, { timeoutMs: 1000 }),
        BrokerError,
      );
      expect(error.message).to.contain('GET_MAX_OFFSET').and.to.contain('no');
    });

    it('resolves a one-way request when it is written, and awaits no answer', async () => {
      const server = await harness.server();
      const client = harness.client();
      await client.oneway(server.address, PULL);
      const { command, peer } = await server.nextRequest();
      expect(isOneway(command)).to.equal(true);
      // An answer to it is none of anybody's business.
      peer.reply(command);
      const call = client.request(server.address, LOCK, { timeoutMs: 1000 });
      const next = await server.nextRequest();
      next.peer.reply(next.command);
      await call;
      expect(client.droppedResponses).to.equal(1);
    });

    it('shares one connection attempt between the calls that wait for it', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client();
      const calls = Array.from({ length: 20 }, () => client.request(server.address, PULL, { timeoutMs: 1000 }));
      await Promise.all([...calls, client.oneway(server.address, LOCK)]);
      expect(server.peers).to.have.lengthOf(1);
      expect(harness.events).to.deep.equal(['connected']);
    });

    it('keeps connections to different addresses apart', async () => {
      const [one, two] = [await harness.server(ECHO), await harness.server(ECHO)];
      const client = harness.client();
      await client.request(one.address, PULL, { timeoutMs: 1000 });
      expect(client.isConnected(one.address)).to.equal(true);
      expect(client.isConnected(two.address)).to.equal(false);
      await client.request(two.address, PULL, { timeoutMs: 1000 });
      expect(client.isConnected(two.address)).to.equal(true);
      expect([one.peers.length, two.peers.length]).to.deep.equal([1, 1]);
    });

    it('goes on from -2^31 after 2^31 - 1', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client({ firstOpaque: 2 ** 31 - 2 });
      for (let i = 0; i < 4; i++) await client.request(server.address, PULL, { timeoutMs: 1000 });
      const opaques = server.peers[0]?.commands.map((command) => command.opaque);
      // The first call waited for its connection under an id of its own.
      expect(opaques).to.deep.equal([2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1, -(2 ** 31) + 2]);
    });

    it('writes the calls of one turn in one chunk', async () => {
      const server = await harness.server();
      const client = harness.client();
      const first = client.request(server.address, PULL, { timeoutMs: 1000 });
      const { command, peer } = await server.nextRequest();
      const chunks: Buffer[] = [];
      peer.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      peer.reply(command);
      await first;
      const calls = Array.from({ length: 10 }, () => client.request(server.address, PULL, { timeoutMs: 1000 }));
      for (const _ of calls) peer.reply((await server.nextRequest()).command);
      await Promise.all(calls);
      expect(chunks).to.have.lengthOf(1);
    });

    it('refuses an address that is no host:port', async () => {
      const error = await rejection(harness.client().request('nowhere', PULL, { timeoutMs: 1000 }), ConnectionError);
      expect(error).to.include({ code: 'ERR_ROCKETMQ_CONNECT_FAILED', address: 'nowhere' });
      expect(error.message).to.contain('host:port');
    });

    it('reports a request that cannot be encoded to its caller only', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client({ serializeType: SerializeType.ROCKETMQ });
      await rejection(client.request(server.address, { code: 70_000 }, { timeoutMs: 1000 }), RangeError);
      await client.request(server.address, PULL, { timeoutMs: 1000 });
      expect(server.peers).to.have.lengthOf(1);
    });

    it('fails at once when no time is left', async () => {
      const server = await harness.server();
      for (const timeoutMs of [0, -5, Number.NaN]) {
        const error = await rejection(harness.client().request(server.address, PULL, { timeoutMs }), TimeoutError);
        expect(error.message).to.contain(server.address);
      }
      expect(server.peers).to.deep.equal([]);
    });
  });

  describe('responses nobody waits for', () => {
    it('drops an unsolicited and a duplicate response and goes on', async () => {
      const server = await harness.server();
      const client = harness.client();
      const first = client.request(server.address, PULL, { timeoutMs: 1000 });
      const { command, peer } = await server.nextRequest();
      peer.reply({ ...command, opaque: 999 }, { code: 0, remark: 'never asked' });
      peer.reply(command, { code: 0, remark: 'once' });
      peer.reply(command, { code: 0, remark: 'twice' });
      expect((await first).remark).to.equal('once');
      const second = client.request(server.address, PULL, { timeoutMs: 1000 });
      const next = await server.nextRequest();
      next.peer.reply(next.command);
      await second;
      expect(client.droppedResponses).to.equal(2);
      expect(server.peers).to.have.lengthOf(1);
    });

    it('drops a response that comes after its call timed out', async () => {
      const server = await harness.server();
      const client = harness.client();
      const late = rejection(
        client.request(server.address, PULL, { timeoutMs: 1000, closeOnTimeout: false }),
        TimeoutError,
      );
      const { command, peer } = await server.nextRequest();
      await harness.clock.advance(1000);
      await late;
      peer.reply(command);
      const next = client.request(server.address, LOCK, { timeoutMs: 1000 });
      const received = await server.nextRequest();
      received.peer.reply(received.command);
      await next;
      expect(client.droppedResponses).to.equal(1);
    });
  });

  describe('abort', () => {
    it('ends a call by its signal and leaves no listener on it', async () => {
      const server = await harness.server();
      const client = harness.client();
      const controller = new AbortController();
      const call = client.request(server.address, PULL, { timeoutMs: 1000, signal: controller.signal });
      const { command, peer } = await server.nextRequest();
      expect(getEventListeners(controller.signal, 'abort')).to.have.lengthOf(1);
      controller.abort(new Error('enough'));
      const error = await rejection(call, AbortError);
      expect(error.message).to.contain('PULL_MESSAGE').and.to.contain(server.address);
      expect(error.cause).to.have.property('message', 'enough');
      expect(getEventListeners(controller.signal, 'abort')).to.deep.equal([]);
      peer.reply(command);
      const next = client.request(server.address, LOCK, { timeoutMs: 1000 });
      const received = await server.nextRequest();
      received.peer.reply(received.command);
      await next;
      expect(client.droppedResponses).to.equal(1);
    });

    it('ends a call that waits for a connection, which is not sent then', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client();
      const controller = new AbortController();
      const aborted = client.request(server.address, PULL, { timeoutMs: 1000, signal: controller.signal });
      const other = client.request(server.address, LOCK, { timeoutMs: 1000 });
      controller.abort();
      await rejection(aborted, AbortError);
      await other;
      expect(server.peers[0]?.commands.map((command) => command.code)).to.deep.equal([41]);
    });

    it('does not begin when the signal has fired already', async () => {
      const server = await harness.server();
      const signal = AbortSignal.abort('before');
      await rejection(harness.client().request(server.address, PULL, { timeoutMs: 1000, signal }), AbortError);
      await rejection(harness.client().oneway(server.address, PULL, { signal }), AbortError);
      expect(server.peers).to.deep.equal([]);
    });

    it('leaves no listener behind when the answer comes, and many calls may share a signal', async () => {
      const server = await harness.server(ECHO);
      const { signal } = new AbortController();
      const client = harness.client();
      const warnings: Error[] = [];
      const warn = (warning: Error): void => void warnings.push(warning);
      process.on('warning', warn);
      await Promise.all(
        Array.from({ length: 30 }, () => client.request(server.address, PULL, { timeoutMs: 1000, signal })),
      );
      expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
      await turns();
      process.off('warning', warn);
      expect(warnings).to.deep.equal([]);
    });
  });

  describe('close', () => {
    it('rejects calls under way and waiting, and leaves no socket and no timer', async () => {
      const server = await harness.server();
      const client = harness.client();
      const sent = client.request(server.address, PULL, { timeoutMs: 1000 });
      const { peer } = await server.nextRequest();
      const other = await harness.server();
      const waiting = client.request(other.address, PULL, { timeoutMs: 1000 });
      const closing = client.close();
      for (const call of [sent, waiting]) {
        expect((await rejection(call, ConnectionError)).code).to.equal('ERR_ROCKETMQ_CLOSED');
      }
      await closing;
      await peer.closed;
      expect(harness.clock.timerCount).to.equal(0);
      expect(harness.events).to.deep.equal(['connected', 'disconnected']);
      expect(client.isConnected(server.address)).to.equal(false);
    });

    it('may be called again, and refuses calls afterwards', async () => {
      const server = await harness.server();
      const client = harness.client();
      await Promise.all([client.close(), client.close()]);
      await client.close();
      const error = await rejection(client.request(server.address, PULL, { timeoutMs: 1000 }), ConnectionError);
      expect(error).to.include({ code: 'ERR_ROCKETMQ_CLOSED', retryable: false, address: server.address });
      await rejection(client.oneway(server.address, PULL), ConnectionError);
    });

    it('lets what a one-way call has written arrive', async () => {
      const server = await harness.server();
      const client = harness.client();
      await client.oneway(server.address, PULL);
      await client.close();
      expect((await server.nextRequest()).command.code).to.equal(11);
    });

    it('does not let a listener of disconnected begin anew', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client();
      await client.request(server.address, PULL, { timeoutMs: 1000 });
      let again: Promise<unknown> | undefined;
      client.once('disconnected', (address) => {
        again = client.request(address, PULL, { timeoutMs: 1000 });
        again.catch(() => undefined);
      });
      await client.close();
      expect((await rejection(again ?? Promise.resolve(), ConnectionError)).code).to.equal('ERR_ROCKETMQ_CLOSED');
      expect(server.peers).to.have.lengthOf(1);
    });

    it('ends a connection attempt and a pause between attempts', async () => {
      const server = await harness.server();
      const { address } = server;
      await server.stop();
      const client = harness.client();
      await rejection(client.request(address, PULL, { timeoutMs: 1000 }), ConnectionError);
      const paused = client.request(address, PULL, { timeoutMs: 1000 });
      paused.catch(() => undefined);
      await client.close();
      expect((await rejection(paused, ConnectionError)).code).to.equal('ERR_ROCKETMQ_CLOSED');
      expect(harness.clock.timerCount).to.equal(0);
    });

    it('closes a socket whose peer does not read', async () => {
      const server = await harness.server();
      const client = harness.client();
      const first = client.request(server.address, PULL, { timeoutMs: 1000 });
      const { peer } = await server.nextRequest();
      peer.socket.pause();
      const stuck = client.oneway(server.address, { code: 10, body: Buffer.alloc(14_000_000) });
      for (const call of [first, stuck]) call.catch(() => undefined);
      await client.close();
      await rejection(stuck, ConnectionError);
      expect(harness.clock.timerCount).to.equal(0);
    });
  });

  describe('events', () => {
    it('tells of a connection before the calls that waited for it are sent', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client();
      client.once('connected', (address) => void client.oneway(address, { code: 34 }));
      await client.request(server.address, PULL, { timeoutMs: 1000 });
      expect(server.peers[0]?.commands.map((command) => command.code)).to.deep.equal([34, 11]);
    });

    it('survives a listener that throws, and does not hide its error', async () => {
      const server = await harness.server(ECHO);
      const client = harness.client();
      client.once('connected', () => {
        throw new Error('listener failed');
      });
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      try {
        const uncaught = new Promise<Error>((resolve) => process.once('uncaughtException', resolve));
        const reply = client.request(server.address, PULL, { timeoutMs: 1000 });
        expect((await uncaught).message).to.equal('listener failed');
        expect((await reply).code).to.equal(0);
      } finally {
        for (const listener of listeners) process.on('uncaughtException', listener);
      }
    });

    it('forgets addresses, and their failures, that have not been used for long', async () => {
      const client = harness.client({ random: () => 1 });
      const fail = () => rejection(client.request('127.0.0.1:1', PULL, { timeoutMs: 10 }), ConnectionError);
      await fail();
      expect((await fail()).message).to.contain('tried again in 100 ms');
      harness.clock.jump(100);
      await fail();
      expect((await fail()).message).to.contain('tried again in 200 ms');
      // The sockets of the failed attempts need a turn to be gone.
      await turns();
      harness.clock.jump(600_000);
      const server = await harness.server(ECHO);
      await client.request(server.address, PULL, { timeoutMs: 1000 });
      await fail();
      expect((await fail()).message).to.contain('tried again in 100 ms');
    });
  });
});
