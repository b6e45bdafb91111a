import { expect } from 'chai';
import { AbortError, BrokerError, ConnectionError, RouteError, ValidationError } from '../../../lib/errors.js';
import { getRouteInfoByTopic } from '../../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { NameServers, type NameServersOptions } from '../../../lib/routing/name-servers.js';
import { FakeServer } from '../../support/fake-server.js';
import { rejection } from '../../support/rejection.js';
import { ECHO, Harness } from '../remoting/harness.js';

const ROUTE = { code: 105, extFields: { topic: 'T' } } as const;

describe('routing/name-servers', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  /** Random numbers just below 1 leave a list in its order. */
  function nameServers(options: Partial<NameServersOptions>): NameServers {
    return new NameServers({
      remoting: harness.client(),
      clock: harness.clock,
      env: {},
      random: () => 0.999,
      ...options,
    });
  }

  async function goneAddress(): Promise<string> {
    const server = await FakeServer.start();
    const { address } = server;
    await server.stop();
    return address;
  }

  describe('the list', () => {
    it('is a string or an array', () => {
      expect(nameServers({ namesrvAddr: 'a:1;b:2' }).addresses).to.deep.equal(['a:1', 'b:2']);
      expect(nameServers({ namesrvAddr: ['a:1', 'b:2'] }).addresses).to.deep.equal(['a:1', 'b:2']);
    });

    it('is shuffled', () => {
      expect(nameServers({ namesrvAddr: 'a:1;b:2;c:3', random: () => 0 }).addresses).to.deep.equal([
        'b:2',
        'c:3',
        'a:1',
      ]);
    });

    it('is taken from the environment when there is no option', () => {
      const env = { NAMESRV_ADDR: 'env:1' };
      expect(nameServers({ env }).addresses).to.deep.equal(['env:1']);
      expect(nameServers({ env, namesrvAddr: 'a:1' }).addresses).to.deep.equal(['a:1']);
      expect(nameServers({ env, namesrvUrl: 'http://localhost/' }).addresses).to.deep.equal([]);
    });

    it('is required', () => {
      expect(() => nameServers({}))
        .to.throw(ValidationError, /NAMESRV_ADDR/)
        .with.property('field', 'namesrvAddr');
      expect(() => nameServers({ namesrvAddr: 'nowhere' })).to.throw(ValidationError, /host:port/);
    });

    for (const namesrvUrl of ['nowhere', 'ftp://host/list']) {
      it(`refuses the URL ${namesrvUrl}`, () => {
        expect(() => nameServers({ namesrvUrl }))
          .to.throw(ValidationError)
          .with.property('field', 'namesrvUrl');
      });
    }
  });

  it('stays with the name server that answers', async () => {
    const [one, two] = [await harness.server(ECHO), await harness.server(ECHO)];
    const servers = nameServers({ namesrvAddr: [one.address, two.address] });
    for (let i = 0; i < 3; i++) expect((await servers.request(ROUTE, { timeoutMs: 1000 })).code).to.equal(0);
    expect([one.peers.length, two.peers.length]).to.deep.equal([1, 0]);
  });

  it('goes to the next one when a connection fails, and stays there', async () => {
    const server = await harness.server(ECHO);
    const gone = await goneAddress();
    const servers = nameServers({ namesrvAddr: [gone, server.address] });
    await servers.request(ROUTE, { timeoutMs: 1000 });
    expect(servers.addresses).to.deep.equal([server.address, gone]);
    await servers.request(ROUTE, { timeoutMs: 1000 });
    expect(server.peers[0]?.commands).to.have.lengthOf(2);
  });

  it('goes to the next one when there is no answer, in time for the call', async () => {
    const silent = await harness.server();
    const server = await harness.server(ECHO);
    const servers = nameServers({ namesrvAddr: [silent.address, server.address] });
    const call = servers.request(ROUTE, { timeoutMs: 3000 });
    await silent.nextRequest();
    await harness.clock.advance(1500);
    expect((await call).code).to.equal(0);
    expect(servers.addresses[0]).to.equal(server.address);
  });

  it('comes round to the first one again', async () => {
    const [one, two] = [await harness.server(ECHO), await harness.server(ECHO)];
    const servers = nameServers({ namesrvAddr: [one.address, two.address] });
    await servers.request(ROUTE, { timeoutMs: 1000 });
    one.onRequest = (_, peer) => void peer.socket.destroy();
    await servers.request(ROUTE, { timeoutMs: 1000 });
    expect(servers.addresses).to.deep.equal([two.address, one.address]);
    one.onRequest = ECHO.onRequest;
    two.onRequest = (_, peer) => void peer.socket.destroy();
    await servers.request(ROUTE, { timeoutMs: 1000 });
    expect(servers.addresses).to.deep.equal([one.address, two.address]);
  });

  it('names all of them with their reasons when none answers', async () => {
    const silent = await harness.server();
    const gone = await goneAddress();
    const servers = nameServers({ namesrvAddr: [silent.address, gone] });
    const call = rejection(servers.request(ROUTE, { timeoutMs: 3000 }), RouteError);
    await silent.nextRequest();
    await harness.clock.advance(1500);
    const error = await call;
    expect(error).to.include({ code: 'ERR_ROCKETMQ_NO_NAME_SERVER', retryable: true });
    expect(error.message).to.contain(silent.address).and.to.contain('1500 ms');
    expect(error.message).to.contain(gone).and.to.contain('ECONNREFUSED').and.to.contain('check namesrvAddr');
    expect(error.context['addresses']).to.deep.equal([silent.address, gone]);
    expect(error.cause).to.be.instanceOf(AggregateError);
    expect((error.cause as AggregateError).errors.map((reason: RouteError) => reason.code)).to.deep.equal([
      'ERR_ROCKETMQ_TIMEOUT',
      'ERR_ROCKETMQ_CONNECT_FAILED',
    ]);
  });

  it('does not ask another one when the caller gave up or the client was closed', async () => {
    const [one, two] = [await harness.server(), await harness.server()];
    const remoting = harness.client();
    const servers = nameServers({ remoting, namesrvAddr: [one.address, two.address] });
    const controller = new AbortController();
    const aborted = rejection(servers.request(ROUTE, { timeoutMs: 1000, signal: controller.signal }), AbortError);
    await one.nextRequest();
    controller.abort();
    await aborted;
    const closed = rejection(servers.request(ROUTE, { timeoutMs: 1000 }), ConnectionError);
    await one.nextRequest();
    await remoting.close();
    expect((await closed).code).to.equal('ERR_ROCKETMQ_CLOSED');
    expect(two.peers).to.deep.equal([]);
  });

  it('passes a refusal on', async () => {
    const server = await harness.server({
      onRequest: (command, peer) => peer.reply(command, { code: 1, remark: 'name server not ready' }),
    });
    const servers = nameServers({ namesrvAddr: server.address });
    expect((await servers.request(ROUTE, { timeoutMs: 1000 })).code).to.equal(1);
    const error = await rejection(servers.call(getRouteInfoByTopic, { topic: 'T' }, { timeoutMs: 1000 }), BrokerError);
    expect(error.remark).to.equal('name server not ready');
  });

  it('has nothing to refresh without a URL', async () => {
    const servers = nameServers({ namesrvAddr: 'a:1' });
    await servers.refresh();
    expect(servers.addresses).to.deep.equal(['a:1']);
    expect(harness.clock.timerCount).to.equal(0);
    servers.close();
  });
});
