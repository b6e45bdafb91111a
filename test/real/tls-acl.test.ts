import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError, ConnectionError } from '../../lib/errors.js';
import { OrderedConsumer, Producer, type OrderedConsumerOptions } from '../../lib/index.js';
import type { ProducerOptions } from '../../lib/options.js';
import { rawOptionsOf, startRealCluster, type RealCluster } from '../support/real-cluster.js';
import { TLS_FIXTURES } from '../support/real-cluster-config.js';
import { numbered } from '../support/real-consumer.js';
import { RealRig } from '../support/real-rig.js';
import { rejection } from '../support/rejection.js';
import { isRocketMQVersion, type RocketMQVersion } from '../support/rocketmq-java.js';

type ClientOptions = Partial<ProducerOptions & OrderedConsumerOptions>;

const ACL = { accessKey: 'rocketmq2', secretKey: '12345678' };
const START_TIMEOUT_MS = 120_000;

function versionUnderTest(): RocketMQVersion {
  const version = process.env['ROCKETMQ_VERSION'] ?? '5.5.0';
  if (!isRocketMQVersion(version)) throw new Error(`no version: ${version}`);
  return version;
}

/** Clusters that let in only those who can show something: each suite starts its own. */
describe('encryption and signatures on a real cluster', () => {
  const open: { close(): Promise<void> }[] = [];
  let cluster: RealCluster;

  afterEach(() => Promise.all(open.splice(0).map((client) => client.close())));

  function consumerOf(options: ClientOptions, startTimeoutMs?: number): OrderedConsumer {
    const consumer = new OrderedConsumer({
      namesrvAddr: cluster.namesrvAddr,
      consumerGroup: 'refused',
      ...options,
      ...(startTimeoutMs !== undefined && { startTimeoutMs }),
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
      const error = await rejection(consumerOf({ tls: true }).start(() => 'SUCCESS'), ConnectionError);
      expect(error.code).to.equal('ERR_ROCKETMQ_TLS_FAILED');
      expect(error.message).to.match(/not trusted; give the authority that signed it as tls\.ca/);
      const atProducer = await rejection(producerOf({ tls: true }).start(), ConnectionError);
      expect(atProducer.code).to.equal('ERR_ROCKETMQ_TLS_FAILED');
    });

    it('a server whose certificate is for another name is not used', async () => {
      const consumer = consumerOf({ tls: { ca, servername: 'broker.example' } });
      const error = await rejection(consumer.start(() => 'SUCCESS'), ConnectionError);
      expect(error.code).to.equal('ERR_ROCKETMQ_TLS_FAILED');
      expect(error.message).to.include('set tls.servername to the name in the certificate');
    });

    it('plaintext is refused by the servers, and the start fails with their address', async () => {
      const error = await rejection(consumerOf({}).start(() => 'SUCCESS'), Error);
      expect(error.message).to.include(cluster.namesrvAddr);
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

    for (const [what, acl, words] of [
      ['a wrong secret', { ...ACL, secretKey: 'wrong-secret' }, /signature/i],
      ['an unknown key', { ...ACL, accessKey: 'nobody' }, /nobody/],
      ['no key', undefined, /./],
    ] as const) {
      it(`with ${what} the start fails, with the broker's words`, async () => {
        const client: ClientOptions = acl === undefined ? {} : { acl };
        const atConsumer = await rejection(consumerOf(client).start(() => 'SUCCESS'), Error);
        console.log(atConsumer, atConsumer.cause, BrokerError);
        const atProducer = await rejection(
          producerOf(client)
            .start()
            .then(async () => producerOf(client).send({ topic: 'orders', body: 'x' })),
          Error,
        );
        console.log(atProducer);
        expect(atConsumer.message).to.match(words);
      });
    }
  });
});
