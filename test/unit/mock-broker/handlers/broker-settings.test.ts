import { expect } from 'chai';
import { MockClock } from '../../../../mock-broker/index.js';
import { checkClientConfig } from '../../../../lib/protocol/requests/check-client-config.js';
import { getRouteInfoByTopic } from '../../../../lib/protocol/requests/get-routeinfo-by-topic.js';
import { invokeBrokerToResetOffset } from '../../../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { sendMessageV2 } from '../../../../lib/protocol/requests/send-message-v2.js';
import { buildSubscription } from '../../../../lib/protocol/subscription.js';
import { GROUP, messageOf, MockHarness, pullOf, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('settings of a mock broker', () => {
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: Parameters<typeof MockHarness.start>[0] = {}): Promise<void> {
    harness = await MockHarness.start(options);
    client = await harness.connect();
  }

  afterEach(() => harness.stop());

  async function settings(): Promise<Record<string, string>> {
    const { body } = await client.request({ code: 26 });
    const lines = body.toString().trimEnd().split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  async function change(text: string): Promise<number> {
    return (await client.request({ code: 25, body: Buffer.from(text) })).code;
  }

  it('are those of the reference, and what the cluster was started with', async () => {
    await start({ autoCreateTopicEnable: false, enablePropertyFilter: false, serverSideResetOffset: false });
    const all = await settings();
    expect(all).to.include({
      autoCreateTopicEnable: 'false',
      autoCreateSubscriptionGroup: 'true',
      brokerClusterName: 'DefaultCluster',
      brokerName: 'broker-a',
      brokerPermission: '6',
      brokerRole: 'ASYNC_MASTER',
      enablePropertyFilter: 'false',
      listenPort: harness.cluster.brokers[0]?.address.split(':')[1] ?? '',
      maxMessageSize: '4194304',
      useServerSideResetOffset: 'false',
    });
    expect(Object.keys(all)).to.deep.equal(Object.keys(all).sort());
  });

  it('are changed by their names; names nobody knows are ignored', async () => {
    await start();
    const before = JSON.parse((await client.request({ code: 26 })).extFields['version'] ?? '') as { counter: number };
    expect(await change('slaveReadEnable=true\nnothing=1\n')).to.equal(0);
    expect(await settings())
      .to.include({ slaveReadEnable: 'true' })
      .and.not.have.property('nothing');
    const after = JSON.parse((await client.request({ code: 26 })).extFields['version'] ?? '') as { counter: number };
    expect(after.counter).to.equal(before.counter + 1);
  });

  it('some may not be changed, which 4.9 does not mind', async () => {
    await start();
    const refusal = await client.request({ code: 25, body: Buffer.from('slaveReadEnable=true\nrocketmqHome=/x\n') });
    expect(refusal).to.include({ code: 16, remark: 'Can not update config in black list.' });
    expect(await settings()).to.include({ slaveReadEnable: 'false' });
    await harness.stop();
    await start({ version: 407 });
    expect(await change('rocketmqHome=/x\n')).to.equal(0);
  });

  it('brokerPermission forbids pulls and changes routes', async () => {
    await start();
    const routes = await harness.connectNameServer();
    await change('brokerPermission=2');
    expect(await settings()).to.include({ brokerPermission: '2' });
    expect((await client.ask(pullMessage, pullOf())).code).to.equal(16);
    expect((await routes.call(getRouteInfoByTopic, { topic: TOPIC })).queueDatas[0]?.perm).to.equal(2);
    await change('brokerPermission=6');
    expect((await client.ask(pullMessage, pullOf())).code).to.equal(19);
    expect(harness.cluster.brokers[0]?.state.permission).to.equal(6);
  });

  it('autoCreateTopicEnable=false ends the making of topics for good, as with the reference', async () => {
    await start();
    expect((await client.ask(sendMessageV2, messageOf({ topic: 'First' }))).code).to.equal(0);
    await change('autoCreateTopicEnable=false');
    expect((await client.ask(sendMessageV2, messageOf({ topic: 'Second' }))).code).to.equal(17);
    await change('autoCreateTopicEnable=true');
    expect((await client.ask(sendMessageV2, messageOf({ topic: 'Third' }))).code).to.equal(17);
    expect((await client.ask(sendMessageV2, messageOf({ topic: 'First' }))).code).to.equal(0);
  });

  it('autoCreateSubscriptionGroup, enablePropertyFilter and useServerSideResetOffset', async () => {
    await start();
    const subscription = buildSubscription(TOPIC, 'a > 1', 'SQL92', 1);
    const check = { clientId: 'c', group: GROUP, subscription };
    expect((await client.ask(checkClientConfig, check)).code).to.equal(0);
    await change('enablePropertyFilter=false');
    expect((await client.ask(checkClientConfig, check)).code).to.equal(1);

    await change('autoCreateSubscriptionGroup=false');
    expect((await client.ask(pullMessage, pullOf({ consumerGroup: 'nobody' }))).code).to.equal(26);
    await change('autoCreateSubscriptionGroup=true');
    expect((await client.ask(pullMessage, pullOf({ consumerGroup: 'nobody' }))).code).to.equal(19);

    const reset = { topic: TOPIC, group: 'nobody', timestamp: -1, isForce: true };
    expect((await client.ask(invokeBrokerToResetOffset, reset)).code).to.equal(0);
    await change('useServerSideResetOffset=false');
    expect((await client.ask(invokeBrokerToResetOffset, reset)).code).to.equal(206);
  });

  it('the runtime information counts what came and went', async () => {
    const clock = MockClock.manual();
    await start({ clock });
    const info = async (): Promise<Record<string, string>> => {
      const { body } = await client.request({ code: 28 });
      return (JSON.parse(body.toString()) as { table: Record<string, string> }).table;
    };
    expect(await info()).to.include({
      bootTimestamp: String(clock.now()),
      brokerVersionDesc: 'V5_3_3',
      commitLogMaxOffset: '0',
      commitLogMinOffset: '-1',
      earliestMessageTimeStamp: '-1',
      msgPutTotalTodayNow: '0',
      putTps: '0.000000 0.000000 0.000000',
    });
    const storedAt = clock.now();
    for (let count = 0; count < 3; count++) await send(client);
    await client.call(pullMessage, pullOf({ maxMsgNums: 2 }));
    clock.advance(3_723_000);
    // The broker has closed a connection that was silent for so long.
    client = await harness.connect();
    const after = await info();
    expect(after).to.include({
      commitLogMinOffset: '0',
      earliestMessageTimeStamp: String(storedAt),
      msgGetTotalTodayNow: '2',
      msgPutTotalTodayNow: '3',
      putMessageTimesTotal: '3',
      runtime: '[ 0 days, 1 hours, 2 minutes, 3 seconds ]',
    });
    expect(Number(after['commitLogMaxOffset'])).to.equal(Number(after['putMessageSizeTotal'])).and.be.greaterThan(300);
  });
});
