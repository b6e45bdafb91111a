import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { BrokerError, ConnectionError, RocketMQError } from '../../lib/errors.js';
import { Producer } from '../../lib/index.js';
import { aclContent, aclSignature } from '../../lib/protocol/acl-signature.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import type { JournalEntry, MockClusterOptions } from '../../mock-broker/index.js';
import { rejection } from '../support/rejection.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, numbers, pulls } from '../support/wire.js';

const T = 'T';

// test/fixtures/tls/make.sh makes these: an authority, and certificates of it for localhost and 127.0.0.1.
const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = fixture('ca.pem');
const server = { key: fixture('server-key.pem'), cert: fixture('server.pem') };
const pair = { key: fixture('client-key.pem'), cert: fixture('client.pem') };

describe('namespaces, ACL and TLS', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** Every request that came in, of brokers and name servers. */
  function requests(code?: number): JournalEntry[] {
    return rig.cluster.journal.requests(code === undefined ? {} : { code });
  }

  async function consumed(c: WatchedConsumer, count: number): Promise<void> {
    await rig.advanceUntil('all are consumed', () => c.deliveries.length >= count);
  }

  describe('a namespace', () => {
    const NAMESPACE = 'MQ_INST_1';
    const WRAPPED = `${NAMESPACE}%T`;
    const GROUP = `${NAMESPACE}%group`;

    async function start(options: Partial<OrderedConsumerOptions> = {}): Promise<WatchedConsumer> {
      rig = await Rig.start({ topics: { [WRAPPED]: { queues: 2 }, T: { queues: 2 } } });
      for (const queueId of [0, 1]) rig.produce(WRAPPED, queueId, 3);
      rig.produce(T, 0, 1);
      return rig.consume(T, 'c1', { namespace: NAMESPACE, ...options });
    }

    it('stands before topic and group in every request, and in nothing the user sees', async () => {
      const c = await start();
      await consumed(c, 6);
      await rig.advance(25_000);
      for (const queueId of [0, 1]) expect(c.offsets(queueId)).to.deep.equal(numbers(3));
      expect(new Set(c.deliveries.map(({ topic }) => topic))).to.deep.equal(new Set([T]));
      for (const [name, seen] of [
        ['queueOwned', c.eventsNamed('queueOwned')],
        ['queueState', c.eventsNamed('queueState')],
      ] as const) {
        const topics = seen.map((event) => (event as { messageQueue: { topic: string } }).messageQueue.topic);
        expect(new Set(topics), name).to.deep.equal(new Set([T, '%RETRY%group']));
      }
      const rebalanced = c.eventsNamed('rebalanced') as { topic: string; mine: { topic: string }[] }[];
      expect(rebalanced.find(({ topic }) => topic === T)?.mine.map(({ topic }) => topic)).to.deep.equal([T, T]);
      expect(c.owned(T)).to.deep.equal([0, 1]);
      expect(c.consumer.consumerGroup).to.equal('group');

      const named = [WRAPPED, `%RETRY%${GROUP}`];
      for (const request of requests()) {
        const { topic } = request.ext;
        if (topic !== undefined) expect(named, `code ${request.code}`).to.include(topic);
        const group = request.ext['consumerGroup'] ?? request.ext['group'];
        if (group !== undefined) expect(group, `code ${request.code}`).to.equal(GROUP);
      }
      const [beat] = requests(RequestCode.HEART_BEAT);
      const [data] = (JSON.parse(beat?.body.toString() ?? '') as { consumerDataSet: { groupName: string; subscriptionDataSet: { topic: string }[] }[] }).consumerDataSet; // prettier-ignore
      expect(data?.groupName).to.equal(GROUP);
      expect(data?.subscriptionDataSet.map(({ topic }) => topic).sort()).to.deep.equal([...named].sort());
      const [lock] = requests(RequestCode.LOCK_BATCH_MQ);
      expect(JSON.parse(lock?.body.toString() ?? '')).to.have.property('consumerGroup', GROUP);
      expect(pulls(rig.cluster, WRAPPED).length).to.be.greaterThan(0);
      expect(commits(rig.cluster, WRAPPED).length).to.be.greaterThan(0);
      expect([0, 1].map((queueId) => rig.committed(WRAPPED, queueId, GROUP))).to.deep.equal([3, 3]);
      expect(rig.cluster.locks(GROUP).length).to.equal(3);
      expect(rig.cluster.locks('group')).to.deep.equal([]);
      expect(c.errors).to.deep.equal([]);
    });

    it('may be written out by the user as well', async () => {
      rig = await Rig.start({ topics: { [WRAPPED]: { queues: 1 } } });
      rig.produce(WRAPPED, 0, 2);
      const c = await rig.consume(WRAPPED, 'c1', { namespace: NAMESPACE });
      await consumed(c, 2);
      expect(pulls(rig.cluster, WRAPPED).length).to.be.greaterThan(0);
      expect(c.deliveries[0]?.topic).to.equal(T);
    });

    it('stands in a dead letter’s topics and where it says it came from', async () => {
      const c = await start({ maxReconsumeTimes: 1 });
      c.answer = ({ offset, queueId }) =>
        queueId === 0 && offset === 1 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
      await rig.advanceUntil('all are settled', () => c.offsets(0).includes(2));
      expect(c.offsets(0)).to.deep.equal([0, 1, 1, 2]);
      const [dead] = rig.cluster.messages(`%DLQ%${GROUP}`);
      expect(dead?.body.toString()).to.equal('1');
      expect(dead?.getProperty('RETRY_TOPIC')).to.equal(WRAPPED);
      expect(rig.cluster.messages('%DLQ%group')).to.deep.equal([]);
      const event = c.eventsNamed('deadLetter')[0] as { messageQueue: { topic: string }; message: { topic: string } };
      expect([event.messageQueue.topic, event.message.topic]).to.deep.equal([T, T]);
    });

    it('is taken off the topic a message in the retry topic was meant for', async () => {
      const c = await start();
      await consumed(c, 6);
      const retry = `%RETRY%${GROUP}`;
      await rig.advanceUntil('the retry topic is pulled', () => pulls(rig.cluster, retry).length > 0);
      rig.cluster.produce(retry, { queueId: 0, body: 'again', properties: { RETRY_TOPIC: WRAPPED } });
      await consumed(c, 7);
      expect(c.deliveries[6]).to.include({ topic: T, text: 'again' });
    });

    it('is put before what the user names later: queues to suspend, topics to add and to leave', async () => {
      const c = await start();
      await consumed(c, 6);
      expect(c.consumer.suspendQueue({ topic: T, brokerName: 'broker-a', queueId: 1 })).to.equal(true);
      expect(c.consumer.assignment.filter(({ suspended }) => suspended).length).to.equal(1);
      rig.cluster.createTopic(`${NAMESPACE}%U`, { queues: 1 });
      rig.produce(`${NAMESPACE}%U`, 0, 1);
      c.consumer.subscribe('U');
      await consumed(c, 7);
      expect(c.deliveries[6]?.topic).to.equal('U');
      c.consumer.unsubscribe(T);
      await rig.advanceUntil('it is left', () => c.owned(T).length === 0);
      expect(c.owned('U')).to.deep.equal([0]);
    });

    it('keeps groups of the same name apart', async () => {
      const c = await start();
      const other = await rig.consume(T, 'c2');
      await consumed(c, 6);
      await consumed(other, 1);
      await rig.advance(25_000);
      expect(c.deliveries.length).to.equal(6);
      expect(other.deliveries.length).to.equal(1);
      expect([c.owned(T), other.owned(T)]).to.deep.equal([[0, 1], [0, 1]]); // prettier-ignore
    });
  });

  describe('a namespace of version 2', () => {
    it('travels with every request, and leaves the names alone', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      const c = await rig.consume(T, 'c1', { namespaceV2: 'tenant' });
      await consumed(c, 3);
      await rig.advance(35_000);
      await c.consumer.close();
      const seen = new Set(requests().map((request) => request.code));
      for (const code of [RequestCode.HEART_BEAT, RequestCode.GET_ROUTEINFO_BY_TOPIC, RequestCode.LOCK_BATCH_MQ, RequestCode.PULL_MESSAGE, RequestCode.UPDATE_CONSUMER_OFFSET, RequestCode.QUERY_CONSUMER_OFFSET, RequestCode.GET_CONSUMER_LIST_BY_GROUP, RequestCode.UNLOCK_BATCH_MQ, RequestCode.UNREGISTER_CLIENT]) expect(seen, `code ${code}`).to.include(code); // prettier-ignore
      for (const request of requests()) {
        expect(request.ext, `code ${request.code}`).to.include({ nsd: 'true', ns: 'tenant' });
        const { consumerGroup = 'group' } = request.ext;
        expect(consumerGroup).to.equal('group');
      }
      expect(c.deliveries[0]?.topic).to.equal(T);
      expect(rig.committed(T, 0)).to.equal(3);
    });
  });

  describe('ACL', () => {
    const acl = { accessKey: 'rocketmq2', secretKey: '12345678' };

    async function cluster(options: MockClusterOptions = {}): Promise<void> {
      rig = await Rig.start({ topics: { T: { queues: 1 } }, acl, ...options });
      rig.produce(T, 0, 3);
    }

    it('signs every request, to brokers and name servers', async () => {
      await cluster();
      const c = await rig.consume(T, 'c1', { acl: { ...acl, securityToken: 'token' }, namespaceV2: 'tenant' });
      await consumed(c, 3);
      await rig.advance(35_000);
      await c.consumer.close();
      expect(requests().length).to.be.greaterThan(20);
      for (const { ext, body, code, broker } of requests()) {
        expect(ext, `code ${code} to ${broker}`).to.include({ AccessKey: acl.accessKey, SecurityToken: 'token' });
        expect(ext['Signature'], `code ${code} to ${broker}`).to.equal(aclSignature(aclContent(ext, body), acl.secretKey)); // prettier-ignore
        expect(JSON.stringify(ext) + body.toString(), 'the secret stays here').to.not.contain(acl.secretKey);
      }
      expect(c.errors).to.deep.equal([]);
      expect(rig.committed(T, 0)).to.equal(3);
    });

    const refused: [name: string, given: OrderedConsumerOptions['acl'], words: string, advice: string][] = [
      ['a wrong secret', { ...acl, secretKey: 'wrong-one' }, 'Check signature failed', 'acl.secretKey'],
      ['an unknown key', { ...acl, accessKey: 'nobody' }, 'No acl config for nobody', 'acl.accessKey'],
      ['no key', undefined, 'No accessKey is configured', "set the option 'acl'"],
    ];
    for (const [name, given, words, advice] of refused) {
      it(`fails a start with ${name} in the broker's words, and leaves nothing running`, async () => {
        await cluster();
        const c = rig.consumer('c1', { acl: given });
        c.consumer.subscribe(T);
        const error = await rejection(c.start(), BrokerError);
        expect(error.remark).to.contain(words);
        expect(error.message).to.contain(words).and.to.contain(advice).and.not.contain('wrong-one');
        expect(error.context['address']).to.equal(rig.cluster.broker('broker-a').address);
        expect(rig.clock.timerCount).to.equal(0);
        expect(rig.cluster.members('group')).to.deep.equal([]);
        expect(rig.cluster.locks('group')).to.deep.equal([]);
      });
    }

    it('signs anew what is sent again after GO_AWAY', async () => {
      await cluster();
      const fault = rig.cluster.faults.add({
        code: RequestCode.LOCK_BATCH_MQ,
        times: 1,
        action: { type: 'answer', code: ResponseCode.GO_AWAY },
      });
      const c = await rig.consume(T, 'c1', { acl });
      await consumed(c, 3);
      expect(fault.hits).to.equal(1);
      expect(c.errors).to.deep.equal([]);
    });

    it('lets a producer in that has the key, and none that has not', async () => {
      await cluster();
      const c = await rig.consume(T, 'c1', { acl });
      const options = { namesrvAddr: rig.cluster.namesrvAddr, producerGroup: 'producers', clock: rig.clock };
      const producer = new Producer({ ...options, acl, instanceName: 'p1' });
      await producer.start();
      await producer.send({ topic: T, body: Buffer.from('signed'), shardingKey: 'k' });
      await consumed(c, 4);
      expect(c.deliveries[3]?.text).to.equal('signed');
      await producer.close();

      const unsigned = new Producer({ ...options, instanceName: 'p2' });
      const attempt = unsigned.start().then(() => unsigned.send({ topic: T, body: 'unsigned' }));
      expect((await rejection(attempt, BrokerError)).remark).to.contain('No accessKey');
      await unsigned.close();
      expect(rig.cluster.messages(T).length).to.equal(4);
    });
  });

  describe('TLS', () => {
    async function cluster(tls: MockClusterOptions['tls'] = server, nameServers = 1): Promise<void> {
      const topics = { T: { queues: 1 } };
      rig = await Rig.start({ brokers: 2, nameServers, topics, ...(tls !== undefined && { tls }) });
      for (const brokerName of ['broker-a', 'broker-b']) rig.produce(T, 0, 3, brokerName);
    }

    async function worksWith(tls: OrderedConsumerOptions['tls']): Promise<void> {
      const c = await rig.consume(T, 'c1', { tls });
      await consumed(c, 6);
      await rig.advance(5_000);
      for (const brokerName of ['broker-a', 'broker-b']) expect(rig.committed(T, 0, 'group', brokerName)).to.equal(3);
      expect(c.errors).to.deep.equal([]);
    }

    async function refusedWith(tls: OrderedConsumerOptions['tls'], ...words: string[]): Promise<ConnectionError> {
      const c = rig.consumer('c1', { tls });
      c.consumer.subscribe(T);
      const error = await rejection(c.start(), ConnectionError);
      expect(error.code).to.equal('ERR_ROCKETMQ_TLS_FAILED');
      expect(rig.cluster.namesrvAddr.split(';')).to.include(error.address);
      for (const word of words) expect(error.message).to.contain(word);
      expect(rig.clock.timerCount, 'nothing is left running').to.equal(0);
      expect(requests(), 'nothing was said in the clear').to.deep.equal([]);
      return error;
    }

    it('carries everything when the authority is known', async () => {
      await cluster();
      await worksWith({ ca });
    });

    it('verifies the name it is told to', async () => {
      await cluster();
      await worksWith({ ca: [ca.toString()], servername: 'localhost' });
    });

    it('trusts no authority it was not given', async () => {
      await cluster();
      const { cause } = await refusedWith(true, 'not trusted', 'tls.ca');
      expect(cause, 'what Node says').to.have.property('code', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    });

    it('trusts no other authority than the one it was given', async () => {
      await cluster();
      await refusedWith({ ca: fixture('stranger-ca.pem') }, 'not trusted', 'tls.ca');
    });

    it('refuses a certificate whose time is over', async () => {
      await cluster({ key: fixture('expired-key.pem'), cert: fixture('expired.pem') });
      await refusedWith({ ca }, 'has expired');
    });

    it('names every name server that can not be talked to', async () => {
      await cluster(server, 2);
      const error = await refusedWith(true, 'not trusted', ...rig.cluster.namesrvAddr.split(';'));
      expect(causesOf(error).filter((cause) => 'code' in cause && cause.code === error.code)).to.have.length(3);
    });

    it('tells of the certificate where a second name server is down', async () => {
      await cluster(server, 2);
      await rig.cluster.nameServers[0]?.stop();
      const c = rig.consumer('c1', { tls: true });
      c.consumer.subscribe(T);
      const error = await rejection(c.start(), RocketMQError);
      expect(error.code).to.equal('ERR_ROCKETMQ_NO_NAME_SERVER');
      expect(error.message).to.contain('not trusted').and.to.contain('ECONNREFUSED');
    });

    it('fails a producer’s start in the same words', async () => {
      await cluster();
      const producer = new Producer({ namesrvAddr: rig.cluster.namesrvAddr, clock: rig.clock, tls: true });
      const error = await rejection(producer.start(), ConnectionError);
      expect(error).to.include({ code: 'ERR_ROCKETMQ_TLS_FAILED', address: rig.cluster.namesrvAddr });
      expect(error.message).to.contain('not trusted').and.to.contain('tls.ca');
    });

    it('trusts anybody when told so', async () => {
      await cluster();
      await worksWith({ rejectUnauthorized: false });
    });

    it('refuses a certificate for another name', async () => {
      await cluster();
      await refusedWith({ ca, servername: 'broker.example' }, 'another name', 'tls.servername');
    });

    it('shows its certificate where one is asked for', async () => {
      await cluster({ ...server, ca });
      await worksWith({ ca, ...pair });
    });

    it('shows it with an encrypted key, too, and as a PKCS#12 file', async () => {
      const passphrase = 'correct horse battery staple';
      await cluster({ ...server, ca });
      await worksWith({ ca, cert: pair.cert, key: fixture('client-key-encrypted.pem'), passphrase });
      const other = await rig.consume(T, 'c2', {
        consumerGroup: 'other',
        tls: { ca, pfx: fixture('client.p12'), passphrase },
      });
      await consumed(other, 6);
    });

    it('says that the passphrase does not fit', async () => {
      await cluster({ ...server, ca });
      const key = fixture('client-key-encrypted.pem');
      const error = await refusedWith({ ca, cert: pair.cert, key, passphrase: 'wrong-one' }, 'check tls.passphrase');
      expect(error.message).to.not.contain('wrong-one');
    });

    it('says that it was refused without one', async () => {
      await cluster({ ...server, ca });
      await refusedWith({ ca }, 'tls.cert');
    });

    it('says that a server speaks plaintext only', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      await refusedWith({ ca }, 'plaintext', 'tls');
    });

    it('is not needed where both are served', async () => {
      await cluster();
      await worksWith(undefined);
    });

    it('is made anew after a broker was restarted, and consumption goes on in order', async () => {
      await cluster();
      const c = await rig.consume(T, 'c1', { tls: { ca } });
      await consumed(c, 6);
      await rig.advance(6_000);
      await rig.cluster.broker('broker-a').restart();
      rig.produce(T, 0, 3);
      await consumed(c, 9);
      const ofA = c.deliveries.filter(({ brokerName }) => brokerName === 'broker-a').map(({ offset }) => offset);
      expect(ofA).to.deep.equal(numbers(6));
    });
  });
});

/** An error and all that caused it. */
function causesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error.cause];
  return [error, ...causes.flatMap(causesOf)];
}
