import { request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { expect } from 'chai';
import { checkExposure, createGuard, isLoopback } from '../../../../mock-broker/admin/guard.js';
import { MockCluster } from '../../../../mock-broker/index.js';
import { ValidationError } from '../../../../lib/errors.js';
import { rejection } from '../../../support/rejection.js';
import { AdminRig, json } from './admin-rig.js';

/** Asks with headers that `fetch` does not let pass. */
async function ask(url: string, headers: Record<string, string>, path = '/api/cluster'): Promise<number> {
  const request = httpRequest(`${url}${path}`, { headers, agent: false });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
}

describe('who may talk to the control plane', () => {
  let rig: AdminRig;

  afterEach(async () => rig?.stop());

  it('is nobody on other machines, unless there is a token', async () => {
    rig = await AdminRig.start();
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'mock.example', '127.0.0.1.example', '']) {
      const error = await rejection(rig.cluster.startAdmin({ host }), ValidationError);
      expect(error.field, host).to.equal('http.host');
    }
    for (const token of ['', 'a b', 'ä', 'x'.repeat(201)]) {
      expect(() => checkExposure('127.0.0.1', token)).to.throw('http.token');
    }
    expect(() => checkExposure('0.0.0.0', 'secret')).not.to.throw();
    expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].map(isLoopback)).to.deep.equal([true, true, true, true]);
  });

  it('is who has the token', async () => {
    rig = await AdminRig.start({}, 'secret');
    expect(await ask(rig.url, {})).to.equal(401);
    expect(await ask(rig.url, { authorization: 'Bearer secre' })).to.equal(401);
    expect(await ask(rig.url, { authorization: 'Bearer secret2' })).to.equal(401);
    expect(await ask(rig.url, { authorization: 'Basic secret' })).to.equal(401);
    expect(await ask(rig.url, {}, '/events')).to.equal(401);
    expect(await ask(rig.url, { authorization: 'Bearer secret' })).to.equal(200);
    expect((await rig.client.getCluster()).brokers).to.have.length(1);
    // The page asks for the token itself.
    expect((await rig.fetch('/')).status).to.equal(200);
    expect((await rig.fetch('/openapi.json')).status).to.equal(200);
  });

  it('is no page of somebody else', async () => {
    rig = await AdminRig.start();
    const { host } = new URL(rig.url);
    const { port } = new URL(rig.url);
    expect(await ask(rig.url, { origin: 'http://evil.example' })).to.equal(403);
    expect(await ask(rig.url, { origin: 'null' })).to.equal(403);
    expect(await ask(rig.url, { origin: `http://127.0.0.1:${Number(port) + 1}` })).to.equal(403);
    expect(await ask(rig.url, { 'sec-fetch-site': 'cross-site' })).to.equal(403);
    expect(await ask(rig.url, { host: 'evil.example' })).to.equal(403);
    expect(await ask(rig.url, { host: `127.0.0.1.evil.example:${port}` })).to.equal(403);
    expect(await ask(rig.url, { host: 'evil.example' }, '/')).to.equal(403);
    expect(await ask(rig.url, { origin: `http://${host}` })).to.equal(200);
    expect(await ask(rig.url, { host: `localhost:${port}`, origin: `http://localhost:${port}` })).to.equal(200);
    expect(await ask(rig.url, { host: `[::1]:${port}` })).to.equal(200);
  });

  it('may ask by any address, but not by any name, where others can reach it', () => {
    const { checkOrigin } = createGuard('0.0.0.0', 'secret');
    const from = (host: string) => () => checkOrigin(new Headers({ host }));
    expect(from('192.168.1.2:8080')).not.to.throw();
    expect(from('localhost:8080')).not.to.throw();
    expect(from('evil.example:8080')).to.throw('not served here');
    expect(() => createGuard('mock', 'secret').checkOrigin(new Headers({ host: 'mock:8080' }))).not.to.throw();
  });

  it('gets JSON, small, with headers that keep browsers careful', async () => {
    rig = await AdminRig.start();
    const statusOf = async (request: RequestInit): Promise<unknown> => (await rig.fetch('/api/topics', request)).status;
    expect(await statusOf({ method: 'POST', body: 'name=Orders' })).to.equal(415);
    expect(await statusOf({ ...json({}), body: '{' })).to.equal(400);
    expect(await statusOf({ ...json({}), body: '[1]' })).to.equal(400);
    expect(await statusOf(json({ name: 'a'.repeat(1024 * 1024) }))).to.equal(413);
    expect(await statusOf(json({ name: 'New', queues: 1.5 }))).to.equal(400);
    expect(await statusOf(json({ name: 'New' }))).to.equal(201);
    expect((await rig.fetch('/api/nothing')).status).to.equal(404);
    expect((await rig.fetch('/api/topics', { method: 'PUT' })).status).to.equal(405);
    expect((await rig.fetch('/api/topics?x=1')).body).to.deep.include({
      error: {
        code: 'ERR_ROCKETMQ_INVALID_ARGUMENT',
        message: 'x is not valid: got "1", allowed is no members',
        field: 'x',
      },
    });
    const { headers } = await rig.fetch('/');
    expect(headers.get('content-security-policy')).to.include("default-src 'none'").and.not.to.include('unsafe');
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
    expect(headers.get('access-control-allow-origin')).to.equal(null);
    for (const path of [
      '/..%2fadmin%2fapp.ts',
      '/%2e%2e/admin/app.ts',
      '/views/../../cli.ts',
      '/style.map',
      '/views/none.js',
    ]) {
      expect((await rig.fetch(path)).status, path).to.equal(404);
    }
  });

  it('is served where the options say', async () => {
    const cluster = await MockCluster.start({ http: { token: 'secret' } });
    const [admin] = cluster.admins;
    expect(await ask(admin?.url ?? '', { authorization: 'Bearer secret' })).to.equal(200);
    await cluster.stop();
    const refused = await rejection(ask(admin?.url ?? '', {}), Error);
    expect(refused).to.have.property('code', 'ECONNREFUSED');
  });
});
