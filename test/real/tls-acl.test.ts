import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError, ConnectionError, RocketMQError, RouteError, SendError } from '../../lib/errors.js';
import { ResponseCode } from '../../lib/protocol/codes.js';
import { OrderedConsumer, Producer, type OrderedConsumerOptions } from '../../lib/index.js';
import type { ProducerOptions } from '../../lib/options.js';
import { createAccount } from '../support/acl-account.js';
import { rawOptionsOf, startRealCluster, type RealCluster } from '../support/real-cluster.js';
import { TLS_FIXTURES } from '../support/real-cluster-config.js';
import { numbered } from '../support/real-consumer.js';
import { RealRig } from '../support/real-rig.js';
import { rejection } from '../support/rejection.js';
import { until } from '../support/until.js';
import { isRocketMQVersion, type RocketMQVersion } from '../support/rocketmq-java.js';

type ClientOptions = Partial<ProducerOptions & OrderedConsumerOptions>;

const ACL = { accessKey: 'rocketmq2', secretKey: '12345678' };
const START_TIMEOUT_MS = 120_000;
/** 4.x has no code of its own for who is not let in. */
const DENIED = versionUnderTest().startsWith('4.') ? ResponseCode.SYSTEM_ERROR : ResponseCode.NO_PERMISSION;

function versionUnderTest(): RocketMQVersion {
  const version = process.env['ROCKETMQ_VERSION'] ?? '5.5.0';
  if (!isRocketMQVersion(version)) throw new Error(`no version: ${version}`);
  return version;
}

/** What the first name server that was tried had to say. */
function firstCause(error: Error): RocketMQError {
  const first: unknown = error.cause instanceof AggregateError ? error.cause.errors[0] : undefined;
  if (!(first instanceof RocketMQError)) throw new Error('the error has no cause of its own', { cause: error });
  return first;
}

