import { getEventListeners, once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { AbortError, RouteError } from '../../../lib/errors.js';
import { NameServers, type NameServersOptions } from '../../../lib/routing/name-servers.js';
import { turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';
import { ECHO, Harness } from '../remoting/harness.js';

const ROUTE = { code: 105, extFields: { topic: 'T' } } as const;

/** The list of name servers from an HTTP address server. */
describe('routing/http-discovery', () => {
  let harness: Harness;
  let http: Server;
  let answer: RequestListener;
  /** How many times the list was asked for. */
  let asked: number;
  let namesrvUrl: string;
  const open: NameServers[] = [];

  beforeEach(async () => {
    harness = new Harness();
    asked = 0;
    answer = (_, response) => response.end('ns-1:9876;ns-2:9876\n');
    http = createServer((request, response) => {
      asked++;
      answer(request, response);
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    namesrvUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}/rocketmq/nsaddr`;
  });

  afterEach(async () => {
    for (const servers of open.splice(0)) servers.close();
    await harness.stop();
    expect(harness.clock.timerCount).to.equal(0);
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  function nameServers(options: Partial<NameServersOptions> = {}): NameServers {
    const servers = new NameServers({
      remoting: harness.client(),
      clock: harness.clock,
      env: {},
      namesrvUrl,
      random: () => 0.999,
      ...options,
    });
    open.push(servers);
    return servers;
  }

  function answerWith(text: string, status = 200): void {
    answer = (_, response) => response.writeHead(status).end(text);
  }

  it('takes the first line, without the blanks around it', async () => {
    answerWith('  ns-1:9876;ns-2:9876 \r\nsomething else\r\n');
    const servers = nameServers();
    await servers.refresh();
    expect(servers.addresses).to.deep.equal(['ns-1:9876', 'ns-2:9876']);
  });

  it('leaves no connection to the address server open', async () => {
    const closed = new Promise((resolve) => http.once('connection', (socket) => socket.once('close', resolve)));
    await nameServers().refresh();
    await closed;
  });

  it('happens when a request first needs it, and calls at the same time share it', async () => {
    const server = await harness.server(ECHO);
    answerWith(server.address);
    const servers = nameServers();
    expect(servers.addresses).to.deep.equal([]);
    expect(asked).to.equal(0);
    await Promise.all([1, 2, 3].map(() => servers.request(ROUTE, { timeoutMs: 1000 })));
    await servers.request(ROUTE, { timeoutMs: 1000 });
    expect(asked).to.equal(1);
  });

  it('is repeated every 120 s', async () => {
    const servers = nameServers();
    await servers.refresh();
    answerWith('ns-3:9876');
    const next = once(http, 'request');
    await harness.clock.advance(119_999);
    expect(asked).to.equal(1);
    await harness.clock.advance(1);
    await next;
    while (servers.addresses[0] !== 'ns-3:9876') await turns(1);
    expect(asked).to.equal(2);
  });

  it('keeps the name server in use when it is still in the list, wherever', async () => {
    const server = await harness.server(ECHO);
    answerWith(`127.0.0.1:1;${server.address}`);
    const servers = nameServers();
    await servers.request(ROUTE, { timeoutMs: 1000 });
    answerWith(`127.0.0.1:1;127.0.0.1:2;${server.address}`);
    await servers.refresh();
    expect(servers.addresses).to.deep.equal([server.address, '127.0.0.1:1', '127.0.0.1:2']);
    // The same addresses in another order are no change.
    answerWith(`${server.address};127.0.0.1:2;127.0.0.1:1`);
    await servers.refresh();
    expect(servers.addresses).to.deep.equal([server.address, '127.0.0.1:1', '127.0.0.1:2']);
  });

  const failures: [string, () => void, string][] = [
    ['an error status', () => answerWith('sorry', 503), 'HTTP status 503'],
    ['an empty answer', () => answerWith(''), 'namesrvAddr'],
    ['a line that is no list', () => answerWith('<html>'), 'namesrvAddr'],
    ['an endless answer', () => answerWith('x'.repeat(70_000)), 'more than 65536 bytes'],
    ['a broken connection', () => (answer = (request) => request.socket.destroy()), 'could not be read'],
  ];
  for (const [what, fail, reason] of failures) {
    it(`keeps the list there is after ${what}`, async () => {
      const servers = nameServers();
      await servers.refresh();
      fail();
      await servers.refresh();
      expect(servers.addresses).to.deep.equal(['ns-1:9876', 'ns-2:9876']);
      expect(asked).to.equal(2);
    });

    it(`reports ${what} while no name server is known`, async () => {
      fail();
      const error = await rejection(nameServers().request(ROUTE, { timeoutMs: 1000 }), RouteError);
      expect(error.code).to.equal('ERR_ROCKETMQ_NO_NAME_SERVER');
      expect(error.message).to.contain(namesrvUrl).and.to.contain(reason).and.to.contain('check namesrvUrl');
    });
  }

  it('begins with namesrvAddr when that is given too, without waiting', async () => {
    const server = await harness.server(ECHO);
    const silent = once(http, 'request');
    answer = () => undefined;
    const servers = nameServers({ namesrvAddr: server.address });
    expect((await servers.request(ROUTE, { timeoutMs: 1000 })).code).to.equal(0);
    await silent;
    // While the URL does not answer, requests go on without asking for it each time.
    await servers.request(ROUTE, { timeoutMs: 1000 });
    const given = servers.refresh();
    await harness.clock.advance(3000);
    await given;
    await servers.request(ROUTE, { timeoutMs: 1000 });
    expect(asked).to.equal(1);
    expect(servers.addresses).to.deep.equal([server.address]);
  });

  it('gives up after 3 s', async () => {
    answer = () => undefined;
    const heard = once(http, 'request');
    const refreshing = rejection(nameServers().refresh(), RouteError);
    await heard;
    await harness.clock.advance(3000);
    expect((await refreshing).message).to.contain('no answer within 3000 ms');
  });

  it('does not hold a call for longer than it may take', async () => {
    answer = () => undefined;
    const heard = once(http, 'request');
    const servers = nameServers();
    const call = rejection(servers.request(ROUTE, { timeoutMs: 500 }), RouteError);
    await heard;
    await harness.clock.advance(500);
    expect((await call).message).to.contain('no answer within 500 ms');
  });

  it('does not hold a call whose signal fires, and leaves no listener on it', async () => {
    answer = () => undefined;
    const heard = once(http, 'request');
    const servers = nameServers();
    const controller = new AbortController();
    const call = rejection(servers.request(ROUTE, { timeoutMs: 500, signal: controller.signal }), AbortError);
    await heard;
    controller.abort();
    expect((await call).message).to.contain(namesrvUrl);
    await rejection(servers.request(ROUTE, { timeoutMs: 500, signal: controller.signal }), AbortError);
    servers.close();
    await turns();
    expect(getEventListeners(controller.signal, 'abort')).to.deep.equal([]);
  });

  it('ends with close()', async () => {
    answer = () => undefined;
    const heard = once(http, 'request');
    const servers = nameServers();
    const refreshing = rejection(servers.refresh(), RouteError);
    await heard;
    servers.close();
    expect((await refreshing).message).to.contain('closed');
    expect(harness.clock.timerCount).to.equal(0);
    servers.close();
  });

  it('is not repeated after close()', async () => {
    const servers = nameServers();
    await servers.refresh();
    servers.close();
    await harness.clock.advance(300_000);
    expect(asked).to.equal(1);
  });

  it('tries again at the next poll when the first one failed', async () => {
    answerWith('', 500);
    const servers = nameServers();
    await rejection(servers.refresh(), RouteError);
    let next = once(http, 'request');
    await harness.clock.advance(120_000);
    await next;
    // Nobody awaits the poll's failure, and it ends nothing: the next poll is set.
    while (harness.clock.nextTimerIn !== 120_000) await turns(1);
    answerWith('ns-9:9876');
    next = once(http, 'request');
    await harness.clock.advance(120_000);
    await next;
    while (servers.addresses.length === 0) await turns(1);
    expect(servers.addresses).to.deep.equal(['ns-9:9876']);
  });
});
