import { expect } from 'chai';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import { decodeMessages } from '../../../../lib/protocol/message.js';
import { checkClientConfig } from '../../../../lib/protocol/requests/check-client-config.js';
import { queryMessage } from '../../../../lib/protocol/requests/query-message.js';
import { updateAndCreateSubscriptionGroup } from '../../../../lib/protocol/requests/update-and-create-subscriptiongroup.js';
import { updateAndCreateTopic } from '../../../../lib/protocol/requests/update-and-create-topic.js';
import { viewMessageById } from '../../../../lib/protocol/requests/view-message-by-id.js';
import { buildSubscription } from '../../../../lib/protocol/subscription.js';
import { GROUP, MockHarness, queueOf, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

describe('requests of operators', () => {
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: Parameters<typeof MockHarness.start>[0] = {}): Promise<void> {
    harness = await MockHarness.start(options);
    client = await harness.connect();
  }

  afterEach(() => harness.stop());

  it('create and change topics on one broker', async () => {
    await start({ brokers: 2 });
    await client.call(updateAndCreateTopic, {
      topic: 'New',
      readQueueNums: 3,
      writeQueueNums: 2,
      perm: 4,
      order: true,
    });
    const route = (await (await harness.connectNameServer()).request({ code: 105, extFields: { topic: 'New' } })).body;
    expect(JSON.parse(route.toString())).to.have.nested.property('queueDatas[0]').that.deep.equals({
      brokerName: 'broker-a', readQueueNums: 3, writeQueueNums: 2, perm: 4, topicSysFlag: 0,
    }); // prettier-ignore
    expect(harness.cluster.topics()).to.deep.equal(['New', TOPIC]);
  });

  it('can not create topics and groups of illegal names', async () => {
    await start();
    const topic = (name: string): Promise<RemotingCommand> =>
      client.ask(updateAndCreateTopic, { topic: name, readQueueNums: 1, writeQueueNums: 1, perm: 6 });
    expect((await topic('a.b')).code).to.equal(29);
    expect((await topic('TBW102')).remark).to.equal('The topic[TBW102] is conflict with system topic.');
    const group = async (groupName: string): Promise<unknown> =>
      (await client.ask(updateAndCreateSubscriptionGroup, { groupName })).remark;
    expect(await group('a b')).to.equal(
      'The specified group: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$',
    );
    expect(await group(' ')).to.equal('The specified group is blank.');
    expect(await group('x'.repeat(121))).to.equal(
      `The specified group: ${'x'.repeat(121)}, is longer than group max length: 120`,
    );
  });

  it('configure groups', async () => {
    await start({ autoCreateSubscriptionGroup: false });
    expect((await client.request({ code: 15, extFields: { consumerGroup: GROUP } })).code).to.equal(26);
    await client.call(updateAndCreateSubscriptionGroup, { groupName: GROUP, retryMaxTimes: 1 });
    await send(client, { topic: `%RETRY%${GROUP}`, reconsumeTimes: 2 });
    expect(harness.cluster.messages(`%DLQ%${GROUP}`)).to.have.length(1);
  });

  it('delete topics with their messages and offsets', async () => {
    await start();
    const { offsetMsgId } = harness.cluster.produce(TOPIC, { body: 'x', queueId: 0 });
    harness.cluster.setOffset(GROUP, queueOf(0), 1);
    const remove = (topic: string): Promise<RemotingCommand> => client.request({ code: 215, extFields: { topic } });
    expect((await remove(TOPIC)).code).to.equal(0);
    expect(harness.cluster.messages(TOPIC)).to.deep.equal([]);
    expect(harness.cluster.offsets(GROUP)).to.deep.equal([]);
    const offset = Number.parseInt(offsetMsgId.slice(16), 16);
    expect((await client.ask(viewMessageById, { offset })).code).to.equal(1);
    expect((await remove('Nobody')).code).to.equal(0);
    expect((await remove('')).remark).to.equal('The specified topic is blank.');
    expect((await remove('SELF_TEST_TOPIC')).code).to.equal(29);
  });

  it('view a message by its place', async () => {
    await start();
    await send(client);
    const { offsetMsgId } = await send(client, { body: Buffer.from('second') });
    const offset = Number.parseInt(offsetMsgId.slice(16), 16);
    const { body } = await client.call(viewMessageById, { offset });
    const { messages } = decodeMessages(body, { brokerName: 'broker-a' });
    expect(messages.map((message) => [message.body.toString(), message.offsetMsgId])).to.deep.equal([
      ['second', offsetMsgId],
    ]);
    expect(await client.ask(viewMessageById, { offset: offset + 1 })).to.include({
      code: 1,
      remark: `can not find message by the offset, ${offset + 1}`,
    });
  });

  it('find messages by their keys', async () => {
    await start();
    const { cluster } = harness;
    cluster.produce(TOPIC, { body: 'a', keys: ['k1', 'k2'] });
    const { msgId } = cluster.produce(TOPIC, { body: 'b', keys: 'k2' });
    const find = async (key: string, maxNum = 10, uniqueKey = false): Promise<string[]> => {
      const request = {
        topic: TOPIC,
        key,
        maxNum,
        beginTimestamp: 0,
        endTimestamp: Number.MAX_SAFE_INTEGER,
        uniqueKey,
      };
      const { body } = await client.call(queryMessage, request);
      return decodeMessages(body, { brokerName: 'b' }).messages.map((message) => message.body.toString());
    };
    expect(await find('k1')).to.deep.equal(['a']);
    expect(await find('k2')).to.deep.equal(['a', 'b']);
    expect(await find('k2', 1)).to.deep.equal(['a']);
    expect(await find(msgId, 0, true)).to.deep.equal(['b']);
    const none = await client.ask(queryMessage, {
      topic: TOPIC,
      key: 'k2',
      maxNum: 9,
      beginTimestamp: 0,
      endTimestamp: 1,
    });
    expect(none).to.include({ code: 22, remark: 'can not find message, maybe time range not correct' });
  });

  it('check whether an expression is understood', async () => {
    await start();
    const check = (subString: string, expressionType = 'SQL92'): Promise<RemotingCommand> => {
      const subscription = { ...buildSubscription(TOPIC, '*', 'TAG', 1), subString, expressionType };
      return client.ask(checkClientConfig, { clientId: 'c1', group: GROUP, subscription });
    };
    expect((await check('a > 1')).code).to.equal(0);
    expect((await check('A || B', 'TAG')).code).to.equal(0);
    const broken = await check('a >');
    expect(broken.code).to.equal(23);
    expect(broken.remark).to.be.a('string').and.not.equal('');
    await harness.stop();
    await start({ enablePropertyFilter: false });
    expect(await check('a > 1')).to.include({
      code: 1,
      remark: 'The broker does not support consumer to filter message by SQL92',
    });
    expect((await check('A', 'TAG')).code).to.equal(0);
  });
});
