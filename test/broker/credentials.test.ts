import createDebug from 'debug';
import { expect } from 'chai';
import buffer from 'node:buffer';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { format } from 'node:util';
import { OrderedConsumer, Producer, type OrderedConsumerEvents, type ProducerEvents } from '../../lib/index.js';
import type { OrderedConsumerOptions, ProducerOptions } from '../../lib/options.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { everythingOf, Secrets } from '../support/secrets.js';

const T = 'T';
const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = fixture('ca.pem');
const server = { key: fixture('server-key.pem'), cert: fixture('server.pem'), ca };

const PASSPHRASE = 'correct horse battery staple';
const ACL = { accessKey: 'an-access-key', secretKey: 'tHe-s3cret/key+of=it', securityToken: 'STS.t0ken-0f-15-minutes' };
const TLS = { ca, cert: fixture('client.pem'), key: fixture('client-key-encrypted.pem'), passphrase: PASSPHRASE };
const WRONG = 'wr0ng-s3cret-by-mistake';
const URL_PASSWORD = 'p4ssw0rd-in-a-URL';

const SECRETS = {
  'acl.secretKey': ACL.secretKey,
  'acl.securityToken': ACL.securityToken,
  'tls.passphrase': PASSPHRASE,
  'tls.key': TLS.key,
  'tls.key, decrypted': fixture('client-key.pem'),
  'tls.pfx': fixture('client.p12'),
  'a wrong secret': WRONG,
  'a password in a URL': URL_PASSWORD,
};

// Objects, so that none can be forgotten.
const CONSUMER_EVENTS: Record<keyof OrderedConsumerEvents, true> = {
  queueOwned: true, queueReleased: true, queueLost: true, queueState: true, rebalanced: true, offsetReset: true,
  deadLetter: true, skipped: true, blocked: true, connected: true, disconnected: true, noMaster: true,
  orphanLocksReleased: true, queueStalled: true, queueMoving: true, warning: true, error: true,
}; // prettier-ignore
const PRODUCER_EVENTS: Record<keyof ProducerEvents, true> = {
  retry: true, keyBlocked: true, connected: true, disconnected: true,
}; // prettier-ignore
const NAMESPACES = ['remoting', 'routing', 'client', 'consumer', 'heartbeat', 'lock', 'ownership', 'rebalance', 'pull', 'producer']; // prettier-ignore

/** Everything that came out of this package, in words. */
class Recorder {
  readonly texts: string[] = [];
  readonly eventNames = new Set<string>();
  readonly #log = createDebug.log;
  readonly #enabled = createDebug.disable();
  readonly #shown = buffer.INSPECT_MAX_BYTES;

  constructor() {
    // Else a printed Buffer would hide what is behind its first bytes.
    buffer.INSPECT_MAX_BYTES = Number.POSITIVE_INFINITY;
    createDebug.enable('rocketmq:*');
    createDebug.log = (...args: unknown[]) => this.texts.push(format(...args));
    process.on('warning', this.note);
    for (const name of Object.keys(CONSUMER_EVENTS)) subscribe(`rocketmq:consumer:${name}`, this.note);
  }

  readonly note = (value: unknown): void => {
    this.texts.push(everythingOf(value));
  };

