import { expect } from 'chai';
import { RequestCode } from '../../../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import { getEarliestMsgStoretime } from '../../../../lib/protocol/requests/get-earliest-msg-storetime.js';
import { getMaxOffset } from '../../../../lib/protocol/requests/get-max-offset.js';
import { getMinOffset } from '../../../../lib/protocol/requests/get-min-offset.js';
import { invokeBrokerToResetOffset } from '../../../../lib/protocol/requests/invoke-broker-to-reset-offset.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../../lib/protocol/requests/query-consumer-offset.js';
import { resetConsumerClientOffset } from '../../../../lib/protocol/requests/reset-consumer-client-offset.js';
import { searchOffsetByTimestamp } from '../../../../lib/protocol/requests/search-offset-by-timestamp.js';
import { updateConsumerOffset } from '../../../../lib/protocol/requests/update-consumer-offset.js';
import { MockClock, type MockClusterOptions } from '../../../../mock-broker/index.js';
import { beat, GROUP, MockHarness, pullOf, queueOf, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

const NOW = 1_800_000_000_000;

describe('offsets', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  async function start(options: MockClusterOptions = {}): Promise<void> {
    clock = MockClock.manual(NOW);
    harness = await MockHarness.start({ clock, groups: { [GROUP]: {} }, ...options });
    client = await harness.connect();
  }

  /** Messages in queue 0, ten seconds apart. */
  function produce(count: number): void {
    for (let index = 0; index < count; index++) {
      harness.cluster.produce(TOPIC, { body: `m${index}`, queueId: 0 });
      clock.advance(10_000);
    }
  }

  const query = (queueId: number, setZeroIfNotFound?: boolean): Promise<RemotingCommand> =>
    client.ask(queryConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId, setZeroIfNotFound });
  const commit = (commitOffset: number, change: object = {}): Promise<RemotingCommand> =>
    client.ask(updateConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId: 0, commitOffset, ...change });

  afterEach(() => harness.stop());

  it('that were never committed are 0 while the first message is there, else not found', async () => {
    await start();
    expect((await query(0)).remark).to.equal('Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first');
    produce(3);
    expect((await query(0)).extFields).to.deep.equal({ offset: '0' });
    expect((await query(0, true)).code).to.equal(0);
    expect(await query(0, false)).to.include({
      code: 22,
      remark: 'Not found, do not set to zero, maybe this group boot first',
    });
    expect((await query(1)).code).to.equal(22);
    harness.cluster.expireMessages(queueOf(0), 1);
    expect((await query(0)).code).to.equal(22);
  });

  it('that were never committed are 0 at a broker of 4.9, unless messages have expired', async () => {
    await start({ version: 407 });
    expect((await query(0, false)).extFields).to.deep.equal({ offset: '0' });
    produce(2);
    harness.cluster.expireMessages(queueOf(0), 1);
    expect((await query(0)).code).to.equal(22);
  });

  it('are overwritten by whoever commits whatever', async () => {
    await start();
    for (const offset of [5, 3, 1_000_000]) {
      expect(await commit(offset)).to.include({ code: 0, remark: undefined });
      expect((await query(0)).extFields).to.deep.equal({ offset: String(offset) });
    }
    await commit(7, { queueId: 99 });
    expect(harness.cluster.offsets(GROUP)).to.deep.include({
      topic: TOPIC,
      brokerName: 'broker-a',
      queueId: 99,
      offset: 7,
    });
  });

  it('are refused for unknown groups and topics, and without queue or offset', async () => {
    await start();
    const refused = async (extFields: Record<string, string>): Promise<unknown[]> => {
      const reply = await client.request({ code: RequestCode.UPDATE_CONSUMER_OFFSET, extFields });
      return [reply.code, reply.remark];
    };
    expect(await refused({ consumerGroup: 'nobody', topic: TOPIC })).to.deep.equal([26, 'Group nobody not exist!']);
    expect(await refused({ consumerGroup: GROUP, topic: 'Nobody' })).to.deep.equal([17, 'Topic Nobody not exist!']);
    expect(await refused({ consumerGroup: GROUP, topic: TOPIC })).to.deep.equal([
      29,
      'QueueId is null, topic is Orders',
    ]);
    expect(await refused({ consumerGroup: GROUP, topic: TOPIC, queueId: '0' })).to.deep.equal([
      29,
      'Offset is null, topic is Orders',
    ]);
  });

  it('are taken without a look by a broker of 4.9', async () => {
    await start({ version: 407 });
    expect((await commit(4, { consumerGroup: 'nobody', topic: 'Nobody' })).code).to.equal(0);
    expect(harness.cluster.offsets('nobody')).to.deep.equal([
      { topic: 'Nobody', brokerName: 'broker-a', queueId: 0, offset: 4 },
    ]);
  });

  it('of a queue: its ends, and the time of its first message', async () => {
    await start();
    const ends = async (queueId: number): Promise<number[]> => [
      (await client.call(getMinOffset, { topic: TOPIC, queueId })).offset,
      (await client.call(getMaxOffset, { topic: TOPIC, queueId })).offset,
      (await client.call(getEarliestMsgStoretime, { topic: TOPIC, queueId })).timestamp,
    ];
    expect(await ends(0)).to.deep.equal([0, 0, -1]);
    produce(4);
    expect(await ends(0)).to.deep.equal([0, 4, NOW]);
    harness.cluster.expireMessages(queueOf(0), 2);
    expect(await ends(0)).to.deep.equal([2, 4, NOW + 20_000]);
    expect((await client.ask(getMinOffset, { topic: TOPIC, queueId: 0 })).remark).to.equal('');
  });

  it('of a queue by time', async () => {
    await start();
    produce(3);
    const search = async (timestamp: number, boundaryType?: 'LOWER' | 'UPPER'): Promise<number> =>
      (await client.call(searchOffsetByTimestamp, { topic: TOPIC, queueId: 0, timestamp, boundaryType })).offset;
    expect(await search(0)).to.equal(0);
    expect(await search(NOW + 1)).to.equal(1);
    expect(await search(NOW + 19_999, 'UPPER')).to.equal(1);
    expect(await search(NOW * 2)).to.equal(3);
    expect((await client.call(searchOffsetByTimestamp, { topic: TOPIC, queueId: 3, timestamp: 5 })).offset).to.equal(0);
    await harness.stop();
    await start({ version: 407 });
    produce(3);
    expect(await search(NOW * 2)).to.equal(2);
    expect(await search(NOW + 1)).to.equal(1);
  });

  describe('reset at the broker', () => {
    const reset = (change: object): Promise<RemotingCommand> =>
      client.ask(invokeBrokerToResetOffset, { topic: TOPIC, group: GROUP, timestamp: NOW, isForce: true, ...change });

    it('are the answer to the next pull; commits are ignored until then', async () => {
      await start();
      produce(5);
      await commit(5);
      const reply = await reset({ queueId: 0, offset: 2 });
      expect(invokeBrokerToResetOffset.decodeReply(reply).offsets).to.deep.equal([{ queue: queueOf(0), offset: 2 }]);
      expect(await commit(4)).to.include({ code: 0, remark: 'Offset has been previously reset' });
      expect((await query(0)).extFields).to.deep.equal({ offset: '2' });
      const pulled = await client.ask(pullMessage, pullOf({ queueOffset: 5 }));
      expect(pulled).to.include({ code: 21, remark: 'OFFSET_RESET' });
      expect(pulled.extFields).to.include({ nextBeginOffset: '2', minOffset: '0', maxOffset: '5' });
      expect((await client.ask(pullMessage, pullOf({ queueOffset: 2 }))).code).to.equal(0);
      expect(await commit(4)).to.include({ code: 0, remark: undefined });
    });

    it('take all queues to a point in time, or to the end', async () => {
      await start();
      produce(5);
      const offsetsOf = async (change: object): Promise<number[]> =>
        invokeBrokerToResetOffset.decodeReply(await reset(change)).offsets.map(({ offset }) => offset);
      expect(await offsetsOf({ timestamp: NOW + 15_000 })).to.deep.equal([2, 0, 0, 0]);
      expect(await offsetsOf({ timestamp: -1, queueId: -1 })).to.deep.equal([5, 0, 0, 0]);
      expect(await offsetsOf({ timestamp: NOW + 15_000, queueId: 0, offset: -1 })).to.deep.equal([2]);
    });

    it('are refused for what is not there', async () => {
      await start();
      produce(1);
      expect(await reset({ topic: 'Nobody' })).to.include({ code: 17, remark: 'Topic Nobody does not exist' });
      expect(await reset({ group: 'nobody' })).to.include({ code: 26, remark: 'Group nobody does not exist' });
      expect((await reset({ queueId: 0, offset: 3 })).remark).to.equal(
        'Target offset 3 not in consume queue range [0-1]',
      );
      harness.cluster.createTopic('Closed', { queues: 0 });
      expect((await reset({ topic: 'Closed' })).remark).to.equal('No queues to reset.');
    });
  });

  describe('reset by telling the clients', () => {
    const reset = (change: object = {}, language = 'JAVA'): Promise<RemotingCommand> =>
      client.request(
        invokeBrokerToResetOffset.encode({
          topic: TOPIC,
          group: GROUP,
          timestamp: NOW + 15_000,
          isForce: true,
          ...change,
        }),
        { language },
      );
    const commitAll = async (): Promise<void> => {
      for (let queueId = 0; queueId < 4; queueId++) await commit(1, { queueId });
    };

    it('go to all members, with keys that are objects', async () => {
      await start({ serverSideResetOffset: false });
      produce(5);
      await commitAll();
      const member = await harness.connect();
      await beat(member, 'c1');
      const reply = await reset();
      expect(reply.code).to.equal(0);
      const pushed = await member.pushed(220);
      expect(pushed.body.toString()).to.match(/^\{"offsetTable":\{\{"/);
      const { offsets, group, isForce } = resetConsumerClientOffset.decode(pushed);
      expect([group, isForce]).to.deep.equal([GROUP, true]);
      expect(offsets.map(({ offset }) => offset)).to.deep.equal([2, 0, 0, 0]);
      expect(invokeBrokerToResetOffset.decodeReply(reply).offsets).to.deep.equal(offsets);
    });

    it('never go forward without force', async () => {
      await start({ serverSideResetOffset: false });
      produce(5);
      await commitAll();
      await beat(client, 'c1');
      await reset({ isForce: false });
      const { offsets } = resetConsumerClientOffset.decode(await client.pushed(220));
      expect(offsets.map(({ offset }) => offset)).to.deep.equal([1, 0, 0, 0]);
    });

    it('are a list when a C++ client asks', async () => {
      await start({ version: 407 });
      await commitAll();
      await beat(client, 'c1');
      await reset({ timestamp: -1 }, 'CPP');
      expect((await client.pushed(220)).body.toString()).to.match(/^\{"offsetTable":\[\{/);
    });

    it('are refused for what is not there', async () => {
      await start({ serverSideResetOffset: false });
      expect((await reset({ topic: 'Nobody' })).remark).to.equal(
        '[reset-offset] reset offset failed, no topic in this broker. topic=Nobody',
      );
      expect((await reset()).remark).to.equal(`THe consumer group <${GROUP}> not exist`);
      await commitAll();
      expect(await reset()).to.include({
        code: 206,
        remark: `Consumer not online, so can not reset offset, Group: ${GROUP} Topic: ${TOPIC} Timestamp: ${NOW + 15_000}`,
      });
    });
  });
});
