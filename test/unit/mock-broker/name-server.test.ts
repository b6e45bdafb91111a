import { expect } from 'chai';
import { parseLenientJson } from '../../../lib/protocol/lenient-json.js';
import { getBrokerClusterInfo } from '../../../lib/protocol/requests/get-broker-cluster-info.js';
import { getRouteInfoByTopic } from '../../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { MockHarness, TOPIC } from '../../support/mock-harness.js';
import type { RawClient } from '../../support/raw-client.js';

describe('the mock name server', () => {
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: Parameters<typeof MockHarness.start>[0] = {}): Promise<void> {
    harness = await MockHarness.start(options);
    client = await harness.connectNameServer();
  }

  afterEach(() => harness.stop());

  it('knows where the queues of a topic are', async () => {
    await start({
      brokers: 2,
      topics: { [TOPIC]: { queues: 4 }, Half: { readQueueNums: 3, writeQueueNums: 2, perm: 4, brokers: ['broker-b'] } },
    });
    const route = await client.call(getRouteInfoByTopic, { topic: TOPIC });
    expect(route.queueDatas).to.deep.equal([
      { brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 },
      { brokerName: 'broker-b', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 },
    ]);
    expect(route.brokerDatas.map((broker) => broker.brokerAddrs[0])).to.deep.equal(
      harness.cluster.brokers.map((broker) => broker.address),
    );
    const half = await client.call(getRouteInfoByTopic, { topic: 'Half' });
    expect(half.queueDatas).to.deep.equal([
      { brokerName: 'broker-b', readQueueNums: 3, writeQueueNums: 2, perm: 4, topicSysFlag: 0 },
    ]);
  });

  it('says so when nobody knows a topic', async () => {
    await start();
    const reply = await client.ask(getRouteInfoByTopic, { topic: 'Nobody' });
    expect(reply.code).to.equal(17);
    expect(reply.remark).to.equal(
      'No topic route info in name server for the topic: Nobody\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.',
    );
    expect((await client.request({ code: 105 })).remark).to.include('for the topic: null');
  });

  it('writes broker ids as unquoted keys for old clients that do not ask for standard JSON', async () => {
    await start();
    const ask = async (version: number, acceptStandardJsonOnly?: boolean): Promise<string> => {
      const request = getRouteInfoByTopic.encode({ topic: TOPIC, acceptStandardJsonOnly });
      return (await client.request(request, { version })).body.toString();
    };
    const old = await ask(400);
    expect(old).to.match(/\{0:"127/);
    expect(parseLenientJson(await ask(401))).to.deep.equal(parseLenientJson(old));
    expect(await ask(401)).to.include('{"0":"127');
    expect(await ask(300, true)).to.include('{"0":"127');
  });

  it('has a default topic exactly when topics are created automatically', async () => {
    await start({ autoCreateTopicEnable: false });
    expect((await client.ask(getRouteInfoByTopic, { topic: 'TBW102' })).code).to.equal(17);
    await harness.stop();
    await start();
    expect((await client.call(getRouteInfoByTopic, { topic: 'TBW102' })).queueDatas[0]?.perm).to.equal(7);
  });

  it('follows changes of topics and brokers at once', async () => {
    await start({ brokers: 2 });
    const { cluster } = harness;
    const route = async (): Promise<string[]> =>
      (await client.call(getRouteInfoByTopic, { topic: TOPIC })).queueDatas.map(
        (queue) => `${queue.brokerName}:${queue.readQueueNums}:${queue.perm}`,
      );
    cluster.updateTopic(TOPIC, { queues: 8 });
    cluster.updateTopic(TOPIC, { perm: 4, brokers: ['broker-b'] });
    expect(await route()).to.deep.equal(['broker-a:8:6', 'broker-b:8:4']);
    await cluster.broker('broker-a').stop();
    expect(await route()).to.deep.equal(['broker-b:8:4']);
    await cluster.broker('broker-a').start();
    cluster.broker('broker-b').setRegistered(false);
    expect(await route()).to.deep.equal(['broker-a:8:6']);
    cluster.broker('broker-a').setBrokerId(1);
    const moved = await client.call(getRouteInfoByTopic, { topic: TOPIC });
    expect(Object.keys(moved.brokerDatas[0]?.brokerAddrs ?? {})).to.deep.equal(['1']);
    cluster.deleteTopic(TOPIC);
    expect((await client.ask(getRouteInfoByTopic, { topic: TOPIC })).code).to.equal(17);
  });

  it('keeps a stopped broker in routes when told to', async () => {
    await start();
    await harness.cluster.broker('broker-a').stop({ keepRoute: true });
    expect((await client.call(getRouteInfoByTopic, { topic: TOPIC })).queueDatas).to.have.length(1);
  });

  it('hands out the fixed layout of an ordered topic', async () => {
    await start({ topics: { [TOPIC]: { queues: 4, orderTopicConf: 'broker-a:4' } } });
    expect((await client.call(getRouteInfoByTopic, { topic: TOPIC })).orderTopicConf).to.equal('broker-a:4');
  });

  it('lists the cluster', async () => {
    await start({ brokers: 2 });
    const { brokers, clusters } = await client.call(getBrokerClusterInfo, {});
    expect(clusters).to.deep.equal({ DefaultCluster: ['broker-a', 'broker-b'] });
    expect(brokers['broker-b']?.brokerAddrs[0]).to.equal(harness.cluster.broker('broker-b').address);
    expect((await client.request({ code: 216, extFields: { topic: TOPIC } })).code).to.equal(0);
  });

  it('refuses what it does not know; one of 4.9 says nothing', async () => {
    await start();
    expect(await client.request({ code: 11 })).to.include({ code: 3, remark: ' request type 11 not supported' });
    await harness.stop();
    await start({ version: 407 });
    client.send({ code: 11 });
    const reply = await client.ask(getRouteInfoByTopic, { topic: TOPIC });
    expect(reply.code).to.equal(0);
    expect(client.received).to.have.length(1);
  });

  it('is several, which know the same', async () => {
    await start({ nameServers: 2 });
    const addresses = harness.cluster.namesrvAddr.split(';');
    expect(new Set(addresses).size).to.equal(2);
    await harness.cluster.nameServers[0]?.stop();
    expect(harness.cluster.nameServers.map((server) => server.running)).to.deep.equal([false, true]);
    await harness.cluster.nameServers[0]?.start();
    expect(harness.cluster.namesrvAddr.split(';')).to.deep.equal(addresses);
  });
});
