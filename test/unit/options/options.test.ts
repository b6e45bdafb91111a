import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../lib/clock.js';
import { AllocateMessageQueueByConfig } from '../../../lib/consumer/allocation/index.js';
import { ValidationError } from '../../../lib/errors.js';
import {
  resolveClientOptions,
  resolveConsumerOptions,
  resolveProducerOptions,
  type OrderedConsumerOptions,
} from '../../../lib/options.js';
import { FakeClock } from '../../support/fake-clock.js';

const consumerGroup = 'orders';

/** Calls `resolve` with options that TypeScript would refuse. */
function field(resolve: (options: never) => unknown, options: unknown): string {
  try {
    resolve(options as never);
  } catch (error) {
    if (error instanceof ValidationError) return error.field;
    throw error;
  }
  return 'none';
}

describe('resolveClientOptions', () => {
  it('has the defaults of the reference', () => {
    expect(resolveClientOptions()).to.deep.equal({
      namesrvAddr: undefined,
      namesrvUrl: undefined,
      clientIP: undefined,
      instanceName: undefined,
      unitName: undefined,
      namespace: undefined,
      namespaceV2: undefined,
      acl: undefined,
      tls: undefined,
      pollNameServerInterval: 30_000,
      heartbeatBrokerInterval: 30_000,
      persistConsumerOffsetInterval: 5_000,
      pullTimeDelayMillsWhenException: 1_000,
      mqClientApiTimeout: 3_000,
      connectTimeout: 3_000,
      language: 'OTHER',
      clock: systemClock,
    });
  });

  it('reads name servers from text and from an array', () => {
    const addresses = ['10.0.0.1:9876', 'mq.example:9876', '::1:9876'];
    expect(resolveClientOptions({ namesrvAddr: addresses }).namesrvAddr).to.deep.equal(addresses);
    expect(resolveClientOptions({ namesrvAddr: addresses.join(';') }).namesrvAddr).to.deep.equal(addresses);
    expect(resolveClientOptions({ namesrvAddr: ' a:1 ; b:2;' }).namesrvAddr).to.deep.equal(['a:1', 'b:2']);
    expect(resolveClientOptions({ namesrvAddr: 'a:1,a:1' }).namesrvAddr).to.deep.equal(['a:1']);
  });

  for (const namesrvAddr of [
    '',
    ';',
    'host',
    'a:1;;b:2',
    'a:0',
    'a:65536',
    'http://a:1',
    [],
    [1],
    ['a:1', 'b'],
    {},
    1,
  ]) {
    it(`refuses the name server ${JSON.stringify(namesrvAddr)}`, () => {
      expect(field(resolveClientOptions, { namesrvAddr })).to.equal('namesrvAddr');
    });
  }

  it('names the address that is wrong among several', () => {
    expect(() => resolveClientOptions({ namesrvAddr: 'a:1;b' })).to.throw(ValidationError, 'got "b"');
  });

  it('reads credentials, without a token as a field that is not there', () => {
    const acl = { accessKey: 'a', secretKey: 's' };
    expect(resolveClientOptions({ acl }).acl).to.deep.equal(acl);
    expect(resolveClientOptions({ acl: { ...acl, securityToken: undefined } }).acl).to.deep.equal(acl);
    expect(resolveClientOptions({ acl: { ...acl, securityToken: 't' } }).acl).to.deep.equal({
      ...acl,
      securityToken: 't',
    });
  });

  it('refuses incomplete credentials', () => {
    expect(field(resolveClientOptions, { acl: { accessKey: 'a' } })).to.equal('acl.secretKey');
    expect(field(resolveClientOptions, { acl: { secretKey: 's' } })).to.equal('acl.accessKey');
    expect(field(resolveClientOptions, { acl: { accessKey: 'a', secretKey: '' } })).to.equal('acl.secretKey');
    expect(field(resolveClientOptions, { acl: { accessKey: 'a', secretKey: 's', token: 't' } })).to.equal('acl.token');
    expect(field(resolveClientOptions, { acl: 'a:s' })).to.equal('acl');
  });

  it('never shows a secret', () => {
    expect(() => resolveClientOptions({ acl: { accessKey: 'a', secretKey: 4711 as unknown as string } })).to.throw(
      ValidationError,
      /^acl\.secretKey is not valid: got "number"/,
    );
  });

  it('reads TLS options', () => {
    expect(resolveClientOptions({ tls: false }).tls).to.equal(undefined);
    expect(resolveClientOptions({ tls: true }).tls).to.deep.equal({});
    const checkServerIdentity = (): undefined => undefined;
    const tls = { ca: ['pem', Buffer.from('pem')], servername: 'mq', minVersion: 'TLSv1.3', rejectUnauthorized: true, checkServerIdentity } as const; // prettier-ignore
    expect(resolveClientOptions({ tls }).tls).to.deep.equal(tls);
    expect(resolveClientOptions({ tls: { ca: 'pem' } }).tls).to.deep.equal({ ca: 'pem' });
  });

  it('refuses what is no TLS option', () => {
    expect(field(resolveClientOptions, { tls: 'yes' })).to.equal('tls');
    expect(field(resolveClientOptions, { tls: [] })).to.equal('tls');
    expect(field(resolveClientOptions, { tls: { serverName: 'x' } })).to.equal('tls.serverName');
    expect(field(resolveClientOptions, { tls: { ca: 1 } })).to.equal('tls.ca');
    expect(field(resolveClientOptions, { tls: { ca: ['pem', ''] } })).to.equal('tls.ca');
    expect(field(resolveClientOptions, { tls: { minVersion: 'SSLv3' } })).to.equal('tls.minVersion');
    expect(field(resolveClientOptions, { tls: { rejectUnauthorized: 0 } })).to.equal('tls.rejectUnauthorized');
    expect(field(resolveClientOptions, { tls: { checkServerIdentity: true } })).to.equal('tls.checkServerIdentity');
    expect(field(resolveClientOptions, { tls: { servername: '' } })).to.equal('tls.servername');
  });

  const refused: Record<string, unknown[]> = {
    namesrvUrl: ['', 'jmenv', 'ftp://a/b', 1],
    clientIP: ['', 'a b', 1],
    instanceName: ['', 'a b', 'a\n', 1],
    unitName: [''],
    namespace: ['', 'a.b', 'ns space'],
    namespaceV2: ['', '#'],
    pollNameServerInterval: [0, -1, 1.5, 2_147_483_648, '1', Number.NaN, Infinity],
    heartbeatBrokerInterval: [0],
    persistConsumerOffsetInterval: [0],
    pullTimeDelayMillsWhenException: [0],
    mqClientApiTimeout: [0],
    connectTimeout: [0],
    language: ['java', 'NODE', 1],
    clock: [{}, { now: () => 1 }, Date],
  };
  for (const [name, values] of Object.entries(refused)) {
    for (const value of values) {
      it(`refuses ${name} ${JSON.stringify(value)}`, () => {
        expect(field(resolveClientOptions, { [name]: value })).to.equal(name);
      });
    }
  }

  it('knows what users of other clients mean', () => {
    expect(() => resolveClientOptions({ useTLS: true } as never)).to.throw(ValidationError, "the option 'tls'");
    expect(() => resolveClientOptions({ secretKey: 's' } as never)).to.throw(ValidationError, "the option 'acl'");
    expect(() => resolveClientOptions({ namesrvAdr: 'a:1' } as never)).to.throw(ValidationError, '"namesrvAddr"');
  });
});

