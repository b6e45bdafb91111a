import { expect } from 'chai';
import { isResponse, SerializeType } from '../../../lib/protocol/command.js';
import type { FakePeer, FakeServer } from '../../support/fake-server.js';
import type { RemotingClient } from '../../../lib/remoting/remoting-client.js';
import { Harness, LOCK } from './harness.js';

describe('remoting: requests of the peer', () => {
  let harness: Harness;
  let server: FakeServer;
  let client: RemotingClient;
  let peer: FakePeer;

  beforeEach(async () => {
    harness = new Harness();
    server = await harness.server();
    client = harness.client({ language: 'NODE_JS', serializeType: SerializeType.ROCKETMQ });
    const call = client.request(server.address, LOCK, { timeoutMs: 1000 });
    const received = await server.nextRequest();
    peer = received.peer;
    peer.reply(received.command);
    await call;
  });
  afterEach(() => harness.stop());

  it('are answered with what the handler returns, at once or later', async () => {
    const seen: unknown[] = [];
    client.setRequestHandler(221, (command, source) => {
      seen.push(command.extFields, source);
      return { code: 0, remark: 'at once', extFields: { a: '1', b: undefined }, body: Buffer.from('{}') };
    });
    let finish: () => void = () => undefined;
    client.setRequestHandler(309, async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return { code: 0, remark: 'later' };
    });
    peer.request({ code: 309 }, -7);
    peer.request({ code: 221, extFields: { topic: 'Orders' } }, 8);
    const first = (await server.nextResponse()).command;
    expect(first).to.include({ opaque: 8, code: 0, remark: 'at once', flag: 1, language: 'NODE_JS', serializeType: 1 });
    expect(first.extFields).to.deep.equal({ a: '1' });
    expect(first.body.toString()).to.equal('{}');
    expect(seen).to.deep.equal([{ topic: 'Orders' }, { address: server.address }]);
    finish();
    expect((await server.nextResponse()).command).to.include({ opaque: -7, remark: 'later' });
  });

  it('are answered with success by a handler that returns nothing', async () => {
    client.setRequestHandler(40, () => undefined);
    client.setRequestHandler(41, async () => undefined);
    peer.request({ code: 40 }, 1);
    expect((await server.nextResponse()).command).to.include({ opaque: 1, code: 0 });
    peer.request({ code: 41 }, 2);
    expect((await server.nextResponse()).command).to.include({ opaque: 2, code: 0 });
  });

  it('are answered with code 1 and the message when the handler throws or rejects', async () => {
    client.setRequestHandler(307, () => {
      throw new Error('The Consumer Group <g> not exist in this consumer');
    });
    client.setRequestHandler(309, () => Promise.reject(new Error('no such message')));
    client.setRequestHandler(310, () => Promise.reject('a text'));
    const expected = [
      [307, 'The Consumer Group <g> not exist in this consumer'],
      [309, 'no such message'],
      [310, 'a text'],
    ] as const;
    for (const [code, remark] of expected) {
      peer.request({ code }, code);
      expect((await server.nextResponse()).command).to.include({ opaque: code, code: 1, remark });
    }
  });

  it("of an unknown code are answered with code 3, in the reference's words", async () => {
    peer.request({ code: 9999 }, 3);
    expect((await server.nextResponse()).command).to.include({
      opaque: 3,
      code: 3,
      remark: ' request type 9999 not supported',
    });
  });

  it('are never answered when they are one-way', async () => {
    client.setRequestHandler(40, () => ({ code: 0 }));
    client.setRequestHandler(41, () => {
      throw new Error('ignored');
    });
    client.setRequestHandler(42, () => Promise.resolve({ code: 0 }));
    for (const code of [40, 41, 42, 9999]) peer.request({ code }, code, true);
    client.setRequestHandler(307, () => ({ code: 0 }));
    peer.request({ code: 307 }, 1);
    expect((await server.nextResponse()).command.opaque).to.equal(1);
    expect(peer.commands.filter(isResponse)).to.have.lengthOf(1);
  });

  it('may have the opaque of a call under way', async () => {
    client.setRequestHandler(307, () => ({ code: 0, remark: 'mine' }));
    const call = client.request(server.address, LOCK, { timeoutMs: 1000 });
    const { command } = await server.nextRequest();
    peer.request({ code: 307 }, command.opaque);
    expect((await server.nextResponse()).command.remark).to.equal('mine');
    peer.reply(command, { code: 0, remark: 'yours' });
    expect((await call).remark).to.equal('yours');
  });

  it('are answered by the handler that was set last', async () => {
    client.setRequestHandler(307, () => ({ code: 1 }));
    client.setRequestHandler(307, () => ({ code: 0 }));
    peer.request({ code: 307 }, 1);
    expect((await server.nextResponse()).command.code).to.equal(0);
  });

  it('whose answer cannot be encoded are answered with code 1', async () => {
    client.setRequestHandler(307, () => ({ code: 70_000 }));
    peer.request({ code: 307 }, 1);
    expect((await server.nextResponse()).command).to.include({ opaque: 1, code: 1 });
  });

  it('are forgotten when the connection goes before the answer', async () => {
    let finish: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      client.setRequestHandler(309, async () => {
        const gate = new Promise<void>((open) => (finish = open));
        resolve();
        await gate;
        return { code: 0 };
      });
    });
    peer.request({ code: 309 }, 1);
    await begun;
    const gone = new Promise((resolve) => client.once('disconnected', resolve));
    peer.socket.destroy();
    await gone;
    finish();
    // The client goes on: its next call makes a new connection.
    const call = client.request(server.address, LOCK, { timeoutMs: 1000 });
    const next = await server.nextRequest();
    next.peer.reply(next.command);
    await call;
    expect(next.peer.commands.filter(isResponse)).to.deep.equal([]);
  });
});