  watchConsumer(consumer: OrderedConsumer): void {
    for (const name of Object.keys(CONSUMER_EVENTS) as (keyof OrderedConsumerEvents)[]) {
      consumer.on(name, (event: unknown) => this.#event(name, event));
    }
  }

  watchProducer(producer: Producer): void {
    for (const name of Object.keys(PRODUCER_EVENTS) as (keyof ProducerEvents)[]) {
      producer.on(name, (event: unknown) => this.#event(name, event));
    }
  }

  /** What a call throws or rejects with. Fails when it does not. */
  async failure(call: () => unknown): Promise<Error> {
    let error: unknown;
    try {
      await call();
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof Error)) throw new Error('it was to fail');
    this.note(error);
    return error;
  }

  stop(): void {
    createDebug.log = this.#log;
    createDebug.enable(this.#enabled);
    buffer.INSPECT_MAX_BYTES = this.#shown;
    process.off('warning', this.note);
    for (const name of Object.keys(CONSUMER_EVENTS)) unsubscribe(`rocketmq:consumer:${name}`, this.note);
  }

  #event(name: string, event: unknown): void {
    this.eventNames.add(name);
    this.note(event);
  }
}

describe('credentials', () => {
  let rig: Rig | undefined;
  let record: Recorder;
  const secrets = new Secrets(SECRETS);

  beforeEach(() => {
    record = new Recorder();
  });

  afterEach(async () => {
    try {
      await rig?.stop();
    } finally {
      rig = undefined;
      record.stop();
    }
  });

  /** Nothing that was recorded, and nothing that can be seen of these objects, has one of them. */
  function expectNoSecret(...objects: unknown[]): void {
    for (const object of objects) record.note(object);
    for (const text of record.texts) {
      const found = secrets.in(text);
      if (found.length > 0) expect.fail(`${found.join(', ')} in ${text.slice(0, 2_000)}`);
    }
  }

  function expectNoSignature(rigOfTest: Rig): void {
    const sent = rigOfTest.cluster.journal.requests({}).map(({ ext }) => ext['Signature']);
    const signatures = new Set(sent.filter((signature) => signature !== undefined));
    expect(signatures.size, 'requests were signed').to.be.at.least(5);
    const all = record.texts.join('\n');
    for (const signature of signatures) expect(all.includes(signature), signature).to.equal(false);
  }

  async function start(): Promise<Rig> {
    rig = await Rig.start({ topics: { T: { queues: 2 } }, acl: ACL, tls: server });
    return rig;
  }

  function consumerOf(r: Rig, name: string, options: Partial<OrderedConsumerOptions>): WatchedConsumer {
    const c = r.consumer(name, options);
    record.watchConsumer(c.consumer);
    c.consumer.subscribe(T);
    return c;
  }

  function producerOf(r: Rig, options: Partial<ProducerOptions>): Producer {
    const { clock, cluster } = r;
    const producer = new Producer({ namesrvAddr: cluster.namesrvAddr, clock, instanceName: 'p', ...options });
    record.watchProducer(producer);
    return producer;
  }

  it('are in nothing that a consumer tells while all goes well and while all goes wrong', async () => {
    const r = await start();
    for (const queueId of [0, 1]) r.produce(T, queueId, 4);
    const c = consumerOf(r, 'c1', { acl: ACL, tls: TLS, maxReconsumeTimes: 1, mqClientApiTimeout: 500 });
    c.answer = ({ offset, queueId }) => {
      if (queueId === 0 && offset === 1) throw new Error('the listener fails');
      return 'SUCCESS';
    };
    await c.start();
    await r.advanceUntil('all is consumed', () => c.offsets(0).includes(3) && c.offsets(1).includes(3));
    const { PULL_MESSAGE, LOCK_BATCH_MQ, UPDATE_CONSUMER_OFFSET, HEART_BEAT, GET_ROUTEINFO_BY_TOPIC } = RequestCode;
    for (const code of [PULL_MESSAGE, LOCK_BATCH_MQ, UPDATE_CONSUMER_OFFSET, HEART_BEAT, GET_ROUTEINFO_BY_TOPIC]) {
      for (const action of [
        { type: 'answer', code: ResponseCode.SYSTEM_ERROR, remark: 'no' },
        { type: 'close', when: 'before' },
        { type: 'raw', bytes: Buffer.from('00000004ffffffff', 'hex') },
        { type: 'drop' },
      ] as const) {
        const fault = r.cluster.faults.add({ code, action, times: 2 });
        r.produce(T, 0, 1);
        await r.advance(6_000);
        fault.remove();
        record.note(c.consumer.status());
      }
    }
    await r.cluster.broker('broker-a').stop();
    await r.advance(65_000);
    expect(c.consumer.status().queues.every(({ stall }) => stall !== undefined)).to.equal(true);
    record.note(c.consumer.status());
    await r.cluster.broker('broker-a').start();
    await r.advanceUntil('it owns its queues again', () => c.owned(T).length === 2);
    expectNoSecret(c.consumer, c.consumer.status(), c.consumer.health(), c.consumer.assignment, c.consumer.clientId);
    const running = c.consumer.close();
    await r.advanceUntil('it is closed', () => c.consumer.status().phase === 'closed');
    await running;
    for (const name of ['queueOwned', 'deadLetter', 'disconnected', 'error', 'queueStalled'] as const) {
      expect([...record.eventNames]).to.include(name);
    }
    expectNoSecret(c.consumer, ...c.errors);
    expectNoSignature(r);
    const logged = NAMESPACES.filter((name) => record.texts.some((text) => text.includes(`rocketmq:${name}`)));
    expect(logged).to.include.members([
      'remoting',
      'routing',
      'client',
      'consumer',
      'heartbeat',
      'lock',
      'rebalance',
      'pull',
    ]);
  });

  it('are in nothing that a producer tells', async () => {
    const r = await start();
    const producer = producerOf(r, { acl: ACL, tls: TLS, orderedFailure: 'block-key', sendMsgTimeout: 2_000 });
    await producer.start();
    const message = { topic: T, body: 'x', shardingKey: 'k' };
    await producer.send(message);
    for (const action of [
      { type: 'answer', code: ResponseCode.SYSTEM_BUSY, remark: 'busy' },
      { type: 'close', when: 'before' },
    ] as const) {
      const fault = r.cluster.faults.add({ code: RequestCode.SEND_MESSAGE_V2, action });
      const failing = record.failure(() => producer.send(message));
      await r.advance(10_000);
      await failing;
      await record.failure(() => producer.send(message));
      expectNoSecret(producer, producer.blocked);
      producer.unblockKey('k');
      fault.remove();
    }
    await producer.close();
    await record.failure(() => producer.send(message));
    expect([...record.eventNames]).to.include.members(['connected', 'disconnected', 'retry', 'keyBlocked']);
    expectNoSecret(producer);
    expectNoSignature(r);
  });

  const refused: readonly [what: string, options: Partial<ProducerOptions>][] = [
    ['a wrong secret key', { acl: { ...ACL, secretKey: WRONG }, tls: TLS }],
    ['an unknown access key', { acl: { ...ACL, accessKey: 'nobody' }, tls: TLS }],
    ['a wrong passphrase', { acl: ACL, tls: { ...TLS, passphrase: WRONG } }],
    ['no passphrase', { acl: ACL, tls: { ...TLS, passphrase: undefined as never } }],
    ['a wrong passphrase of a PKCS#12 file', { acl: ACL, tls: { ca, pfx: fixture('client.p12'), passphrase: WRONG } }],
    ['the key of another certificate', { acl: ACL, tls: { ...TLS, cert: fixture('named.pem') } }],
    ['a certificate the broker does not trust', { acl: ACL, tls: { ...TLS, cert: fixture('stranger.pem'), key: fixture('stranger-key.pem') } }],
    ['an authority that did not sign', { acl: ACL, tls: { ...TLS, ca: fixture('stranger-ca.pem') } }],
    ['another name', { acl: ACL, tls: { ...TLS, servername: 'broker.example' } }],
  ]; // prettier-ignore
  for (const [what, options] of refused) {
    it(`are in nothing that is told of a start that fails for ${what}`, async () => {
      const r = await start();
      const c = consumerOf(r, 'c1', options);
      const producer = producerOf(r, options);
      const errors = [await record.failure(() => c.start()), await record.failure(() => producer.start())];
      expectNoSecret(c.consumer, producer, c.consumer.status(), errors);
    });
  }

  it('are in no error about the options themselves', async () => {
    const base = { namesrvAddr: '127.0.0.1:9876', consumerGroup: 'g' };
    const wrong: object[] = [
      { acl: ACL.secretKey },
      { acl: [ACL.accessKey, ACL.secretKey] },
      { acl: { secretKey: ACL.secretKey } },
      { acl: { accessKey: ACL.accessKey, secretKey: Buffer.from(ACL.secretKey) } },
      { acl: { accessKey: ACL.accessKey, secretkey: ACL.secretKey } },
      { acl: { ...ACL, securityToken: [ACL.securityToken] } },
      { acl: { accessKey: [ACL.secretKey], secretKey: '' } },
      { secretKey: ACL.secretKey },
      { securityToken: ACL.securityToken },
      { password: PASSPHRASE },
      { tls: PASSPHRASE },
      { tls: TLS.key.toString() },
      { tls: TLS.key },
      { tls: [TLS.key] },
      { tls: { ...TLS, key: [TLS.key.toString()] } },
      { tls: { ...TLS, key: { pem: TLS.key, passphrase: PASSPHRASE } } },
      { tls: { ...TLS, passphrase: { text: PASSPHRASE } } },
      { tls: { ...TLS, passPhrase: PASSPHRASE } },
      { tls: { ...TLS, pfx: new Uint8Array(fixture('client.p12')) } },
      { tls: { ...TLS, keys: TLS.key.toString() } },
      { namesrvAddr: undefined, namesrvUrl: `ftp://me:${URL_PASSWORD}@127.0.0.1/` },
      { namesrvAddr: undefined, namesrvUrl: `//me:${URL_PASSWORD}@127.0.0.1/` },
    ];
    for (const options of wrong) {
      const what = Object.keys(options).join();
      const error = await record.failure(() => new OrderedConsumer({ ...base, ...options }));
      expect(error, what).to.have.property('code', 'ERR_ROCKETMQ_INVALID_ARGUMENT');
      await record.failure(() => new Producer({ namesrvAddr: base.namesrvAddr, ...options }));
      expectNoSecret(error);
    }
  });

  it('are in no error about an address server, whatever stands in its URL', async () => {
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    const namesrvUrl = `http://me:${URL_PASSWORD}@127.0.0.1:${port}/nsaddr?token=${URL_PASSWORD}`;
    const producer = new Producer({ namesrvUrl });
    record.watchProducer(producer);
    const error = await record.failure(() => producer.start());
    expect(error.message).to.contain(`http://127.0.0.1:${port}/nsaddr?...`);
    expectNoSecret(producer);
  });

  it('are in no error about a client id that is in use with others', async () => {
    const r = await start();
    const c = consumerOf(r, 'c1', { acl: ACL, tls: TLS });
    await c.start();
    const other = consumerOf(r, 'c1', { acl: { ...ACL, secretKey: WRONG }, tls: TLS, consumerGroup: 'other' });
    const error = await record.failure(() => other.start());
    expect(error.message).to.contain('credentials');
    expectNoSecret(c.consumer, other.consumer);
  });

  it('stay here when an operator asks for what a consumer is and has', async () => {
    const r = await start();
    const c = consumerOf(r, 'c1', { acl: ACL, tls: TLS });
    await c.start();
    await r.advanceUntil('it owns its queues', () => c.owned(T).length === 2);
    const extFields = { consumerGroup: 'group', clientId: c.consumer.clientId, jstackEnable: 'true' };
    const info = await r.cluster.callClient('group', { code: RequestCode.GET_CONSUMER_RUNNING_INFO, extFields });
    expect(info.body.toString()).to.contain('PROP_CONSUMEORDERLY');
    expectNoSecret(info.body.toString());
    // The token goes along with each request. The others never leave this process.
    const { 'acl.securityToken': _, ...others } = SECRETS;
    const inside = new Secrets(others);
    for (const { ext, body } of r.cluster.journal.entries) {
      expect(inside.in(JSON.stringify(ext) + body.toString('latin1'))).to.deep.equal([]);
    }
  });
});