describe('resolveConsumerOptions', () => {
  it('has the defaults of the reference', () => {
    const clock = new FakeClock();
    const { allocateMessageQueueStrategy, ...resolved } = resolveConsumerOptions({ consumerGroup, clock });
    expect(allocateMessageQueueStrategy.name).to.equal('AVG');
    expect(resolved).to.deep.equal({
      ...resolveClientOptions({ clock }),
      consumerGroup,
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
      consumeTimestamp: clock.wallTime() - 1_800_000,
      consumeConcurrency: 20,
      pullThresholdForQueue: 1_000,
      pullThresholdSizeForQueue: 100,
      pullThresholdForTopic: -1,
      pullThresholdSizeForTopic: -1,
      pullThresholdForConsumer: 16_384,
      maxPullsInFlight: 3,
      pullInterval: 0,
      consumeMessageBatchMaxSize: 1,
      pullBatchSize: 32,
      pullBatchSizeInBytes: 262_144,
      postSubscriptionWhenPull: false,
      unitMode: false,
      maxReconsumeTimes: -1,
      suspendCurrentQueueTimeMillis: 1_000,
      consumeTimeout: 15,
      awaitTerminationMillisWhenShutdown: 30_000,
      brokerSuspendMaxTimeMillis: 15_000,
      consumerPullTimeoutMillis: 30_000,
      rebalanceInterval: 20_000,
      lease: { renewEvery: 20_000, validFor: 30_000 },
      lockLeaseTime: 30_000,
      orphanLocks: 'expire',
      revokeMode: 'wait',
      revokeTimeoutMs: undefined,
      strictConsumeFromWhere: false,
      verifyLockOnCommit: false,
      onExhausted: 'dlq',
      listenerTimeoutMs: undefined,
      allowDirectConsume: true,
      localOffsetStoreDir: join(homedir(), '.rocketmq_offsets'),
      attemptStore: undefined,
      startTimeoutMs: 10_000,
    });
  });

  /** Both ends of each range, and what is just past them. */
  const ranges: Partial<Record<keyof OrderedConsumerOptions, [min: number, max: number]>> = {
    consumeConcurrency: [1, 1_000],
    pullThresholdForQueue: [1, 65_535],
    pullThresholdSizeForQueue: [1, 1_024],
    maxPullsInFlight: [1, 16],
    pullInterval: [0, 65_535],
    consumeMessageBatchMaxSize: [1, 1_024],
    pullBatchSize: [1, 1_024],
    pullBatchSizeInBytes: [1, 2_147_483_647],
    suspendCurrentQueueTimeMillis: [1, 2_147_483_647],
    consumeTimeout: [1, 35_791],
    awaitTerminationMillisWhenShutdown: [0, 2_147_483_647],
    rebalanceInterval: [1, 2_147_483_647],
    revokeTimeoutMs: [0, 2_147_483_647],
    listenerTimeoutMs: [1, 2_147_483_647],
    startTimeoutMs: [1, 2_147_483_647],
  };
  for (const [name, [min, max]] of Object.entries(ranges)) {
    it(`${name} is from ${min} to ${max}`, () => {
      for (const value of [min, max]) {
        expect(resolveConsumerOptions({ consumerGroup, [name]: value })).to.have.property(name, value);
      }
      for (const value of [min - 1, max + 1, min + 0.5, String(min)]) {
        expect(field(resolveConsumerOptions, { consumerGroup, [name]: value })).to.equal(name);
      }
    });
  }

  const withMinusOne = { pullThresholdForTopic: [1, 6_553_500], pullThresholdSizeForTopic: [1, 102_400], pullThresholdForConsumer: [1, 6_553_500], maxReconsumeTimes: [0, 2_147_483_647] } as const; // prettier-ignore
  for (const [name, [min, max]] of Object.entries(withMinusOne)) {
    it(`${name} is -1 or from ${min} to ${max}`, () => {
      for (const value of [-1, min, max]) {
        expect(resolveConsumerOptions({ consumerGroup, [name]: value })).to.have.property(name, value);
      }
      for (const value of [-2, max + 1, 1.5, '1', true]) {
        expect(field(resolveConsumerOptions, { consumerGroup, [name]: value })).to.equal(name);
      }
      if (min === 1) expect(field(resolveConsumerOptions, { consumerGroup, [name]: 0 })).to.equal(name);
    });
  }

  const refused: Record<string, unknown[]> = {
    consumerGroup: [undefined, '', 'a b', 'DEFAULT_CONSUMER', 'x'.repeat(121), 1],
    messageModel: ['clustering', 0],
    consumeFromWhere: ['CONSUME_FROM_MIN_OFFSET', ''],
    consumeTimestamp: ['yesterday'],
    allocateMessageQueueStrategy: ['avg', {}, { name: 'x' }, { name: '', allocate: () => [] }, () => []],
    postSubscriptionWhenPull: ['true', 1],
    unitMode: [0],
    revokeMode: ['never'],
    strictConsumeFromWhere: ['no'],
    verifyLockOnCommit: [1],
    onExhausted: ['retry', true],
    allowDirectConsume: ['yes'],
    localOffsetStoreDir: ['', 1],
    attemptStore: [{}, new Map([['get', 1]]).set('set', 2).get('get'), { get: () => 1, set: () => 1 }],
  };
  for (const [name, values] of Object.entries(refused)) {
    values.forEach((value, index) => {
      it(`refuses ${name}, sample ${index + 1}`, () => {
        expect(field(resolveConsumerOptions, { consumerGroup, [name]: value })).to.equal(name);
      });
    });
  }

  it('takes a strategy by name or as an object', () => {
    const named = resolveConsumerOptions({ consumerGroup, allocateMessageQueueStrategy: 'CONSISTENT_HASH' });
    expect(named.allocateMessageQueueStrategy.name).to.equal('CONSISTENT_HASH');
    const own = new AllocateMessageQueueByConfig([]);
    const given = resolveConsumerOptions({ consumerGroup, allocateMessageQueueStrategy: own });
    expect(given.allocateMessageQueueStrategy).to.equal(own);
  });

  it('takes stores and functions as they are', () => {
    const attemptStore = { get: () => undefined, set: () => undefined, delete: () => undefined };
    const onExhausted = (): 'skip' => 'skip';
    const resolved = resolveConsumerOptions({ consumerGroup, attemptStore, onExhausted });
    expect(resolved.attemptStore).to.equal(attemptStore);
    expect(resolved.onExhausted).to.equal(onExhausted);
    expect(resolveConsumerOptions({ consumerGroup, onExhausted: 'block' }).onExhausted).to.equal('block');
  });

  it('reads consumeTimestamp in each of its forms', () => {
    const at = new Date(2026, 0, 2, 3, 4, 5);
    for (const consumeTimestamp of [at, at.getTime(), '20260102030405']) {
      expect(resolveConsumerOptions({ consumerGroup, consumeTimestamp }).consumeTimestamp).to.equal(at.getTime());
    }
  });

  it("gives 'force' the time of the reference, unless told otherwise", () => {
    expect(resolveConsumerOptions({ consumerGroup, revokeMode: 'force' }).revokeTimeoutMs).to.equal(20_000);
    expect(resolveConsumerOptions({ consumerGroup, revokeMode: 'force', revokeTimeoutMs: 0 }).revokeTimeoutMs).to.equal(
      0,
    );
    expect(resolveConsumerOptions({ consumerGroup, revokeTimeoutMs: 7 }).revokeTimeoutMs).to.equal(7);
  });

  it('refuses times that contradict each other', () => {
    const renewEvery = 'lease.renewEvery';
    expect(field(resolveConsumerOptions, { consumerGroup, lease: { renewEvery: 30_000 } })).to.equal(renewEvery);
    expect(field(resolveConsumerOptions, { consumerGroup, lease: { validFor: 20_000 } })).to.equal(renewEvery);
    expect(field(resolveConsumerOptions, { consumerGroup, brokerSuspendMaxTimeMillis: 30_000 })).to.equal(
      'consumerPullTimeoutMillis',
    );
  });

  it('refuses what only the reference has, and says what to use', () => {
    const options = { consumerGroup, consumeThreadMin: 5 } as OrderedConsumerOptions;
    expect(() => resolveConsumerOptions(options)).to.throw(ValidationError, "the option 'consumeConcurrency'");
  });

  it('does not change what it is given', () => {
    const options = Object.freeze({ consumerGroup, namesrvAddr: Object.freeze(['a:1']) });
    expect(resolveConsumerOptions(options).namesrvAddr).to.not.equal(options.namesrvAddr);
  });
});

