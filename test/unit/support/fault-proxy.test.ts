import { expect } from 'chai';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FakeClock, turns } from '../../support/fake-clock.js';
import { FaultProxy, type ConnectionFilter, type FaultProxyOptions } from '../../support/fault-proxy.js';

/** What one end has got, to be awaited. */
class End {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  readonly closed: Promise<unknown>;
  error: NodeJS.ErrnoException | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.chunks.push(chunk));
    socket.on('error', (error) => (this.error = error));
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  async got(text: string): Promise<void> {
    while (this.text.length < text.length) await once(this.socket, 'data');
    expect(this.text).to.equal(text);
  }
}

describe('the fault proxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  let clock: FakeClock;
  /** Bytes of clients that have come to the proxy, before it does anything to them. */
  let arrived: number;
  const open: Socket[] = [];

  beforeEach(async () => {
    clock = new FakeClock();
    arrived = 0;
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    await proxy.close();
    for (const socket of open.splice(0)) socket.destroy();
    server.close();
  });

  async function start(options: FaultProxyOptions = {}): Promise<void> {
    const count = (chunk: Buffer): Buffer => {
      arrived += chunk.length;
      return chunk;
    };
    const filter = (): ConnectionFilter => ({ up: count });
    proxy = await FaultProxy.listen(`127.0.0.1:${(server.address() as AddressInfo).port}`, {
      clock,
      filter,
      ...options,
    });
  }

  /** A client and what the server has for it. */
  async function connected(): Promise<{ client: End; peer: End }> {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connectTo();
    const [socket] = await accepted;
    open.push(socket);
    return { client, peer: new End(socket) };
  }

  function connectTo(): End {
    const [host = '', port] = proxy.address.split(':');
    const socket = connect({ host, port: Number(port) });
    open.push(socket);
    return new End(socket);
  }

  /** Gives sockets their turns until so many bytes have come to the proxy. */
  async function untilArrived(bytes: number): Promise<void> {
    while (arrived < bytes) await turns(1);
  }

  /** Shows that a new connection works. */
  async function expectWorking(): Promise<void> {
    const { client, peer } = await connected();
    client.socket.write('ping');
    await peer.got('ping');
    peer.socket.write('pong');
    await client.got('pong');
  }

  it('passes bytes on in both directions, and the end', async () => {
    await start();
    const { client, peer } = await connected();
    client.socket.write('hello');
    await peer.got('hello');
    peer.socket.write('you');
    await client.got('you');
    expect(proxy.connections).to.equal(1);
    client.socket.end();
    await once(peer.socket, 'end');
    await Promise.all([client.closed, peer.closed]);
    expect(client.error).to.equal(undefined);
  });

  it('a cut holds bytes back in its direction alone, and both ends stay connected; healed, they arrive in order', async () => {
    await start();
    const { client, peer } = await connected();
    proxy.cut('up');
    client.socket.write('a');
    peer.socket.write('from the server');
    await client.got('from the server');
    client.socket.write('b');
    await untilArrived(2);
    await clock.advance(1_000);
    expect(peer.text).to.equal('');
    proxy.heal('deliver');
    await peer.got('ab');
  });

  it('a cut in both directions lets nothing through', async () => {
    await start();
    const { client, peer } = await connected();
    proxy.cut();
    client.socket.write('x');
    peer.socket.write('y');
    await untilArrived(1);
    await clock.advance(60_000);
    expect([client.text, peer.text]).to.deep.equal(['', '']);
    expect([client.socket.destroyed, peer.socket.destroyed]).to.deep.equal([false, false]);
    proxy.heal();
    await Promise.all([peer.got('x'), client.got('y')]);
  });

  it('a connection made during a cut is taken and gets no answer until it is healed', async () => {
    await start();
    proxy.cut();
    const { client, peer } = await connected();
    client.socket.write('early');
    await untilArrived(5);
    await clock.advance(1_000);
    expect(peer.text).to.equal('');
    proxy.heal();
    await peer.got('early');
  });

  it('the end of a connection does not get through a cut', async () => {
    await start();
    const { client, peer } = await connected();
    proxy.cut('up');
    client.socket.destroy();
    await client.closed;
    await clock.advance(1_000);
    expect(peer.socket.destroyed).to.equal(false);
    const ended = once(peer.socket, 'end');
    proxy.heal();
    await ended;
  });

  it('dropped bytes break the connections that miss them, and no others', async () => {
    await start();
    const first = await connected();
    const second = await connected();
    proxy.cut('up');
    first.client.socket.write('lost');
    await untilArrived(4);
    proxy.heal('drop');
    await Promise.all([first.client.closed, first.peer.closed]);
    expect(first.peer.text).to.equal('');
    second.client.socket.write('still here');
    await second.peer.got('still here');
  });

  it('resets all, and lets new ones in', async () => {
    await start();
    const { client, peer } = await connected();
    proxy.resetAll();
    await Promise.all([client.closed, peer.closed]);
    expect(client.error?.code).to.equal('ECONNRESET');
    await expectWorking();
  });

  it('resets servers, and a cut keeps clients from hearing of it', async () => {
    await start();
    const { client, peer } = await connected();
    proxy.cut('down');
    proxy.resetServers();
    await peer.closed;
    expect(peer.error?.code).to.equal('ECONNRESET');
    client.socket.write('is anybody there?');
    await untilArrived(1);
    await clock.advance(1_000);
    expect(client.socket.destroyed).to.equal(false);
    proxy.heal('deliver');
    await client.closed;
    expect(client.error?.code).to.equal('ECONNRESET');
  });

  it('refuses new connections while it is told to; those there are go on', async () => {
    await start();
    const { client, peer } = await connected();
    proxy.refuse(true);
    const refused = connectTo();
    await refused.closed;
    client.socket.write('x');
    await peer.got('x');
    proxy.refuse(false);
    await expectWorking();
    expect(proxy.accepted).to.equal(3);
  });

  it('latency delays each byte, and keeps the order', async () => {
    await start();
    const { client, peer } = await connected();
    proxy.shape({ latencyMs: 200 }, 'up');
    client.socket.write('a');
    await untilArrived(1);
    await clock.advance(199);
    expect(peer.text).to.equal('');
    client.socket.write('b');
    await untilArrived(2);
    await clock.advance(1);
    await peer.got('a');
    await clock.advance(198);
    expect(peer.text).to.equal('a');
    await clock.advance(1);
    await peer.got('ab');
  });

  it('a limited rate lets through so much per second', async () => {
    await start();
    const { client, peer } = await connected();
    proxy.shape({ bytesPerSecond: 1_000 }, 'up');
    const payload = 'x'.repeat(1_000);
    client.socket.write(payload);
    await untilArrived(1_000);
    await clock.advance(499);
    expect(peer.text.length).to.be.within(450, 500);
    await clock.advance(501);
    await peer.got(payload);
  });

  it('writes in pieces', async () => {
    await start();
    proxy.shape({ maxWrite: 1 });
    const { client, peer } = await connected();
    client.socket.write('in pieces');
    await peer.got('in pieces');
    peer.socket.write('and back');
    await client.got('and back');
  });

  it('a filter can put other bytes in the place of those that come', async () => {
    await start({ filter: () => ({ down: (chunk) => Buffer.from(chunk.toString().toUpperCase()) }) });
    const { client, peer } = await connected();
    client.socket.write('up');
    await peer.got('up');
    peer.socket.write('down');
    await client.got('DOWN');
  });

  it('a filter sees what the server sends only when it gets through', async () => {
    const seen: string[] = [];
    const note = (chunk: Buffer): Buffer => {
      seen.push(chunk.toString());
      return chunk;
    };
    await start({ filter: () => ({ up: note, down: note }) });
    const { client, peer } = await connected();
    proxy.cut();
    client.socket.write('asked');
    peer.socket.write('told');
    await clock.advance(1_000);
    expect(seen).to.deep.equal(['asked']);
    proxy.heal();
    await client.got('told');
    expect(seen).to.deep.equal(['asked', 'told']);
  });

  it('a server that is not there breaks the connection', async () => {
    await start();
    server.close();
    await once(server, 'close');
    const client = connectTo();
    await client.closed;
    expect(client.text).to.equal('');
  });
});
