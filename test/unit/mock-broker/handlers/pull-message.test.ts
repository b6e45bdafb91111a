import { expect } from 'chai';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import { decodeMessages } from '../../../../lib/protocol/message.js';
import type { PullMessageRequest } from '../../../../lib/protocol/requests/pull-message.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { buildSubscription } from '../../../../lib/protocol/subscription.js';
import type { MockClusterOptions } from '../../../../mock-broker/index.js';
import { beat, GROUP, MockHarness, pullOf, queueOf, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

const FAQ = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

describe('PULL_MESSAGE', () => {
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: MockClusterOptions = {}): Promise<void> {
    harness = await MockHarness.start(options);
    client = await harness.connect();
  }

  const pull = (change?: Partial<PullMessageRequest>): Promise<RemotingCommand> =>
    client.ask(pullMessage, pullOf(change));

  /** Code, remark and next offset. */
  async function outcome(change?: Partial<PullMessageRequest>): Promise<unknown[]> {
    const reply = await pull(change);
    return [reply.code, reply.remark, reply.extFields['nextBeginOffset']];
  }

  async function bodies(change?: Partial<PullMessageRequest>): Promise<string[]> {
    const { messages, error } = decodeMessages((await pull(change)).body, { brokerName: 'broker-a' });
    expect(error).to.equal(undefined);
    return messages.map((message) => message.body.toString());
  }

  function produce(...tags: (string | undefined)[]): void {
    tags.forEach((tag, index) => {
      harness.cluster.produce(TOPIC, { body: `m${index}`, queueId: 0, ...(tag !== undefined && { tags: tag }) });
    });
  }

  afterEach(() => harness.stop());

  it('brings stored messages with the state of the queue', async () => {
    await start();
    produce('A', 'B');
    const reply = await client.call(pullMessage, pullOf());
    expect(reply).to.deep.include({
      status: 'FOUND',
      nextBeginOffset: 2,
      minOffset: 0,
      maxOffset: 2,
      suggestWhichBrokerId: 0,
    });
    expect(reply).to.deep.include({ topicSysFlag: 0, groupSysFlag: 0, remark: 'FOUND' });
    const { messages } = decodeMessages(reply.body, { brokerName: 'broker-a', topic: TOPIC });
    expect(messages.map((message) => [message.queueId, message.queueOffset, message.tags])).to.deep.equal([
      [0, 0, 'A'],
      [0, 1, 'B'],
    ]);
    expect(await bodies({ queueOffset: 1 })).to.deep.equal(['m1']);
  });

  it('has an answer to every odd offset', async () => {
    await start();
    produce('A', 'A', 'A', 'A');
    harness.cluster.expireMessages(queueOf(0), 2);
    expect(await outcome({ queueOffset: 1 })).to.deep.equal([21, 'OFFSET_TOO_SMALL', '2']);
    expect(await outcome({ queueOffset: 4 })).to.deep.equal([19, 'OFFSET_OVERFLOW_ONE', '4']);
    expect(await outcome({ queueOffset: 5 })).to.deep.equal([21, 'OFFSET_OVERFLOW_BADLY', '4']);
    expect(await outcome({ queueOffset: 2, subscription: 'B' })).to.deep.equal([20, 'NO_MATCHED_MESSAGE', '4']);
    expect(await outcome({ queueId: 1 })).to.deep.equal([19, 'NO_MESSAGE_IN_QUEUE', '0']);
    expect(await outcome({ queueId: 1, queueOffset: 7 })).to.deep.equal([21, 'NO_MESSAGE_IN_QUEUE', '0']);
  });

  it('checks group, topic and queue, in this order', async () => {
    await start({ groups: { off: { consumeEnable: false } }, autoCreateSubscriptionGroup: false });
    const { cluster } = harness;
    expect(await outcome({ topic: 'Nobody' })).to.deep.equal([
      26,
      `subscription group [${GROUP}] does not exist, ${FAQ}`,
      undefined,
    ]);
    const off = await pull({ consumerGroup: 'off', topic: 'Nobody' });
    expect(off).to.deep.include({ code: 16, remark: 'subscription group no permission, off' });
    expect(off.extFields).to.deep.equal({ forbiddenType: '2' });
    cluster.updateGroup(GROUP, {});
    expect(await outcome({ topic: 'Nobody', queueId: 99 })).to.deep.equal([
      17,
      `topic[Nobody] not exist, apply first please! ${FAQ}`,
      undefined,
    ]);
    cluster.createTopic('WriteOnly', { perm: 2 });
    const unreadable = await pull({ topic: 'WriteOnly', queueId: 99 });
    expect(unreadable).to.deep.include({ code: 16, remark: 'the topic[WriteOnly] pulling message is forbidden' });
    expect(unreadable.extFields).to.deep.equal({ forbiddenType: '3' });
    for (const queueId of [4, -1]) {
      const reply = await pull({ queueId, sysFlag: 0 });
      expect(reply.code).to.equal(29);
      expect(reply.remark).to.equal(
        `queueId[${queueId}] is illegal, topic:[Orders] topicConfig.readQueueNums:[4] consumer:[/127.0.0.1:${client.socket.localPort}]`,
      );
    }
  });

  it('needs a heartbeat that covers the pull when it does not bring its own subscription', async () => {
    await start();
    produce('A');
    expect(await outcome({ sysFlag: 0 })).to.deep.equal([24, `the consumer's group info not exist${FAQ}`, undefined]);
    await beat(client, 'c1', ['Other'], {}, 3);
    expect(await outcome({ sysFlag: 0 })).to.deep.equal([24, `the consumer's subscription not exist${FAQ}`, undefined]);
    await beat(client, 'c1', [TOPIC], {}, 3);
    expect(await outcome({ sysFlag: 0, subVersion: 4 })).to.deep.equal([
      25,
      "the consumer's subscription not latest",
      undefined,
    ]);
    expect(await outcome({ sysFlag: 0, subVersion: 3 })).to.deep.equal([0, 'FOUND', '1']);
    expect(await outcome({ sysFlag: 0, subVersion: 2 })).to.deep.equal([0, 'FOUND', '1']);
  });

  it('refuses broadcasting to a group that may not', async () => {
    await start({ groups: { [GROUP]: { consumeBroadcastEnable: false } } });
    await beat(client, 'c1', [TOPIC], { messageModel: 'BROADCASTING' });
    const reply = await pull({ sysFlag: 0 });
    expect(reply).to.deep.include({
      code: 16,
      remark: `the consumer group[${GROUP}] can not consume by broadcast way`,
    });
    expect(reply.extFields).to.deep.equal({ forbiddenType: '4' });
  });

  it('filters tags by hash, so that colliding ones come through', async () => {
    await start();
    produce('Aa', 'BB', 'C', undefined);
    expect(await bodies({ subscription: 'BB' })).to.deep.equal(['m0', 'm1']);
    expect(await bodies({ subscription: 'BB || C' })).to.deep.equal(['m0', 'm1', 'm2']);
    expect(await bodies({ subscription: '*' })).to.have.length(4);
    const [wanted] = [buildSubscription(TOPIC, 'C', 'TAG', 1)];
    await beat(client, 'c1', [], { subscriptions: [wanted] });
    expect(await bodies({ sysFlag: 0 })).to.deep.equal(['m2']);
  });

  it('refuses a subscription in the pull that can not be read', async () => {
    await start();
    const expected = [23, "parse the consumer's subscription failed", undefined];
    expect(await outcome({ subscription: '||' })).to.deep.equal(expected);
    expect(await outcome({ expressionType: 'SQL92', subscription: undefined })).to.deep.equal(expected);
  });

  it('filters by SQL92, of the heartbeat or of the pull', async () => {
    await start();
    for (const [index, price] of ['5', '15', '25'].entries()) {
      harness.cluster.produce(TOPIC, { body: `m${index}`, queueId: 0, properties: { price } });
    }
    const sql = (subString: string, subVersion: number): object => ({
      subscriptions: [{ ...buildSubscription(TOPIC, '*', 'TAG', subVersion), subString, expressionType: 'SQL92' }],
    });
    expect(await bodies({ expressionType: 'SQL92', subscription: 'price BETWEEN 10 AND 20' })).to.deep.equal(['m1']);
    await beat(client, 'c1', [], sql('price >', 1));
    expect(await outcome({ sysFlag: 0 })).to.deep.equal([
      27,
      "The broker's consumer filter data is not exist!Your expression may be wrong!",
      undefined,
    ]);
    await beat(client, 'c1', [], sql('price > 10', 2));
    expect(await bodies({ sysFlag: 0, subVersion: 2 })).to.deep.equal(['m1', 'm2']);
    // A newer version of the same expression, and an older one of another.
    await beat(client, 'c1', [], sql('price > 10', 3));
    await beat(client, 'c1', [], sql('price > 20', 1));
    expect(await bodies({ sysFlag: 0, subVersion: 3 })).to.deep.equal(['m1', 'm2']);
    await beat(client, 'c1', [], sql('price >', 4));
    expect(await outcome({ sysFlag: 0, subVersion: 4 })).to.deep.equal([
      28,
      "the consumer's consumer filter data not latest",
      undefined,
    ]);
  });

  it('refuses SQL92 where it is not enabled', async () => {
    await start({ enablePropertyFilter: false });
    expect(await outcome({ expressionType: 'SQL92', subscription: 'a > 1' })).to.deep.equal([
      1,
      'The broker does not support consumer to filter message by SQL92',
      undefined,
    ]);
  });

  it('commits before it answers, when asked to and let through', async () => {
    await start();
    produce('A');
    await pull({ sysFlag: 4, commitOffset: 9 });
    expect(harness.cluster.offsets(GROUP)).to.deep.equal([]);
    await pull({ sysFlag: 5, commitOffset: 1 });
    await pull({ sysFlag: 5, commitOffset: 2, queueId: 99 });
    expect(harness.cluster.offsets(GROUP)).to.deep.equal([
      { topic: TOPIC, brokerName: 'broker-a', queueId: 0, offset: 1 },
    ]);
  });

  it('refuses a pull without a field it needs', async () => {
    await start();
    const reply = await client.request({ code: 11, extFields: { consumerGroup: GROUP, topic: TOPIC, queueId: '0' } });
    expect(reply.code).to.equal(1);
    expect(reply.remark).to.include('the custom field <queueOffset> is null');
  });

  it('brings less with its answers as a broker of 4.9', async () => {
    await start({ version: 407 });
    produce('A');
    const reply = await pull();
    expect(Object.keys(reply.extFields).sort()).to.deep.equal([
      'maxOffset',
      'minOffset',
      'nextBeginOffset',
      'suggestWhichBrokerId',
    ]);
    expect((await pull({ queueId: 9 })).code).to.equal(1);
    harness.cluster.updateGroup(GROUP, { consumeEnable: false });
    expect((await pull()).extFields).to.deep.equal({});
  });
});
