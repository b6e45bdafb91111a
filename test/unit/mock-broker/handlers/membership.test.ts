import { expect } from 'chai';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import { getConsumerListByGroup } from '../../../../lib/protocol/requests/get-consumer-list-by-group.js';
import { heartBeat } from '../../../../lib/protocol/requests/heart-beat.js';
import { lockBatchMq } from '../../../../lib/protocol/requests/lock-batch-mq.js';
import { unregisterClient } from '../../../../lib/protocol/requests/unregister-client.js';
import { MockClock, type MockClusterOptions } from '../../../../mock-broker/index.js';
import { beat, GROUP, MockHarness, queueOf, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

const NOTIFY = RequestCode.NOTIFY_CONSUMER_IDS_CHANGED;

describe('heartbeats and membership', () => {
  let harness: MockHarness;

  async function start(options: MockClusterOptions = {}): Promise<RawClient> {
    harness = await MockHarness.start(options);
    return harness.connect();
  }

  /** How many notifications a heartbeat brought the client, which all come before the answer. */
  async function notifiedBy(client: RawClient, action: () => Promise<void>): Promise<number> {
    const before = client.untaken(NOTIFY).length;
    await action();
    return client.untaken(NOTIFY).length - before;
  }

  async function members(client: RawClient): Promise<readonly string[]> {
    return (await client.call(getConsumerListByGroup, { consumerGroup: GROUP })).consumerIds;
  }

  afterEach(() => harness.stop());

  it('answers with its version', async () => {
    const client = await start({ version: 493 });
    const reply = await client.call(heartBeat, { clientId: 'c1', producerGroups: ['p'], consumers: [] });
    expect(reply).to.deep.equal({ version: 493, isSubChange: true, supportV2: true });
  });

  it('creates the retry topic of each group', async () => {
    const client = await start({ groups: { [GROUP]: { retryQueueNums: 3 } } });
    await beat(client, 'c1');
    const nameServer = await harness.connectNameServer();
    const route = await nameServer.request({ code: 105, extFields: { topic: `%RETRY%${GROUP}` } });
    expect(JSON.parse(route.body.toString())).to.have.nested.property('queueDatas[0].readQueueNums', 3);
    expect(JSON.parse(route.body.toString())).to.have.nested.property('queueDatas[0].perm', 6);
  });

  it('notifies every member, the sender too and before its answer, when one comes', async () => {
    const first = await start();
    const second = await harness.connect();
    await beat(first, 'c1');
    expect(first.received.map((command) => command.code)).to.deep.equal([NOTIFY, 0]);
    expect((await first.pushed(NOTIFY)).extFields).to.deep.equal({ consumerGroup: GROUP });
    await beat(second, 'c2');
    expect(second.untaken(NOTIFY)).to.have.length(1);
    expect((await first.pushed(NOTIFY)).flag).to.equal(2);
    expect(await members(first)).to.deep.equal(['c1', 'c2']);
  });

  it('notifies when topics come or go, not when only their version grows', async () => {
    const client = await start();
    await beat(client, 'c1');
    expect(await notifiedBy(client, () => beat(client, 'c1'))).to.equal(0);
    expect(await notifiedBy(client, () => beat(client, 'c1', [TOPIC], {}, 9))).to.equal(0);
    expect(await notifiedBy(client, () => beat(client, 'c1', [TOPIC, 'More'], {}, 9))).to.equal(1);
    expect(await notifiedBy(client, () => beat(client, 'c1', ['More'], {}, 9))).to.equal(1);
    const [member] = harness.cluster.members(GROUP);
    expect(member?.subscriptions.map((subscription) => subscription.topic)).to.deep.equal(['More']);
  });

  it('keeps the subscription with the greater version', async () => {
    const client = await start();
    await beat(client, 'c1', [TOPIC], {}, 5);
    await beat(client, 'c1', [TOPIC], {}, 3);
    expect(harness.cluster.members(GROUP)[0]?.subscriptions[0]?.subVersion).to.equal(5);
  });

  it('does not notify broadcasting groups; brokers of 4.9 do', async () => {
    const client = await start();
    expect(await notifiedBy(client, () => beat(client, 'c1', [TOPIC], { messageModel: 'BROADCASTING' }))).to.equal(0);
    await harness.stop();
    const old = await start({ version: 407 });
    expect(await notifiedBy(old, () => beat(old, 'c1', [TOPIC], { messageModel: 'BROADCASTING' }))).to.equal(1);
    expect(old.received.at(-1)?.extFields).to.deep.equal({});
  });

  it('does not notify groups that are not to be', async () => {
    const client = await start({ groups: { [GROUP]: { notifyConsumerIdsChangedEnable: false } } });
    expect(await notifiedBy(client, () => beat(client, 'c1'))).to.equal(0);
    expect(await members(client)).to.deep.equal(['c1']);
  });

  it('leaves groups out that may not be created', async () => {
    const client = await start({ autoCreateSubscriptionGroup: false });
    await beat(client, 'c1');
    expect((await client.ask(getConsumerListByGroup, { consumerGroup: GROUP })).remark).to.equal(
      `no consumer for this group, ${GROUP}`,
    );
  });

  it('keeps subscriptions over a heartbeat without them', async () => {
    const client = await start();
    await beat(client, 'c1');
    await client.call(heartBeat, {
      clientId: 'c1',
      producerGroups: [],
      withoutSub: true,
      consumers: [{ groupName: GROUP, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET', unitMode: false, subscriptions: [] }], // prettier-ignore
    });
    expect(harness.cluster.members(GROUP)[0]?.subscriptions).to.have.length(1);
  });

  it('lists a client twice that has two connections', async () => {
    const first = await start();
    await beat(first, 'c1');
    await beat(await harness.connect(), 'c1');
    expect(await members(first)).to.deep.equal(['c1', 'c1']);
  });

  it('takes out who unregisters, by its connection, and tells the rest', async () => {
    const first = await start();
    const second = await harness.connect();
    await beat(first, 'c1');
    await beat(second, 'c2');
    expect((await first.ask(unregisterClient, { clientId: 'other name', consumerGroup: 'nobody' })).code).to.equal(0);
    await second.call(unregisterClient, { clientId: 'other name', consumerGroup: GROUP, producerGroup: 'p' });
    expect(await members(first)).to.deep.equal(['c1']);
    // Joined, the other joined, the other left.
    expect(first.untaken(NOTIFY)).to.have.length(3);
    await first.call(unregisterClient, { clientId: 'c1', consumerGroup: GROUP });
    expect((await first.ask(getConsumerListByGroup, { consumerGroup: GROUP })).code).to.equal(1);
  });

  it('takes out whose connection closes, tells the rest, and keeps its locks', async () => {
    const first = await start();
    const second = await harness.connect();
    await beat(first, 'c1');
    await beat(second, 'c2');
    await second.call(lockBatchMq, { consumerGroup: GROUP, clientId: 'c2', queues: [queueOf(0)] });
    await first.pushed(NOTIFY);
    await first.pushed(NOTIFY);
    await second.close();
    await first.pushed(NOTIFY);
    expect(await members(first)).to.deep.equal(['c1']);
    expect(harness.cluster.locks(GROUP).map((lock) => lock.clientId)).to.deep.equal(['c2']);
  });

  it('takes out, and disconnects, who sends no heartbeat for 120 s', async () => {
    const clock = MockClock.manual();
    const first = await start({ clock });
    const second = await harness.connect();
    await beat(first, 'c1');
    await beat(second, 'c2');
    clock.advance(100_000);
    await beat(first, 'c1');
    expect(await members(first)).to.deep.equal(['c1', 'c2']);
    clock.advance(30_000);
    await second.closed;
    expect(await members(first)).to.deep.equal(['c1']);
  });

  it('closes connections on which nothing happens for 120 s', async () => {
    const clock = MockClock.manual();
    const idle = await start({ clock });
    const busy = await harness.connect();
    await busy.request({ code: 999 });
    clock.advance(119_000);
    await busy.request({ code: 999 });
    clock.advance(11_000);
    await idle.closed;
    expect((await busy.request({ code: 999 })).code).to.equal(3);
  });

  it('answers a broken heartbeat with an error and goes on', async () => {
    const client = await start();
    expect((await client.request({ code: 34, body: Buffer.from('{') })).code).to.equal(1);
    expect((await client.request({ code: 34 })).code).to.equal(1);
    await beat(client, 'c1');
    expect(await members(client)).to.deep.equal(['c1']);
  });
});
