import { connect } from 'node:net';
import { expect } from 'chai';
import { StateError, ValidationError } from '../../../lib/errors.js';
import { javaStringHash } from '../../../lib/protocol/java-hash.js';
import { pullMessage } from '../../../lib/protocol/requests/pull-message.js';
import { getRouteInfoByTopic } from '../../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { heartBeat } from '../../../lib/protocol/requests/heart-beat.js';
import { sendMessageV2 } from '../../../lib/protocol/requests/send-message-v2.js';
import { unregisterClient } from '../../../lib/protocol/requests/unregister-client.js';
import { resetConsumerClientOffset } from '../../../lib/protocol/requests/reset-consumer-client-offset.js';
import { decodeMessages } from '../../../lib/protocol/message.js';
import { MockClock, MockCluster, type MockClusterOptions, type ProducedMessage } from '../../../mock-broker/index.js';
import { beat, GROUP, holdOf, messageOf, MockHarness, pullOf, queueOf, TOPIC } from '../../support/mock-harness.js';
import { rejection } from '../../support/rejection.js';

describe('MockCluster', () => {
  let harness: MockHarness;

  async function start(options: MockClusterOptions = {}): Promise<MockCluster> {
    harness = await MockHarness.start(options);
    return harness.cluster;
  }

  afterEach(() => harness?.stop());

  describe('starting and stopping', () => {
    it('has one broker, one name server and no topics by default', async () => {
      const cluster = await MockCluster.start();
      expect(cluster.brokers.map((broker) => broker.name)).to.deep.equal(['broker-a']);
      expect(cluster.namesrvAddr).to.match(/^127\.0\.0\.1:\d+$/);
      expect(cluster.topics()).to.deep.equal([]);
      expect(cluster.clock.isManual).to.equal(false);
      await cluster.stop();
    });

    it('has the brokers it is told to have', async () => {
      const cluster = await start({ brokers: [{ name: 'x' }, { name: 'y' }] });
      expect(cluster.brokers.map((broker) => [broker.name, broker.brokerId, broker.running])).to.deep.equal([
        ['x', 0, true],
        ['y', 0, true],
      ]);
      expect(() => cluster.broker('z')).to.throw(ValidationError, 'x, y');
    });

    it('tells clients the address it is told to tell', async () => {
      const cluster = await start({ advertisedHost: 'localhost' });
      expect(cluster.namesrvAddr).to.match(/^localhost:/);
      const client = await harness.connectNameServer();
      const { brokerDatas } = await client.call(getRouteInfoByTopic, { topic: TOPIC });
      expect(brokerDatas[0]?.brokerAddrs[0]).to.match(/^localhost:/);
      cluster.produce(TOPIC, { body: 'x' });
      expect(cluster.messages(TOPIC)[0]?.storeHost).to.match(/^127\.0\.0\.1:/);
    });

    it('stops more than once, refuses connections then, and leaves no timer', async () => {
      const clock = MockClock.manual();
      const cluster = await start({ clock });
      const client = await harness.connect();
      await beat(client, 'c1');
      client.send(pullMessage.encode(holdOf()));
      await client.request({ code: 999 });
      expect(clock.pendingTimers).to.be.greaterThan(0);
      await cluster.stop();
      await client.closed;
      await cluster.stop();
      expect(clock.pendingTimers).to.equal(0);
      const [, port] = cluster.namesrvAddr.split(':');
      const error = await new Promise<NodeJS.ErrnoException>((resolve) =>
        connect(Number(port), '127.0.0.1').once('error', resolve),
      );
      expect(error.code).to.equal('ECONNREFUSED');
    });

    it('can be disposed of', async () => {
      const cluster = await start();
      await cluster[Symbol.asyncDispose]();
      expect(cluster.brokers[0]?.running).to.equal(false);
    });

    it('starts nothing when a port is taken', async () => {
      const cluster = await start();
      const port = Number(cluster.namesrvAddr.split(':')[1]);
      const error = (await rejection(MockCluster.start({ port }), Error)) as NodeJS.ErrnoException;
      expect(error.code).to.equal('EADDRINUSE');
    });

    it('takes the ports it is told to take', async () => {
      const cluster = await start();
      const [nameServerPort, brokerPort] = [cluster.namesrvAddr, cluster.brokers[0]?.address ?? ''].map((address) =>
        Number(address.split(':')[1]),
      );
      await harness.stop();
      const again = await start({ port: nameServerPort ?? 0, brokerPort: brokerPort ?? 0 });
      expect(again.namesrvAddr).to.equal(`127.0.0.1:${nameServerPort}`);
      expect(again.brokers[0]?.address).to.equal(`127.0.0.1:${brokerPort}`);
    });

    it('starts without waiting for any time to pass', async () => {
      const clock = MockClock.manual(1000);
      await start({ clock, brokers: 3, nameServers: 2 });
      expect([clock.now(), clock.pendingTimers]).to.deep.equal([1000, 0]);
    });

    it('refuses options that make no sense, naming them', async () => {
      const bad: [MockClusterOptions, string][] = [
        [{ brokers: 0 }, 'brokers'],
        [{ brokers: [] }, 'brokers'],
        [{ brokers: [{ name: 'a' }, { name: 'a' }] }, 'brokers'],
        [{ brokers: [{ name: 'a', replicas: -1 }] }, 'brokers.replicas'],
        [{ port: 70_000 }, 'port'],
        [{ nameServers: 0 }, 'nameServers'],
        [{ version: -1 }, 'version'],
        [{ serializeType: 'XML' as 'JSON' }, 'serializeType'],
        [{ messageVersion: 3 as 1 }, 'messageVersion'],
        [{ holdScanMs: 0 }, 'holdScanMs'],
        [{ topics: { 'a b': {} } }, 'topics'],
        [{ topics: { T: { queues: 1.5 } } }, 'topics.T.queues'],
        [{ topics: { T: { perm: 9 } } }, 'topics.T.perm'],
        [{ groups: { 'a b': {} } }, 'groups'],
      ];
      for (const [options, field] of bad) {
        expect((await rejection(MockCluster.start(options), ValidationError)).field).to.equal(field);
      }
      await start();
    });
  });

  describe('a broker that is stopped and started', () => {
    it('keeps port, topics, messages and offsets, and loses members, locks and held pulls', async () => {
      const cluster = await start();
      const [broker] = cluster.brokers;
      const address = broker?.address;
      const client = await harness.connect();
      await beat(client, 'c1');
      cluster.produce(TOPIC, { body: 'x', queueId: 0 });
      cluster.setOffset(GROUP, queueOf(0), 1);
      broker?.stealLock(GROUP, queueOf(0), 'c1');
      client.send(pullMessage.encode(holdOf({ queueId: 1 })));
      await client.request({ code: 999 });
      await broker?.stop();
      await client.closed;
      expect([broker?.running, broker?.registered, broker?.heldPulls]).to.deep.equal([false, false, 0]);
      await broker?.start();
      await broker?.start();
      expect(broker?.address).to.equal(address);
      expect(cluster.members(GROUP)).to.deep.equal([]);
      expect(cluster.locks(GROUP)).to.deep.equal([]);
      expect(cluster.offsets(GROUP)).to.have.length(1);
      const again = await harness.connect();
      expect((await again.call(pullMessage, pullOf())).status).to.equal('FOUND');
    });

    it('tells no member that another left', async () => {
      const cluster = await start();
      const first = await harness.connect();
      const second = await harness.connect();
      await beat(first, 'c1');
      await beat(second, 'c2');
      cluster.journal.clear();
      await cluster.brokers[0]?.stop();
      await first.closed;
      expect(cluster.journal.entries).to.deep.equal([]);
    });

    it('can disconnect one client or all, and notify a group', async () => {
      const cluster = await start();
      const first = await harness.connect();
      const second = await harness.connect();
      await beat(first, 'c1');
      await beat(second, 'c2');
      const [broker] = cluster.brokers;
      broker?.notifyConsumerIdsChanged(GROUP);
      await first.pushed(40);
      await first.pushed(40);
      await first.pushed(40);
      broker?.disconnect('c1');
      await first.closed;
      expect((await second.request({ code: 999 })).code).to.equal(3);
      broker?.disconnect();
      await second.closed;
    });
  });

  describe('produce', () => {
    it('puts a message into the queue it is told, or each in turn', async () => {
      const cluster = await start({ brokers: 2, topics: { [TOPIC]: { queues: 2 } } });
      const place = (message: Omit<ProducedMessage, 'body'>): string => {
        const { brokerName, queueId, queueOffset } = cluster.produce(TOPIC, { body: 'x', ...message });
        return `${brokerName}/${queueId}@${queueOffset}`;
      };
      expect([place({}), place({}), place({}), place({}), place({})]).to.deep.equal([
        'broker-a/0@0', 'broker-a/1@0', 'broker-b/0@0', 'broker-b/1@0', 'broker-a/0@1',
      ]); // prettier-ignore
      expect(place({ queueId: 1 })).to.equal('broker-a/1@1');
      expect(place({ queueId: 1, brokerName: 'broker-b' })).to.equal('broker-b/1@1');
      expect(place({ brokerName: 'broker-b' })).to.match(/^broker-b/);
    });

    it('keeps a sharding key in one queue', async () => {
      const cluster = await start({ brokers: 2 });
      const results = Array.from({ length: 5 }, () => cluster.produce(TOPIC, { body: 'x', shardingKey: 'order-1' }));
      expect(new Set(results.map(({ brokerName, queueId }) => `${brokerName}/${queueId}`)).size).to.equal(1);
      const index = Math.abs(javaStringHash('order-1')) % 8;
      expect(results[0]).to.include({ brokerName: index < 4 ? 'broker-a' : 'broker-b', queueId: index % 4 });
    });

    it('gives messages everything they are told to have', async () => {
      const cluster = await start();
      const { msgId, offsetMsgId } = cluster.produce(TOPIC, {
        body: Buffer.from('x'), tags: 'A', keys: ['k1', 'k2'], shardingKey: 's', properties: { own: 'v', WAIT: 'false' },
        flag: 5, reconsumeTimes: 2, bornTimestamp: 7, queueId: 3,
      }); // prettier-ignore
      const [message] = cluster.messages(TOPIC, { queueId: 3 });
      expect(message).to.include({
        msgId,
        offsetMsgId,
        tags: 'A',
        shardingKey: 's',
        flag: 5,
        reconsumeTimes: 2,
        bornTimestamp: 7,
      });
      expect(message?.keys).to.deep.equal(['k1', 'k2']);
      expect(message?.properties).to.include({ own: 'v', WAIT: 'false', CLUSTER: 'DefaultCluster' });
      expect(cluster.messages(TOPIC, { queueId: 2 })).to.deep.equal([]);
      expect(cluster.messages(TOPIC, { brokerName: 'broker-b' })).to.deep.equal([]);
    });

    it('stores compressed bodies, rightly flagged or not', async () => {
      const cluster = await start();
      cluster.produce(TOPIC, { body: 'long '.repeat(50), compression: 'zlib', queueId: 0 });
      cluster.produce(TOPIC, { body: 'long '.repeat(50), compression: 'lz4', queueId: 0 });
      cluster.produce(TOPIC, { body: '', storedBody: Buffer.from('no zlib'), sysFlag: 0x301, queueId: 0 });
      const [zlib, lz4, wrong] = cluster.messages(TOPIC);
      expect([zlib?.sysFlag, lz4?.sysFlag, wrong?.sysFlag]).to.deep.equal([0x301, 0x101, 0x301]);
      expect([zlib?.body.toString(), lz4?.body.toString()]).to.deep.equal(['long '.repeat(50), 'long '.repeat(50)]);
      expect(wrong?.rawBody.toString()).to.equal('no zlib');
    });

    it('stores batches as one record of many offsets', async () => {
      const cluster = await start();
      cluster.produce(TOPIC, {
        body: '',
        queueId: 0,
        innerBatch: [{ body: 'a', tags: 'A', keys: 'k' }, { body: Buffer.from('b') }],
      });
      const after = cluster.produce(TOPIC, { body: 'c', queueId: 0 });
      expect(after.queueOffset).to.equal(2);
      const client = await harness.connect();
      const { body, nextBeginOffset } = await client.call(pullMessage, pullOf());
      expect(nextBeginOffset).to.equal(3);
      const { messages } = decodeMessages(body, { brokerName: 'broker-a' });
      expect(messages.map((message) => [message.queueOffset, message.body.toString(), message.tags])).to.deep.equal([
        [0, 'a', 'A'],
        [1, 'b', undefined],
        [2, 'c', undefined],
      ]);
    });

    it('delays messages', async () => {
      const clock = MockClock.manual();
      const cluster = await start({ clock });
      cluster.produce(TOPIC, { body: 'x', delayLevel: 1 });
      expect(cluster.messages(TOPIC)).to.have.length(0);
      clock.advance(1000);
      expect(cluster.messages(TOPIC)).to.have.length(1);
    });

    it('makes topics that are missing, if it may', async () => {
      const cluster = await start();
      cluster.produce('New', { body: 'x' });
      expect(cluster.topics()).to.deep.equal(['New', TOPIC]);
      await harness.stop();
      const strict = await start({ autoCreateTopicEnable: false });
      expect(() => strict.produce('New', { body: 'x' })).to.throw(ValidationError, 'New');
    });

    it('refuses what has no place', async () => {
      const cluster = await start();
      cluster.createTopic('ReadOnly', { perm: 4 });
      expect(() => cluster.produce('ReadOnly', { body: 'x' })).to.throw(ValidationError);
      expect(() => cluster.produce(TOPIC, { body: 'x', queueId: 9 })).to.throw(ValidationError, 'queueId');
      expect(() => cluster.produce(TOPIC, { body: 'x', brokerName: 'nobody' })).to.throw(ValidationError, 'nobody');
      expect(() => cluster.produce(TOPIC, { body: Buffer.alloc(4 * 1024 * 1024 + 1) })).to.throw(
        ValidationError,
        'illegal',
      );
    });
  });

  it('stores IPv6 hosts and the second form of records when told to', async () => {
    const cluster = await start({ ipv6Hosts: true, messageVersion: 2 });
    const { offsetMsgId } = cluster.produce(TOPIC, { body: 'x', queueId: 0 });
    expect(offsetMsgId).to.have.length(56);
    const client = await harness.connect();
    const { body } = await client.call(pullMessage, pullOf());
    expect(body.readUInt32BE(4)).to.equal(0xdaa320ab);
    const [message] = decodeMessages(body, { brokerName: 'broker-a' }).messages;
    expect(message?.storeHost).to.match(/^\[::1\]:\d+$/);
    expect(message).to.include({ offsetMsgId, bornHost: '[::1]:0' });
  });

  it('stores the second form of records for long topic names', async () => {
    const cluster = await start();
    const topic = `%RETRY%${'g'.repeat(121)}`;
    cluster.createTopic(topic, { queues: 1 });
    cluster.produce(topic, { body: 'x' });
    expect(cluster.messages(topic)[0]?.topic).to.equal(topic);
  });

  describe('resetOffset', () => {
    it('leaves it to the next pull, or tells the clients', async () => {
      const cluster = await start();
      for (let index = 0; index < 3; index++) cluster.produce(TOPIC, { body: 'x', queueId: 0 });
      const client = await harness.connect();
      await beat(client, 'c1');
      const offsets = cluster.resetOffset(GROUP, TOPIC, { mode: 'server', offset: 1, queueId: 0 });
      expect(offsets).to.deep.equal([{ queue: queueOf(0), offset: 1 }]);
      expect((await client.ask(pullMessage, pullOf())).remark).to.equal('OFFSET_RESET');
      cluster.resetOffset(GROUP, TOPIC, { mode: 'push', timestamp: -1, form: 'list' });
      const pushed = resetConsumerClientOffset.decode(await client.pushed(220));
      expect(pushed.offsets.map(({ offset }) => offset)).to.deep.equal([3, 0, 0, 0]);
      cluster.resetOffset(GROUP, TOPIC, { mode: 'push', timestamp: 0, brokerName: 'broker-a' });
      const again = resetConsumerClientOffset.decode(await client.pushed(220));
      expect(again.offsets.map(({ offset }) => offset)).to.deep.equal([0, 0, 0, 0]);
    });

    it('needs one of a time and an offset', async () => {
      const cluster = await start();
      expect(() => cluster.resetOffset(GROUP, TOPIC, { mode: 'server' })).to.throw(ValidationError);
      expect(() => cluster.resetOffset(GROUP, TOPIC, { mode: 'server', offset: 1, timestamp: 1 })).to.throw(
        ValidationError,
      );
    });
  });

  describe('replicas', () => {
    const replicated = { brokers: [{ name: 'broker-a', replicas: 1 }] };

    it('are in routes under their ids, also without their master', async () => {
      const cluster = await start(replicated);
      const [broker] = cluster.brokers;
      const client = await harness.connectNameServer();
      const addresses = async (): Promise<unknown> =>
        (await client.call(getRouteInfoByTopic, { topic: TOPIC })).brokerDatas[0]?.brokerAddrs;
      const replica = broker?.replicas[0];
      expect(replica?.brokerId).to.equal(1);
      expect(await addresses()).to.deep.equal({ 0: broker?.address, 1: replica?.address });
      await broker?.stop();
      expect(await addresses()).to.deep.equal({ 1: replica?.address });
      await broker?.start();
      await replica?.stop();
      expect(await addresses()).to.deep.equal({ 0: broker?.address });
    });

    it("serve pulls from the master's messages and send clients back to it", async () => {
      const cluster = await start(replicated);
      const [broker] = cluster.brokers;
      cluster.produce(TOPIC, { body: 'x', queueId: 0 });
      const client = await harness.connectTo(broker?.replicas[0]?.address ?? '');
      const found = await client.call(pullMessage, pullOf({ sysFlag: 5, commitOffset: 1 }));
      expect(found).to.include({ status: 'FOUND', suggestWhichBrokerId: 0 });
      // Its master knows better.
      expect(cluster.offsets(GROUP)).to.deep.equal([]);
      expect((await client.call(pullMessage, holdOf({ queueOffset: 1 }))).status).to.equal('NO_MATCHED_MSG');
      expect(cluster.journal.requests({ broker: 'broker-a/1' })).to.have.length(2);
    });

    it('hold pulls when clients are to stay with them', async () => {
      const cluster = await start(replicated);
      const [broker] = cluster.brokers;
      broker?.suggestBrokerId(1);
      const client = await harness.connectTo(broker?.replicas[0]?.address ?? '');
      const opaque = client.send(pullMessage.encode(holdOf()));
      await client.request({ code: 999 });
      expect(broker?.replicas[0]?.heldPulls).to.equal(1);
      cluster.produce(TOPIC, { body: 'x', queueId: 0 });
      const reply = pullMessage.decodeReply(await client.reply(opaque));
      expect(reply).to.include({ status: 'FOUND', suggestWhichBrokerId: 1 });
    });

    it('take no messages, and have locks and members of their own', async () => {
      const cluster = await start(replicated);
      const client = await harness.connectTo(cluster.brokers[0]?.replicas[0]?.address ?? '');
      const reply = await client.ask(sendMessageV2, messageOf());
      expect(reply).to.include({ code: 2, remark: '[REJECTREQUEST]system busy, start flow control for a while' });
      await beat(client, 'c1');
      expect(cluster.members(GROUP)).to.deep.equal([]);
      expect(cluster.tellClient('c1', { code: 40 })).to.equal(1);
    });
  });

  it('can withdraw permissions of a broker', async () => {
    const cluster = await start();
    const [broker] = cluster.brokers;
    broker?.setPermission(2);
    const route = await (await harness.connectNameServer()).call(getRouteInfoByTopic, { topic: TOPIC });
    expect(route.queueDatas[0]?.perm).to.equal(2);
    const reply = await (await harness.connect()).ask(pullMessage, pullOf());
    expect(reply).to.include({ code: 16, remark: 'the broker[127.0.0.1] pulling message is forbidden' });
    expect(reply.extFields).to.deep.equal({ forbiddenType: '1' });
  });

  it('sends to producers by their group, too', async () => {
    const cluster = await start();
    const client = await harness.connect();
    await client.call(heartBeat, { clientId: 'p1', producerGroups: ['producers'], consumers: [] });
    cluster.tellClient('producers', { code: 39, extFields: { msgId: 'x' } });
    expect((await client.pushed(39)).extFields).to.deep.equal({ msgId: 'x' });
    await client.call(unregisterClient, { clientId: 'p1', producerGroup: 'producers' });
    expect(cluster.tellClient('p1', { code: 39 })).to.equal(1);
    expect(() => cluster.tellClient('producers', { code: 39 })).to.throw(StateError);
  });

  it('serves pulls under the code of lite pulls', async () => {
    const cluster = await start();
    cluster.produce(TOPIC, { body: 'x', queueId: 0 });
    const client = await harness.connect();
    expect((await client.request({ ...pullMessage.encode(pullOf()), code: 361 })).code).to.equal(0);
  });

  it('records every frame with the broker it was at', async () => {
    const cluster = await start({ brokers: 2 });
    const client = await harness.connect({}, 1);
    await beat(client, 'c1');
    const entries = cluster.journal.entries.map((entry) => [
      entry.broker,
      entry.direction,
      entry.kind,
      entry.code,
      entry.clientId,
    ]);
    expect(entries).to.deep.equal([
      ['broker-b', 'in', 'request', 34, 'c1'],
      ['broker-b', 'out', 'oneway', 40, 'c1'],
      ['broker-b', 'out', 'response', 0, 'c1'],
    ]);
    expect(cluster.journal.entries[2]?.request).to.equal(34);
  });
});
