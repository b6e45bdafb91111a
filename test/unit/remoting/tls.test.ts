import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { ConnectionError } from '../../../lib/errors.js';
import { describeTlsFailure, isTlsAlert, normalizeTls, tlsConnectOptions } from '../../../lib/remoting/tls.js';
import type { TlsOptions } from '../../../lib/remoting/tls.js';
import { turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';
import { ECHO, Harness, PULL } from './harness.js';

// test/fixtures/tls/make.sh makes these: an authority, and certificates of it for localhost and 127.0.0.1.
const fixture = (name: string): Buffer => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url));
const ca = fixture('ca.pem');
const server = { key: fixture('server-key.pem'), cert: fixture('server.pem') };
const clientPair = { key: fixture('client-key.pem'), cert: fixture('client.pem') };

describe('remoting/tls', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  async function refusal(address: string, tls: TlsOptions | true): Promise<ConnectionError> {
    const client = harness.client({ tls });
    const error = await rejection(client.request(address, PULL, { timeoutMs: 10_000 }), ConnectionError);
    expect(error.code).to.equal('ERR_ROCKETMQ_TLS_FAILED');
    expect(error.message).to.contain(address);
    return error;
  }

  it('talks to a broker whose certificate is signed by the given authority', async () => {
    const broker = await harness.server({ ...ECHO, tls: server });
    const client = harness.client({ tls: { ca } });
    expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
    await client.close();
    expect(harness.clock.timerCount).to.equal(0);
    await broker.peers[0]?.closed;
  });

  it('verifies the certificate by default', async () => {
    const broker = await harness.server({ ...ECHO, tls: server });
    const error = await refusal(broker.address, true);
    expect(error.message).to.contain('not trusted').and.to.contain('tls.ca');
    expect(error.cause).to.have.property('code', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('trusts anybody when told so', async () => {
    const broker = await harness.server({ ...ECHO, tls: server });
    const client = harness.client({ tls: { rejectUnauthorized: false } });
    expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
  });

  it('verifies the name, which can be given', async () => {
    const broker = await harness.server({ ...ECHO, tls: server });
    const error = await refusal(broker.address, { ca, servername: 'broker.example' });
    expect(error.message).to.contain('another name').and.to.contain('tls.servername');
    const client = harness.client({ tls: { ca: [ca], servername: 'localhost' } });
    expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
  });

  it('shows its own certificate when the broker asks for one', async () => {
    const tls = { ...server, ca, requestCert: true, rejectUnauthorized: true };
    const broker = await harness.server({ ...ECHO, tls });
    const client = harness.client({ tls: { ca, ...clientPair } });
    expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`says that the broker refused it for want of a certificate, over ${maxVersion}`, async () => {
      const tls = { ...server, ca, requestCert: true, rejectUnauthorized: true, maxVersion };
      const broker = await harness.server({ ...ECHO, tls });
      const error = await refusal(broker.address, { ca });
      expect(error.message).to.contain('tls.cert').and.to.contain('alert').and.not.contain('.c:');
    });
  }

  it('says that a broker that closes speaks plaintext', async () => {
    // As a broker with tls.server.mode=disabled does: the first bytes of a handshake are an oversized frame to it.
    const broker = await harness.server();
    void broker
      .nextConnection()
      .then((peer) => peer.socket.removeAllListeners('data').once('data', () => peer.socket.destroy()));
    const error = await refusal(broker.address, { ca });
    expect(error.message).to.contain('plaintext only').and.to.contain('tls.server.mode');
  });

  it('says that a broker that answers in another protocol does', async () => {
    const broker = await harness.server();
    void broker.nextConnection().then((peer) => {
      peer.socket.removeAllListeners('data').once('data', () => peer.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    const error = await refusal(broker.address, { ca });
    expect(error.message).to.contain('plaintext or another protocol');
  });

  it('says that a broker that stays silent during the handshake does', async () => {
    const broker = createServer();
    await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
    const heard = new Promise<() => void>((resolve) =>
      broker.once('connection', (socket) => socket.once('data', () => resolve(() => socket.destroy()))),
    );
    const refused = refusal(`127.0.0.1:${(broker.address() as AddressInfo).port}`, { ca });
    const hangUp = await heard;
    await harness.clock.advance(3000);
    const error = await refused;
    expect(error.message).to.contain('3000 ms').and.to.contain('plaintext');
    hangUp();
    await new Promise((resolve) => broker.close(resolve));
  });

  it('reports a refused connection as such', async () => {
    const broker = await harness.server();
    const { address } = broker;
    await broker.stop();
    const client = harness.client({ tls: { ca } });
    const error = await rejection(client.request(address, PULL, { timeoutMs: 1000 }), ConnectionError);
    expect(error.code).to.equal('ERR_ROCKETMQ_CONNECT_FAILED');
  });

  it('asks for a client certificate when the broker closes without a word', async () => {
    const broker = await harness.server({ tls: server });
    const client = harness.client({ tls: { ca } });
    const call = rejection(client.request(broker.address, PULL, { timeoutMs: 1000 }), ConnectionError);
    (await broker.nextRequest()).peer.socket.end();
    expect((await call).message).to.contain('tls.cert');
  });

  it('reports certificates that cannot be read', async () => {
    const broker = await harness.server();
    const error = await refusal(broker.address, { cert: 'no PEM', key: 'no PEM' });
    expect(error.message).to.contain('check the tls options');
    await turns();
    expect(broker.peers).to.deep.equal([]);
  });

  it('is off unless asked for', () => {
    expect(normalizeTls(undefined)).to.equal(undefined);
    expect(normalizeTls(false)).to.equal(undefined);
    expect(normalizeTls(true)).to.deep.equal({});
    expect(normalizeTls({ ca })).to.deep.equal({ ca });
  });

  it('sends the name of the host, but no IP address, to the server', () => {
    expect(tlsConnectOptions({}, 'broker-a', 1)).to.deep.include({ servername: 'broker-a', minVersion: 'TLSv1.2' });
    expect(tlsConnectOptions({}, '10.0.0.1', 1)).to.not.have.property('servername');
    expect(tlsConnectOptions({}, '::1', 1)).to.not.have.property('servername');
    expect(tlsConnectOptions({ servername: 'x', minVersion: 'TLSv1.3' }, 'broker-a', 1)).to.deep.include({
      servername: 'x',
      minVersion: 'TLSv1.3',
    });
  });

  it('explains failures by their codes', () => {
    const withCode = (code: string): Error => Object.assign(new Error('x'), { code });
    expect(describeTlsFailure(withCode('CERT_HAS_EXPIRED')))
      .to.contain('expired')
      .and.to.contain('renew');
    expect(describeTlsFailure(withCode('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'))).to.contain('refused this side');
    expect(describeTlsFailure(new Error('x'))).to.contain('check the tls options');
    expect(describeTlsFailure('x')).to.contain('check the tls options');
    expect(isTlsAlert(withCode('ECONNRESET'))).to.equal(false);
  });
});
