import { expect } from 'chai';
import { numbered, type RealConsumer } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** What operators see of a consumer, and do to it, with the reference's administration tool. */
describe('operators on a real cluster', () => {
  let env: RealEnv;
  let rig: RealRig;
  let topic: string;
  let group: string;
  let member: RealConsumer;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(async () => {
    rig = new RealRig(env);
    topic = await rig.topic(2);
    group = rig.group();
    member = await rig.consume(topic, group, { persistConsumerOffsetInterval: 200 });
    await member.untilOwned(2, topic);
    await rig.send(topic, numbered(5));
    await member.untilDelivered(5);
    await rig.untilCommitted(group, rig.queue(topic), 5);
  });

  afterEach(() => rig.stop());

  /** The words of the printed line that has all of `parts`. */
  function lineOf(output: string, ...parts: string[]): string[] {
    const line = output.split('\n').find((text) => parts.every((part) => text.split(/\s+/).includes(part)));
    if (line === undefined) throw new Error(`no line with ${parts.join(' and ')} in\n${output}`);
    return line.trim().split(/\s+/);
  }

  it('consumerConnection and consumerProgress show the member and how far the group is', async () => {
    const [connection, progress] = await Promise.all([
      env.admin('consumerConnection', '-g', group),
      env.admin('consumerProgress', '-g', group),
    ]);
    expect(lineOf(connection, member.clientId)[2]).to.equal('OTHER');
    expect(lineOf(connection, topic)).to.deep.equal([topic, '*']);
    expect(lineOf(connection, `%RETRY%${group}`)).to.deep.equal([`%RETRY%${group}`, '*']);
    expect(connection).to.match(/ConsumeType: CONSUME_PASSIVELY\s+MessageModel: CLUSTERING\s+ConsumeFromWhere: CONSUME_FROM_FIRST_OFFSET/); // prettier-ignore
    // Broker, queue, its end, the group's offset, the difference.
    expect(lineOf(progress, topic, '0').slice(1, 6)).to.deep.equal([rig.brokerName, '0', '5', '5', '0']);
    expect(lineOf(progress, topic, '1').slice(1, 6)).to.deep.equal([rig.brokerName, '1', '0', '0', '0']);
    expect(progress).to.match(/Diff Total: 0/);
  });

  it('consumerStatus shows its queues, their locks and offsets, and what the listener holds', async () => {
    const { promise, release } = member.hold();
    member.answer = () => promise;
    await rig.sendTogether(topic, numbered(3, 5));
    await member.untilDelivered(6);
    const status = await env.admin('consumerStatus', '-g', group, '-i', member.clientId);
    release();

    const property = (name: string): string | undefined => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(status)?.[1];
    expect(property('PROP_CONSUMEORDERLY')).to.equal('true');
    expect(property('PROP_CONSUME_TYPE')).to.equal('CONSUME_PASSIVELY');
    expect(property('PROP_NAMESERVER_ADDR')).to.equal(`${env.namesrvAddr};`);
    expect(property('consumerGroup')).to.equal(group);
    expect(status).to.match(new RegExp(`Topic: ${topic}\\s.*SubExpression: \\*`));
    const details = status.slice(status.indexOf('#Consumer MQ Detail#'));
    const [held, idle] = ['0', '1'].map((queueId) => lineOf(details, topic, rig.brokerName, queueId).join(' '));
    expect(held).to.include('commitOffset=5, cachedMsgMinOffset=5, cachedMsgMaxOffset=7, cachedMsgCount=3');
    expect(held).to.include('transactionMsgMinOffset=5, transactionMsgMaxOffset=5, transactionMsgCount=1, locked=true');
    expect(idle).to.include('cachedMsgCount=0').and.to.include('locked=true').and.to.include('droped=false');

    await member.untilDelivered(8);
    expect(member.texts()).to.deep.equal(numbered(8));
  });

  it('resetOffsetByTime to the beginning: everything comes again, in order, once', async () => {
    const before = performance.now();
    const printed = await env.admin('resetOffsetByTime', '-g', group, '-t', topic, '-s', '0');
    // Broker, queue, the offset it is set to.
    for (const queueId of [0, 1])
      expect(printed).to.match(new RegExp(`^${rig.brokerName}\\s+${queueId}\\s+0\\s*$`, 'm'));
    // A 5.5 broker tells it with the next answer to a pull, and one that waits for messages is answered after 20 s.
    await member.until('it starts over', () =>
      member.events('offsetReset').some(({ messageQueue }) => messageQueue.queueId === 0), 40_000); // prettier-ignore
    const reset = member.events('offsetReset').find(({ messageQueue }) => messageQueue.queueId === 0);
    expect(reset).to.deep.include({ messageQueue: rig.queue(topic), offset: 0 });
    await member.untilDelivered(10);
    await rig.send(topic, numbered(3, 5));
    await member.untilDelivered(13);
    expect(member.texts()).to.deep.equal([...numbered(5), ...numbered(8)]);
    await rig.untilCommitted(group, rig.queue(topic), 8);
    expect(performance.now() - before).to.be.lessThan(60_000);
    expect(member.owned(topic), 'its locks are kept').to.have.lengthOf(2);
    expect(member.events('queueReleased')).to.deep.equal([]);
    expect(member.errors).to.deep.equal([]);
  });

  describe('queryMsgById with a client id hands a message to its listener', () => {
    async function consumeDirectly(): Promise<string> {
      const [first] = member.deliveries;
      if (first === undefined) throw new Error('nothing was delivered');
      const id = first.message.offsetMsgId;
      // The tools of 5.x want the topic as well, those of 4.x don't know that option.
      const ofTopic = env.version.startsWith('4.') ? [] : ['-t', topic];
      return env.admin('queryMsgById', '-i', id, ...ofTopic, '-g', group, '-d', member.clientId);
    }

    it('outside order and offsets, and prints the answer', async () => {
      const seen: { direct: boolean; owner: boolean }[] = [];
      member.answer = (_, context) => {
        seen.push({ direct: context.direct, owner: context.isOwner() });
        return 'SUCCESS';
      };
      const printed = await consumeDirectly();
      expect(printed).to.include('order=true, autoCommit=true, consumeResult=CR_SUCCESS, remark=null');
      expect(member.texts()).to.deep.equal([...numbered(5), '0']);
      expect(member.deliveries[5]).to.include({ queue: `${rig.brokerName}#0`, offset: 0, topic });
      await rig.send(topic, ['5']);
      await member.untilDelivered(7);
      await rig.untilCommitted(group, rig.queue(topic), 6);
      expect(seen).to.deep.equal([
        { direct: true, owner: false },
        { direct: false, owner: true },
      ]);
    });

    it('and what it throws is printed, and holds up nothing', async () => {
      member.answer = (_, context) => {
        if (context.direct) throw new Error('out of stock');
        return 'SUCCESS';
      };
      const printed = await consumeDirectly();
      expect(printed).to.match(/consumeResult=CR_THROW_EXCEPTION, remark=Error: out of stock/);
      await rig.send(topic, ['5']);
      await member.untilDelivered(7);
      expect(member.deliveries.at(-1)).to.include({ text: '5', reconsumeTimes: 0 });
    });
  });
});