/** Clusters that let in only those who can show something: each suite starts its own. */
describe('encryption and signatures on a real cluster', () => {
  const open: { close(): Promise<void> }[] = [];
  let cluster: RealCluster;

  afterEach(() => Promise.all(open.splice(0).map((client) => client.close())));

  function consumerOf(options: ClientOptions): OrderedConsumer {
    const consumer = new OrderedConsumer({
      namesrvAddr: cluster.namesrvAddr,
      consumerGroup: 'refused',
      ...options,
    });
    consumer.subscribe('orders');
    open.push(consumer);
    return consumer;
  }

  function producerOf(options: ClientOptions): Producer {
    const producer = new Producer({ namesrvAddr: cluster.namesrvAddr, ...options });
    open.push(producer);
    return producer;
  }

  async function expectOrder(client: ClientOptions): Promise<void> {
    const rig = new RealRig(cluster, { client, raw: rawOptionsOf(cluster.describe()) });
    try {
      const topic = await rig.topic(2);
      const group = rig.group();
      await Promise.all([0, 1].map((queueId) => rig.send(topic, numbered(20), {}, rig.queue(topic, queueId))));
      const member = await rig.consume(topic, group, { persistConsumerOffsetInterval: 200 });
      await member.untilDelivered(40);
      for (const queueId of [0, 1]) {
        expect(member.texts(queueId)).to.deep.equal(numbered(20));
        await rig.untilCommitted(group, rig.queue(topic, queueId), 20);
      }
      expect(member.errors).to.deep.equal([]);
      await member.close();
      // What the broker was told at the end counts, too: the locks are free.
      expect(await rig.lockAs('somebody-else', group, [rig.queue(topic), rig.queue(topic, 1)])).to.deep.equal([0, 1]);
    } finally {
      await rig.stop();
    }
  }

  describe('TLS', () => {
    const ca = readFileSync(join(TLS_FIXTURES, 'ca.pem'));

    before(async function () {
      this.timeout(START_TIMEOUT_MS);
      cluster = await startRealCluster({ version: versionUnderTest(), tls: true });
      await cluster.createTopic('orders', 1);
    });

    after(() => cluster?.stop());

    it('messages are sent and consumed in order by those who trust the authority', async () => {
      await expectOrder({ tls: { ca } });
    });

    it('a server whose certificate nobody vouches for is not used', async () => {
      for (const start of [
        () => consumerOf({ tls: true }).start(() => 'SUCCESS'),
        () => producerOf({ tls: true }).start(),
      ]) {
        const error = await rejection(start(), ConnectionError);
        expect(error).to.include({ code: 'ERR_ROCKETMQ_TLS_FAILED', address: cluster.namesrvAddr });
        expect(error.message).to.match(/not trusted; give the authority that signed it as tls\.ca/);
        expect(error.cause).to.have.property('code', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
      }
    });

    it('a server whose certificate is for another name is not used', async () => {
      const consumer = consumerOf({ tls: { ca, servername: 'broker.example' } });
      const error = await rejection(
        consumer.start(() => 'SUCCESS'),
        ConnectionError,
      );
      expect(error.code).to.equal('ERR_ROCKETMQ_TLS_FAILED');
      expect(error.message).to.include('set tls.servername to the name in the certificate');
    });

    it('plaintext is refused by the servers, and the start fails with their address', async () => {
      const error = await rejection(
        consumerOf({}).start(() => 'SUCCESS'),
        RouteError,
      );
      expect(error.code).to.equal('ERR_ROCKETMQ_NO_NAME_SERVER');
      expect(firstCause(error)).to.include({ code: 'ERR_ROCKETMQ_CONNECTION_LOST', address: cluster.namesrvAddr });
      expect(error.message).to.include('does it take TLS connections only? then set the tls option');
    });
  });

  describe('ACL', () => {
    before(async function () {
      this.timeout(START_TIMEOUT_MS);
      cluster = await startRealCluster({ version: versionUnderTest(), acl: ACL });
      await cluster.createTopic('orders', 1);
    });

    after(() => cluster?.stop());

    it('messages are sent and consumed in order with the right key', async () => {
      await expectOrder({ acl: ACL });
    });

    for (const [what, acl, words, advice] of [
      ['a wrong secret', { ...ACL, secretKey: 'wrong-secret' }, /check signature failed/i, 'acl.secretKey'],
      ['an unknown key', { ...ACL, accessKey: 'nobody' }, /nobody/, 'acl.accessKey'],
      ['no key', {}, /username cannot be null|No accessKey is configured/, "set the option 'acl'"],
    ] as const) {
      it(`with ${what} the start fails, with the broker's words and what to do`, async () => {
        const client: ClientOptions = 'accessKey' in acl ? { acl } : {};
        for (const start of [() => consumerOf(client).start(() => 'SUCCESS'), () => producerOf(client).start()]) {
          expectDenied(await rejection(start(), BrokerError), words, advice);
        }
      });
    }

    describe('of an account that may do some things and not others', () => {
      const account = { accessKey: 'limited-user', secretKey: 'limited-secret' };

      before(async () => {
        for (const topic of ['closed', 'read-only']) await cluster.createTopic(topic, 1);
        await createAccount(cluster, {
          ...account,
          topics: { orders: ['PUB', 'SUB'], 'read-only': ['SUB'] },
          groups: ['billing'],
        });
      });

      it('what it may do is done, in order', async () => {
        const producer = producerOf({ acl: account });
        await producer.start();
        const sent = numbered(20);
        for (const text of sent) await producer.send({ topic: 'orders', body: text, shardingKey: 'k' });
        const consumer = consumerOf({
          acl: account,
          consumerGroup: 'billing',
          consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
        });
        const errors: string[] = [];
        consumer.on('error', ({ message }) => errors.push(message));
        const seen: string[] = [];
        await consumer.start(([message]) => void seen.push(String(message?.body)));
        await until('all are consumed', () => Promise.resolve(seen.length >= sent.length || undefined));
        expect(seen).to.deep.equal(sent);
        expect(errors).to.deep.equal([]);
      });

      it('a start is refused in a group that is not its own', async () => {
        const start = consumerOf({ acl: account, consumerGroup: 'theirs' }).start(() => 'SUCCESS');
        expectDenied(await rejection(start, BrokerError), /group:theirs/i, 'granted');
      });

      it('a start is refused with a topic it may not read', async () => {
        const consumer = consumerOf({ acl: account, consumerGroup: 'billing' });
        consumer.subscribe('closed');
        expectDenied(
          await rejection(
            consumer.start(() => 'SUCCESS'),
            BrokerError,
          ),
          /topic:closed/i,
          'granted',
        );
      });

      for (const topic of ['closed', 'read-only']) {
        it(`a message to ${topic} is refused, and not stored`, async () => {
          const producer = producerOf({ acl: account, retryTimesWhenSendFailed: 0 });
          await producer.start();
          const error = await rejection(producer.send({ topic, body: 'x', shardingKey: 'k' }), SendError);
          expect(error.context).to.include({ outcome: 'not-stored', topic });
          const words = new RegExp(`topic:${topic}`, 'i');
          expect(error.message).to.match(words).and.to.include('granted');
          expect(error.cause).to.be.instanceOf(BrokerError);
          expect((error.cause as BrokerError).responseCode).to.equal(DENIED);
        });
      }

      it('with a wrong secret nothing is granted either', async () => {
        const start = producerOf({ acl: { ...account, secretKey: 'wrong-secret' } }).start();
        expectDenied(await rejection(start, BrokerError), /check signature failed/i, 'acl.secretKey');
      });
    });

    /** Refused by the broker itself: its code and words are what the caller gets, and what to do about it. */
    function expectDenied(error: BrokerError, words: RegExp, advice: string): void {
      expect(error.code).to.equal('ERR_ROCKETMQ_BROKER');
      expect(error.responseCode).to.equal(DENIED);
      expect(error.remark).to.match(words);
      expect(error.message).to.match(words).and.to.include(advice);
      expect(error.message).to.include(cluster.broker('broker-a').address);
      expect(error.message).to.not.include('wrong-secret');
    }
  });
});
