import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { createSecureContext, type TlsOptions as ServerOptions } from 'node:tls';
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
const expired = { key: fixture('expired-key.pem'), cert: fixture('expired.pem') };
const named = { key: fixture('named-key.pem'), cert: fixture('named.pem') };
const stranger = { key: fixture('stranger-key.pem'), cert: fixture('stranger.pem') };
const passphrase = 'correct horse battery staple';
const mutual = { ...server, ca, requestCert: true, rejectUnauthorized: true };

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
    const broker = await harness.server({ ...ECHO, tls: mutual });
    const client = harness.client({ tls: { ca, ...clientPair } });
    expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
  });

  const encrypted: [what: string, tls: TlsOptions][] = [
    ['an encrypted key', { ca, cert: clientPair.cert, key: fixture('client-key-encrypted.pem') }],
    ['a PKCS#12 file', { ca, pfx: fixture('client.p12') }],
  ];
  for (const [what, tls] of encrypted) {
    it(`opens ${what} with the passphrase, and says so when it is wrong`, async () => {
      const broker = await harness.server({ ...ECHO, tls: mutual });
      const client = harness.client({ tls: { ...tls, passphrase } });
      expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
      for (const wrong of [{ passphrase: 'wrong-passphrase' }, {}]) {
        const error = await refusal(broker.address, { ...tls, ...wrong });
        expect(error.message)
          .to.match(/passphrase/)
          .and.not.contain('wrong-passphrase');
      }
    });
  }

  it('shows a certificate the broker does not trust, and says that it was refused', async () => {
    const broker = await harness.server({ ...ECHO, tls: mutual });
    const client = harness.client({ tls: { ca, ...stranger } });
    const error = await rejection(client.request(broker.address, PULL, { timeoutMs: 10_000 }), ConnectionError);
    expect(error.message).to.contain(broker.address).and.to.contain('check tls.cert and tls.key');
    expect(broker.peers, 'the broker took nothing').to.deep.equal([]);
  });

  it('refuses a certificate of another authority than the given one', async () => {
    const broker = await harness.server({ ...ECHO, tls: server });
    const error = await refusal(broker.address, { ca: fixture('stranger-ca.pem') });
    expect(error.message).to.contain('not trusted').and.to.contain('tls.ca');
    const client = harness.client({ tls: { ca: [fixture('stranger-ca.pem'), ca] } });
    expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code, 'one of several').to.equal(0);
  });

  it('refuses a certificate whose time is over', async () => {
    const broker = await harness.server({ ...ECHO, tls: expired });
    const error = await refusal(broker.address, { ca });
    expect(error.message).to.contain('has expired').and.to.contain('renew');
    expect(error.cause).to.have.property('code', 'CERT_HAS_EXPIRED');
  });

  it('asks for the certificate of the name it was told, and verifies that', async () => {
    const asked: string[] = [];
    const choose: ServerOptions['SNICallback'] = (name, answer) => {
      asked.push(name);
      answer(null, createSecureContext(name === 'broker.example' ? named : server));
    };
    const broker = await harness.server({ ...ECHO, tls: { ...server, SNICallback: choose } });
    const client = harness.client({ tls: { ca, servername: 'broker.example' } });
    expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
    const error = await refusal(broker.address, { ca, servername: 'other.example' });
    expect(error.message).to.contain('another name').and.to.contain('tls.servername');
    expect(error.cause).to.have.property('code', 'ERR_TLS_CERT_ALTNAME_INVALID');
    expect(asked).to.deep.equal(['broker.example', 'other.example']);
    // By its address the broker is asked for no name, and its own certificate is for that address.
    const byAddress = harness.client({ tls: { ca } });
    expect((await byAddress.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
    expect(asked).to.have.length(2);
  });

  it('asks for the name in the address when there is one', async () => {
    const asked: string[] = [];
    const choose: ServerOptions['SNICallback'] = (name, answer) => {
      asked.push(name);
      answer(null, createSecureContext(server));
    };
    const broker = await harness.server({ ...ECHO, tls: { ...server, SNICallback: choose } });
    const client = harness.client({ tls: { ca } });
    expect((await client.request(`localhost:${broker.port}`, PULL, { timeoutMs: 1000 })).code).to.equal(0);
    expect(asked).to.deep.equal(['localhost']);
  });

  it('leaves the check of the name to the given function, and to nobody when that says nothing', async () => {
    const broker = await harness.server({ ...ECHO, tls: named });
    await refusal(broker.address, { ca });
    const refused = await refusal(broker.address, { ca, checkServerIdentity: () => new Error('not this one') });
    expect(refused.message).to.contain('not this one');
    const client = harness.client({ tls: { ca, checkServerIdentity: () => undefined } });
    expect((await client.request(broker.address, PULL, { timeoutMs: 1000 })).code).to.equal(0);
  });

  it('speaks no version below the lowest it was given, and none below 1.2', async () => {
    const old = await harness.server({ ...ECHO, tls: { ...server, maxVersion: 'TLSv1.2' } });
    expect((await refusal(old.address, { ca, minVersion: 'TLSv1.3' })).message).to.contain('versions');
    const older = await harness.server({ ...ECHO, tls: { ...server, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } });
    expect((await refusal(older.address, { ca })).message).to.contain('versions');
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`says that the broker refused it for want of a certificate, over ${maxVersion}`, async () => {
      const broker = await harness.server({ ...ECHO, tls: { ...mutual, maxVersion } });
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
    for (const [tls, words] of [
      [{ cert: 'no PEM', key: 'no PEM' }, 'no PEM'],
      [{ cert: clientPair.cert, key: server.key }, 'tls.key does not belong to tls.cert'],
      [{ ciphers: 'NONSENSE' }, 'tls.ciphers'],
    ] as const) {
      expect((await refusal(broker.address, tls)).message).to.contain(words);
    }
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
