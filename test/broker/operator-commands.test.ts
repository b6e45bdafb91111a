import { expect } from 'chai';
import type { ListenerAnswer } from '../../lib/index.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../lib/protocol/command.js';
import { encodeMessage } from '../../lib/protocol/message.js';
import { consumeMessageDirectly } from '../../lib/protocol/requests/consume-message-directly.js';
import { getConsumerRunningInfo } from '../../lib/protocol/requests/get-consumer-running-info.js';
import { getConsumerStatusFromClient } from '../../lib/protocol/requests/get-consumer-status-from-client.js';
import { invokeBrokerToResetOffset } from '../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import { RawClient } from '../support/raw-client.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, numbers } from '../support/wire.js';

const T = 'T';
const SUSPEND = 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

describe('operator commands', () => {
  let rig: Rig;
  const admins: RawClient[] = [];

  afterEach(async () => {
    await Promise.all(admins.splice(0).map((admin) => admin.close()));
    await rig.stop();
  });

  /** A consumer that has consumed `count` messages of each of `queues` queues. */
  async function consumed(count: number, queues = 1): Promise<WatchedConsumer> {
    for (let queueId = 0; queueId < queues; queueId++) rig.produce(T, queueId, count);
    const c = await rig.consume(T);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === count * queues);
    await rig.advanceUntil('the retry topic is consumed, too', () => c.owned('%RETRY%group').length === 1);
    return c;
  }

  async function admin(): Promise<RawClient> {
    const client = await RawClient.connect(rig.cluster.broker('broker-a').address);
    admins.push(client);
    return client;
  }

  it('40, the members have changed: the group is looked up at once', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    await consumed(1);
    await rig.advance(5_000);
    const lists = (): number => rig.cluster.journal.requests({ code: RequestCode.GET_CONSUMER_LIST_BY_GROUP }).length;
    const before = lists();
    rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
    await rig.advance(100);
    expect(lists()).to.be.above(before);
  });

  it('40, a hundred times in a row: it is looked up a few times', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    await consumed(1);
    await rig.advance(5_000);
    const lists = (): number => rig.cluster.journal.requests({ code: RequestCode.GET_CONSUMER_LIST_BY_GROUP }).length;
    const before = lists();
    for (let i = 0; i < 100; i++) {
      rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
      await rig.advance(10);
    }
    // Each run asks once per topic, of which the retry topic is the second.
    expect(lists() - before).to.be.within(2, 12);
  });

  it('222, consume from another place: it takes effect, and commits of before do not undo it', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    const c = await consumed(5, 2);
    await rig.advance(5_000);
    const request = { topic: T, group: 'group', timestamp: 0, isForce: true, queueId: 1, offset: 2 };
    const { offsets } = await (await admin()).call(invokeBrokerToResetOffset, request);
    expect(offsets).to.deep.equal([{ queue: { topic: T, brokerName: 'broker-a', queueId: 1 }, offset: 2 }]);
    const took = await rig.advanceUntil('they come again', () => c.offsets(1).length === 8, 30_000);
    expect(took).to.be.at.most(25_000);
    expect(c.offsets(1)).to.deep.equal([0, 1, 2, 3, 4, 2, 3, 4]);
    expect(c.offsets(0)).to.deep.equal(numbers(5));
    await rig.advance(6_000);
    expect(rig.committed(T, 1)).to.equal(5);
  });

  for (const language of ['JAVA', 'CPP']) {
    it(`222 at an older broker: it tells the members (${language === 'CPP' ? 'a list' : 'a map'})`, async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } }, serverSideResetOffset: false });
      const c = await consumed(5, 2);
      await rig.advance(5_000);
      const request = invokeBrokerToResetOffset.encode({ topic: T, group: 'group', timestamp: 0, isForce: true });
      const reply = await (await admin()).request(request, { language });
      expect(reply.code).to.equal(ResponseCode.SUCCESS);
      await rig.advanceUntil('all come again', () => c.deliveries.length === 20, 5_000);
      for (const queueId of [0, 1]) expect(c.offsets(queueId)).to.deep.equal([...numbers(5), ...numbers(5)]);
      expect(c.eventsNamed('offsetReset').length).to.equal(2);
    });
  }

  it('220 that can not be read changes nothing', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    const c = await consumed(3);
    const extFields = { topic: T, group: 'group', timestamp: '0', isForce: 'true' };
    const code = RequestCode.RESET_CONSUMER_CLIENT_OFFSET;
    for (const body of [
      '',
      '{',
      '[]',
      '{"offsetTable":5}',
      '{"offsetTable":{"x":1}}',
      '{"offsetTable":{{"topic":"T"}:1}}',
    ]) {
      const reply = await rig.cluster.callClient('group', { code, extFields, body: Buffer.from(body) });
      expect(reply.code, body).to.equal(ResponseCode.SYSTEM_ERROR);
    }
    rig.produce(T, 0, 1);
    await rig.until('it goes on', () => c.deliveries.length === 4);
    expect(c.offsets(0)).to.deep.equal(numbers(4));
  });

  describe('221, how far it is', () => {
    const ask = (topic: string, group = 'group'): Promise<RemotingCommand> =>
      rig.cluster.callClient('group', getConsumerStatusFromClient.encode({ topic, group }));

    it('tells the offsets in memory of that topic', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      await consumed(5, 2);
      const reply = getConsumerStatusFromClient.decodeReply(await ask(T));
      expect(reply.offsets).to.deep.equal([
        { queue: { topic: T, brokerName: 'broker-a', queueId: 0 }, offset: 5 },
        { queue: { topic: T, brokerName: 'broker-a', queueId: 1 }, offset: 5 },
      ]);
    });

    it('tells nothing of a topic it does not consume, and refuses for a group that is not here', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      await consumed(1);
      expect(getConsumerStatusFromClient.decodeReply(await ask('Other')).offsets).to.deep.equal([]);
      const refused = await ask(T, 'another');
      expect(refused.code).to.equal(ResponseCode.SYSTEM_ERROR);
      expect(refused.remark).to.equal('The Consumer Group <another> not exist in this consumer');
    });
  });

  describe('307, what it is doing', () => {
    const ask = (consumerGroup = 'group'): Promise<RemotingCommand> =>
      rig.cluster.callClient('group', getConsumerRunningInfo.encode({ consumerGroup, clientId: '10.0.0.1@c1' }));

    it('tells properties, subscriptions, queues and figures', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const c = await consumed(5, 2);
      let finish: () => void = () => undefined;
      c.answer = () => new Promise((resolve) => (finish = () => resolve('SUCCESS')));
      rig.produce(T, 1, 3);
      await rig.until('one is with the listener', () => c.offsets(1).length === 6);
      const info = getConsumerRunningInfo.decodeReply(await ask());
      finish();

      expect(info.properties).to.include({
        PROP_NAMESERVER_ADDR: `${rig.cluster.namesrvAddr};`,
        PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY',
        PROP_CONSUMEORDERLY: 'true',
        PROP_THREADPOOL_CORE_SIZE: '20',
      });
      expect(info.subscriptions.map(({ topic }) => topic).sort()).to.deep.equal(['%RETRY%group', T]);
      const busy = info.queues.find(({ queue }) => queue.topic === T && queue.queueId === 1)?.info;
      expect(busy).to.include({
        commitOffset: 5,
        cachedMsgMinOffset: 5,
        cachedMsgMaxOffset: 7,
        cachedMsgCount: 3,
        transactionMsgCount: 1,
        locked: true,
        droped: false,
      });
      expect(busy?.lastPullTimestamp).to.be.within(rig.clock.wallTime() - 60_000, rig.clock.wallTime());
      expect(info.queues.length).to.equal(3);
      expect(info.statusByTopic[T]?.consumeOKTPS).to.be.above(0);
      c.answer = () => 'SUCCESS';
    });

    it('refuses for a group that is not here', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      await consumed(1);
      const refused = await ask('another');
      expect(refused.code).to.equal(ResponseCode.SYSTEM_ERROR);
      expect(refused.remark).to.equal('The Consumer Group <another> not exist in this consumer');
    });
  });

  describe('309, consume this', () => {
    async function direct(fields: { offset?: number; topic?: string; group?: string } = {}): Promise<RemotingCommand> {
      const { offset = 0, topic = T, group = 'group' } = fields;
      const message = rig.cluster.messages(topic).find(({ queueOffset }) => queueOffset === offset);
      if (message === undefined) throw new Error('there is no such message');
      const body = encodeMessage(message.toRecord());
      const request = {
        consumerGroup: group,
        clientId: '10.0.0.1@c1',
        brokerName: 'broker-a',
        msgId: message.msgId,
        body,
      };
      return rig.cluster.callClient('group', consumeMessageDirectly.encode(request));
    }

    const outcomes: [name: string, answer: () => ListenerAnswer, result: string][] = [
      ['SUCCESS', () => 'SUCCESS', 'CR_SUCCESS'],
      ['COMMIT', () => 'COMMIT', 'CR_COMMIT'],
      ['ROLLBACK', () => 'ROLLBACK', 'CR_ROLLBACK'],
      ['SUSPEND', () => SUSPEND, 'CR_LATER'],
      ['null', () => null as unknown as ListenerAnswer, 'CR_RETURN_NULL'],
      ['nothing', () => undefined, 'CR_SUCCESS'],
      ['a throw', () => { throw new Error('no such order'); }, 'CR_THROW_EXCEPTION'], // prettier-ignore
    ];
    for (const [name, answer, result] of outcomes) {
      it(`tells ${name} as ${result}, and touches neither queue nor offset`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 1 } } });
        const c = await consumed(3);
        await rig.advance(5_000);
        const before = rig.cluster.journal.entries.at(-1)?.seq ?? 0;
        let seen: unknown;
        c.answer = (delivery, context) => {
          seen = [delivery.offset, context.direct, context.isOwner()];
          return answer();
        };
        const reply = consumeMessageDirectly.decodeReply(await direct({ offset: 1 }));
        expect(reply).to.include({ order: true, autoCommit: true, consumeResult: result, spentTimeMills: 0 });
        if (result === 'CR_THROW_EXCEPTION') expect(reply.remark).to.include('no such order');
        expect(seen).to.deep.equal([1, true, false]);

        c.answer = () => 'SUCCESS';
        await rig.advance(6_000);
        expect(c.deliveries.length, 'nothing comes again').to.equal(4);
        expect(commits(rig.cluster, T).filter(({ seq }) => seq > before)).to.deep.equal([]);
        rig.produce(T, 0, 1);
        await rig.until('it goes on', () => c.deliveries.length === 5);
        expect(c.deliveries.at(-1)?.offset).to.equal(3);
        expect(c.errors).to.deep.equal([]);
      });
    }

    it('goes past the order: also while the queue is with the listener, or rests', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await consumed(3);
      let finish: () => void = () => undefined;
      c.answer = (_delivery, context) =>
        context.direct ? 'SUCCESS' : new Promise((resolve) => (finish = () => resolve(SUSPEND)));
      rig.produce(T, 0, 1);
      await rig.until('one is with the listener', () => c.deliveries.length === 4);
      expect(consumeMessageDirectly.decodeReply(await direct()).consumeResult).to.equal('CR_SUCCESS');
      finish();
      await rig.advance(500);
      expect(consumeMessageDirectly.decodeReply(await direct()).consumeResult).to.equal('CR_SUCCESS');
      c.answer = () => 'SUCCESS';
      await rig.advanceUntil('the other comes again', () => c.deliveries.length === 7, 1_000);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2, 3, 0, 0, 3]);
    });

    it('gives a message of the retry topic under its own topic', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await consumed(1);
      rig.cluster.produce('%RETRY%group', { queueId: 0, body: 'again', properties: { RETRY_TOPIC: T } });
      await rig.until('it is consumed', () => c.deliveries.length === 2);
      await direct({ topic: '%RETRY%group' });
      expect(c.deliveries.map(({ topic }) => topic)).to.deep.equal([T, T, T]);
    });

    it('is refused where it is not allowed, and for a group that is not here', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 1);
      const c = await rig.consume(T, 'c1', { allowDirectConsume: false });
      await rig.advanceUntil('it is consumed', () => c.deliveries.length === 1);
      const reply = consumeMessageDirectly.decodeReply(await direct());
      expect(reply.consumeResult).to.equal('CR_THROW_EXCEPTION');
      expect(reply.remark).to.include('allowDirectConsume');
      expect(c.deliveries.length).to.equal(1);
      expect((await direct({ group: 'another' })).code).to.equal(ResponseCode.SYSTEM_ERROR);
    });
  });

  it('a code nobody knows is answered with 3, and nothing else happens', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    const c = await consumed(1);
    const reply = await rig.cluster.callClient('group', { code: 9_999 });
    expect(reply.code).to.equal(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
    expect(reply.remark).to.equal(' request type 9999 not supported');
    rig.produce(T, 0, 1);
    await rig.until('it goes on', () => c.deliveries.length === 2);
    expect(c.eventsNamed('disconnected')).to.deep.equal([]);
  });

  it('a request that lacks a field is answered with 1 and its name', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    await consumed(1);
    for (const code of [
      RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,
      RequestCode.GET_CONSUMER_RUNNING_INFO,
      RequestCode.CONSUME_MESSAGE_DIRECTLY,
    ]) {
      const reply = await rig.cluster.callClient('group', { code });
      expect(reply.code).to.equal(ResponseCode.SYSTEM_ERROR);
      expect(reply.remark).to.match(/the custom field <\w+> is null/);
    }
  });
});