describe('resolveProducerOptions', () => {
  it('has the defaults of the reference', () => {
    expect(resolveProducerOptions()).to.deep.equal({
      ...resolveClientOptions(),
      producerGroup: 'rocketmq-ordered-producer',
      sendMsgTimeout: 3_000,
      retryTimesWhenSendFailed: 2,
      compressMsgBodyOverHowmuch: 4_096,
      compressType: 'ZLIB',
      compressLevel: 5,
      maxMessageSize: 4_194_304,
      defaultTopicQueueNums: 4,
      createTopicKey: 'TBW102',
      retryAnotherBrokerWhenNotStoreOK: false,
      retryResponseCodes: new Set([1, 2, 14, 16, 17, 204, 205, 1500]),
      queuePolicy: 'route',
      hash: 'java',
      orderedFailure: 'continue',
      interopShardingKey: false,
    });
  });

  it('takes response codes as an array or Set', () => {
    expect(resolveProducerOptions({ retryResponseCodes: [1, 1, 2] }).retryResponseCodes).to.deep.equal(new Set([1, 2]));
    expect(resolveProducerOptions({ retryResponseCodes: new Set([3]) }).retryResponseCodes).to.deep.equal(new Set([3]));
  });

  it('takes every queue policy', () => {
    const queue = { topic: 'T', brokerName: 'b', queueId: 0 };
    expect(resolveProducerOptions({ queuePolicy: { fixed: [queue] } }).queuePolicy).to.deep.equal({ fixed: [queue] });
    expect(resolveProducerOptions({ queuePolicy: { count: 8 } }).queuePolicy).to.deep.equal({ count: 8 });
    expect(resolveProducerOptions({ queuePolicy: 'route' }).queuePolicy).to.equal('route');
  });

  it('keeps a fixed list as it was when given', () => {
    const fixed = [{ topic: 'T', brokerName: 'b', queueId: 0 }];
    const resolved = resolveProducerOptions({ queuePolicy: { fixed } });
    fixed.pop();
    expect(resolved.queuePolicy).to.have.property('fixed').with.lengthOf(1);
  });

  const refused: [options: Record<string, unknown>, field: string][] = [
    [{ producerGroup: 'DEFAULT_PRODUCER' }, 'producerGroup'],
    [{ sendMsgTimeout: 0 }, 'sendMsgTimeout'],
    [{ retryTimesWhenSendFailed: -1 }, 'retryTimesWhenSendFailed'],
    [{ retryTimesWhenSendFailed: 101 }, 'retryTimesWhenSendFailed'],
    [{ compressMsgBodyOverHowmuch: -1 }, 'compressMsgBodyOverHowmuch'],
    [{ compressType: 'GZIP' }, 'compressType'],
    [{ compressLevel: 10 }, 'compressLevel'],
    [{ maxMessageSize: 0 }, 'maxMessageSize'],
    [{ maxMessageSize: 16 * 1024 * 1024 }, 'maxMessageSize'],
    [{ defaultTopicQueueNums: 0 }, 'defaultTopicQueueNums'],
    [{ createTopicKey: '' }, 'createTopicKey'],
    [{ retryAnotherBrokerWhenNotStoreOK: 1 }, 'retryAnotherBrokerWhenNotStoreOK'],
    [{ retryResponseCodes: 1 }, 'retryResponseCodes'],
    [{ retryResponseCodes: ['1'] }, 'retryResponseCodes'],
    [{ queuePolicy: 'all' }, 'queuePolicy'],
    [{ queuePolicy: {} }, 'queuePolicy'],
    [{ queuePolicy: { count: 1, fixed: [] } }, 'queuePolicy'],
    [{ queuePolicy: { number: 1 } }, 'queuePolicy'],
    [{ queuePolicy: { count: 0 } }, 'queuePolicy.count'],
    [{ queuePolicy: { fixed: [] } }, 'queuePolicy.fixed'],
    [{ queuePolicy: { fixed: [1] } }, 'queuePolicy.fixed[0]'],
    [{ queuePolicy: { fixed: [{ topic: 'T', brokerName: '', queueId: 0 }] } }, 'queuePolicy.fixed[0].brokerName'],
    [{ queuePolicy: { fixed: [{ topic: 'T', brokerName: 'b', queueId: -1 }] } }, 'queuePolicy.fixed[0].queueId'],
    [{ queuePolicy: { fixed: [{ topic: '', brokerName: 'b', queueId: 0 }] } }, 'queuePolicy.fixed[0].topic'],
    [{ hash: 'md5' }, 'hash'],
    [{ orderedFailure: 'stop' }, 'orderedFailure'],
    [{ interopShardingKey: 'go' }, 'interopShardingKey'],
    [{ sendMessageTimeout: 1 }, 'sendMessageTimeout'],
  ];
  for (const [options, name] of refused) {
    it(`refuses ${JSON.stringify(options)}`, () => expect(field(resolveProducerOptions, options)).to.equal(name));
  }
});
