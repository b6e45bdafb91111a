import { expect } from 'chai';
import { MqVersion, RequestCode } from '../../../../lib/protocol/codes.js';
import type { RemotingCommand } from '../../../../lib/protocol/command.js';
import { decodeMessages } from '../../../../lib/protocol/message.js';
import { MockClock } from '../../../../mock-broker/index.js';
import { GROUP, MockHarness, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';
import { ackFields, ackOf, changeOf, type Fields, INVISIBLE_MS, popOf, requestOf as request } from '../pop-requests.js';

const RETRY = `%RETRY%${GROUP}_${TOPIC}`;
const NOW = 1_800_000_000_000;

describe('popping', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual(NOW);
    harness = await MockHarness.start({ clock, version: MqVersion.V5_5_0, topics: { [TOPIC]: { queues: 2 } } });
    client = await harness.connect();
  });

  afterEach(() => harness.stop());

  const pop = (fields?: Fields): Promise<RemotingCommand> => client.request(popOf(fields));

  /** Everything sent before has been dealt with when this is answered. */
  const settle = (): Promise<RemotingCommand> =>
    client.request(request(RequestCode.POLLING_INFO, { consumerGroup: GROUP, topic: TOPIC, queueId: 0 }));

  const produce = (...bodies: string[]): void => {
    for (const body of bodies) harness.cluster.produce(TOPIC, { body, queueId: 0 });
  };

  const bodiesOf = (reply: RemotingCommand): string[] =>
    decodeMessages(reply.body, { brokerName: 'broker-a' }).messages.map((message) => message.body.toString());

  const stored = (topic: string): string[] => harness.cluster.messages(topic).map((message) => message.body.toString());

  const ack = (reply: RemotingCommand, offset: number): Promise<RemotingCommand> =>
    client.request(ackOf(reply, offset));

  const change = (reply: RemotingCommand, offset: number, invisibleTime: number): Promise<RemotingCommand> =>
    client.request(changeOf(reply, offset, invisibleTime));

  const committed = (topic = TOPIC): number | undefined =>
    harness.cluster.offsets(GROUP).find((offset) => offset.topic === topic && offset.queueId === 0)?.offset;

  it('gives messages out once, and says where they are from', async () => {
    produce('a', 'b', 'c');
    const first = await pop({ maxMsgNums: 2 });
    expect(first).to.include({ code: 0, remark: 'FOUND' });
    expect(first.extFields).to.include({
      popTime: String(NOW),
      invisibleTime: String(INVISIBLE_MS),
      restNum: '1',
      startOffsetInfo: '0 0 0',
      msgOffsetInfo: '0 0 0,1',
    });
    expect(bodiesOf(first)).to.deep.equal(['a', 'b']);
    const second = await pop();
    expect(second.extFields).to.include({ startOffsetInfo: '0 0 2', msgOffsetInfo: '0 0 2', restNum: '0' });
    expect(await pop()).to.include({ code: 210, remark: 'NO_MESSAGE_IN_QUEUE' });
  });

  it('takes from all queues when none is named', async () => {
    produce('a');
    harness.cluster.produce(TOPIC, { body: 'b', queueId: 1 });
    expect(bodiesOf(await pop({ queueId: -1 })).sort()).to.deep.equal(['a', 'b']);
  });

  it('commits what is acknowledged, in order', async () => {
    produce('a', 'b', 'c');
    const first = await pop({ maxMsgNums: 1 });
    const second = await pop({ maxMsgNums: 2 });
    await ack(second, 1);
    await ack(second, 2);
    expect(committed()).to.equal(0);
    await ack(first, 0);
    expect(committed()).to.equal(3);
    clock.advance(INVISIBLE_MS);
    expect(stored(RETRY)).to.deep.equal([]);
  });

  it('commits after 10 s what is kept for later all the same', async () => {
    produce('a');
    await pop();
    clock.advance(9999);
    expect(committed()).to.equal(0);
    clock.advance(1);
    expect(committed()).to.equal(1);
    expect(stored(RETRY)).to.deep.equal([]);
  });

  it('acknowledges a batch: bits count from the start of the pop', async () => {
    produce('a', 'b', 'c');
    const reply = await pop();
    const common = { c: GROUP, t: TOPIC, r: '0', so: 0, q: 0, rq: Number(reply.extFields['reviveQid']), pt: NOW };
    const acks = [{ ...common, it: INVISIBLE_MS, b: Buffer.from([0b101]).toString('base64') }];
    const body = { brokerName: 'broker-a', acks };
    expect((await client.request(request(RequestCode.BATCH_ACK_MESSAGE, {}, body))).code).to.equal(0);
    clock.advance(INVISIBLE_MS);
    expect(stored(RETRY)).to.deep.equal(['b']);
    expect((await client.request(request(RequestCode.BATCH_ACK_MESSAGE, {}, { acks: [] }))).code).to.equal(208);
  });

  it('brings back by the retry topic what was not acknowledged in time', async () => {
    produce('a', 'b');
    const first = await pop();
    await ack(first, 1);
    clock.advance(INVISIBLE_MS - 1);
    expect(stored(RETRY)).to.deep.equal([]);
    clock.advance(1);
    const [revived] = harness.cluster.messages(RETRY);
    expect(revived).to.include({ topic: RETRY, reconsumeTimes: 1, queueId: 0 });
    expect(revived?.properties).to.include({ '1ST_POP_TIME': String(NOW), ORIGIN_GROUP: GROUP });
    expect((await ack(first, 0)).code, 'too late, and nobody says so').to.equal(0);

    const again = await pop();
    const [message] = decodeMessages(again.body, { brokerName: 'broker-a' }).messages;
    expect(again.extFields).to.include({ startOffsetInfo: '1 0 0', msgOffsetInfo: '1 0 0' });
    expect(message).to.include({ topic: TOPIC, reconsumeTimes: 1 });
    const handle = message?.properties['POP_CK'] ?? '';
    expect(handle).to.match(/^0 \d+ 20000 \d 1 broker-a 0 0$/);
    const fields = { consumerGroup: GROUP, topic: RETRY, queueId: 0, offset: 0, extraInfo: handle };
    await client.request(request(RequestCode.ACK_MESSAGE, fields));
    expect(committed(RETRY)).to.equal(1);
    clock.advance(INVISIBLE_MS);
    expect(stored(RETRY)).to.deep.equal(['a']);
  });

  it('brings back over a restart, and late when it was down meanwhile', async () => {
    produce('a');
    await pop();
    const [broker] = harness.cluster.brokers;
    await broker?.stop();
    clock.advance(INVISIBLE_MS * 2);
    expect(stored(RETRY)).to.deep.equal([]);
    await broker?.start();
    clock.advance(0);
    expect(stored(RETRY)).to.deep.equal(['a']);
  });

  it('brings nothing back that a broker lost with its disk, and begins anew', async () => {
    produce('a', 'b');
    await pop();
    const [broker] = harness.cluster.brokers;
    await broker?.stop();
    await broker?.start({ keepData: false });
    client = await harness.connect();
    produce('c');
    clock.advance(INVISIBLE_MS);
    expect(stored(RETRY)).to.deep.equal([]);
    expect(bodiesOf(await pop())).to.deep.equal(['c']);
  });

  it('changes the time of a message, which gets a new handle', async () => {
    produce('a');
    const first = await pop();
    clock.advance(15_000);
    const changed = await change(first, 0, 30_000);
    expect(changed.extFields).to.include({ popTime: String(NOW + 15_000), invisibleTime: '30000' });
    clock.advance(29_999);
    expect(stored(RETRY)).to.deep.equal([]);
    clock.advance(1);
    expect(stored(RETRY)).to.deep.equal(['a']);
  });

  it('holds a pop that finds nothing until a message comes that it wants', async () => {
    const opaque = client.send(popOf({ pollTime: 15_000, exp: 'A', expType: 'TAG' }));
    const info = { consumerGroup: GROUP, topic: TOPIC, queueId: 0 };
    expect((await client.request(request(RequestCode.POLLING_INFO, info))).extFields).to.include({ pollingNum: '1' });
    harness.cluster.produce(TOPIC, { body: 'x', queueId: 0, tags: 'B' });
    harness.cluster.produce(TOPIC, { body: 'y', queueId: 0, tags: 'A' });
    const reply = await client.reply(opaque);
    expect(bodiesOf(reply)).to.deep.equal(['y']);
    expect(reply.extFields).to.include({ startOffsetInfo: '0 0 0', msgOffsetInfo: '0 0 1' });
    expect((await client.request(request(RequestCode.POLLING_INFO, info))).extFields).to.include({ pollingNum: '0' });
  });

  it('wakes one pop for each message', async () => {
    // The one that has less time left comes first.
    const waiting = [15_000, 25_000].map((pollTime) => client.send(popOf({ pollTime, queueId: -1 })));
    await client.request(request(RequestCode.POLLING_INFO, { consumerGroup: GROUP, topic: TOPIC, queueId: -1 }));
    produce('a');
    expect(bodiesOf(await client.reply(waiting[0] as number))).to.deep.equal(['a']);
    produce('b');
    expect(bodiesOf(await client.reply(waiting[1] as number))).to.deep.equal(['b']);
  });

  it('wakes a pop for what came into the retry topic: one for any queue, or for that of its number', async () => {
    for (const queueId of [-1, 0]) {
      produce('a');
      await pop({ invisibleTime: 1000 });
      const opaque = client.send(popOf({ pollTime: 15_000, invisibleTime: 600_000, queueId }));
      const other = client.send(popOf({ pollTime: 15_000, queueId: 1 }));
      await settle();
      clock.advance(1000);
      const reply = await client.reply(opaque);
      expect(bodiesOf(reply)).to.deep.equal(['a']);
      expect(harness.cluster.brokers[0]?.state.pop.polls.size).to.equal(1);
      clock.advance(14_000);
      expect((await client.reply(other)).code).to.equal(210);
    }
  });

  it('before 5.5 wakes nobody for that: it is found when the time of a pop is over', async () => {
    const old = await MockHarness.start({ clock, topics: { [TOPIC]: { queues: 2 } } });
    try {
      const first = await old.connect();
      old.cluster.produce(TOPIC, { body: 'a', queueId: 0 });
      await first.request(popOf({ invisibleTime: 1000 }));
      const opaque = first.send(popOf({ pollTime: 15_000 }));
      await first.request(popOf());
      clock.advance(1000);
      expect(old.cluster.messages(RETRY)[0]?.properties).to.not.have.property('ORIGIN_GROUP');
      expect(old.cluster.brokers[0]?.state.pop.polls.size).to.equal(1);
      clock.advance(14_000);
      expect(bodiesOf(await first.reply(opaque))).to.deep.equal(['a']);
    } finally {
      await old.stop();
    }
  });

  it('starts where a reset says', async () => {
    produce('a', 'b', 'c');
    await pop();
    harness.cluster.resetOffset(GROUP, TOPIC, { mode: 'server', offset: 1, queueId: 0 });
    expect(bodiesOf(await pop())).to.deep.equal(['b', 'c']);
  });

  it('refuses what can not be', async () => {
    const refusal = async (fields: Fields): Promise<number> => (await pop(fields)).code;
    expect(await refusal({ topic: 'Nothing' })).to.equal(17);
    expect(await refusal({ queueId: 2 })).to.equal(29);
    expect(await refusal({ maxMsgNums: 33 })).to.equal(29);
    expect(await refusal({ exp: 'a >', expType: 'SQL92' })).to.equal(23);
    expect(await refusal({ bornTime: Date.now() - 60_000 })).to.equal(210);
    produce('a');
    const reply = await pop();
    expect((await ack(reply, 9)).remark).to.equal(`offset is illegal, key:${TOPIC}@0, commit:9, store:0~1`);
    expect((await change(reply, 1, 1000)).code).to.equal(208);
    const elsewhere = { ...ackFields(reply, 0), queueId: 7 };
    expect((await client.request(request(RequestCode.ACK_MESSAGE, elsewhere))).code).to.equal(13);
  });

  it('tells who asks whether there is something, at once or as soon as there is', async () => {
    const fields = { consumerGroup: GROUP, topic: TOPIC, queueId: -1, pollTime: 15_000, bornTime: Date.now() };
    const opaque = client.send(request(RequestCode.NOTIFICATION, fields));
    await client.request(request(RequestCode.POLLING_INFO, { consumerGroup: GROUP, topic: TOPIC, queueId: 0 }));
    produce('a');
    expect((await client.reply(opaque)).extFields).to.include({ hasMsg: 'true', pollingFull: 'false' });
    expect((await client.request(request(RequestCode.NOTIFICATION, fields))).extFields).to.include({ hasMsg: 'true' });
    await pop();
    const late = client.send(request(RequestCode.NOTIFICATION, { ...fields, bornTime: Date.now() }));
    await client.request(request(RequestCode.POLLING_INFO, { consumerGroup: GROUP, topic: TOPIC, queueId: 0 }));
    clock.advance(15_000);
    expect((await client.reply(late)).extFields).to.include({ hasMsg: 'false' });
  });

  it('is not there before 5.0', async () => {
    const old = await MockHarness.start({ version: 407 });
    try {
      expect((await (await old.connect()).request(popOf())).code).to.equal(3);
    } finally {
      await old.stop();
    }
  });

  describe('in order', () => {
    const popInOrder = (fields: Fields = {}): Promise<RemotingCommand> =>
      pop({ order: true, maxMsgNums: 2, ...fields });

    it('blocks the queue until all of a batch is acknowledged', async () => {
      produce('a', 'b', 'c');
      const first = await popInOrder();
      expect(bodiesOf(first)).to.deep.equal(['a', 'b']);
      expect(first.extFields).to.include({ reviveQid: '999', orderCountInfo: '0 0 0' });
      expect((await popInOrder()).code).to.equal(210);
      await ack(first, 1);
      expect(committed()).to.equal(0);
      expect((await popInOrder()).code).to.equal(210);
      await ack(first, 0);
      expect(committed()).to.equal(2);
      expect(bodiesOf(await popInOrder())).to.deep.equal(['c']);
    });

    it('wakes a pop that waits when the batch is done', async () => {
      produce('a', 'b', 'c');
      const first = await popInOrder();
      const opaque = client.send(popOf({ order: true, pollTime: 15_000, queueId: -1 }));
      await ack(first, 0);
      expect(harness.cluster.brokers[0]?.state.pop.polls.size).to.equal(1);
      await ack(first, 1);
      expect(bodiesOf(await client.reply(opaque))).to.deep.equal(['c']);
    });

    it('gives the batch out again after its time, from the first that is not done, and counts', async () => {
      produce('a', 'b', 'c');
      await ack(await popInOrder(), 0);
      const opaque = client.send(popOf({ order: true, maxMsgNums: 2, pollTime: INVISIBLE_MS * 2 }));
      await client.request(request(RequestCode.POLLING_INFO, { consumerGroup: GROUP, topic: TOPIC, queueId: 0 }));
      clock.advance(INVISIBLE_MS);
      const second = await client.reply(opaque);
      expect(bodiesOf(second)).to.deep.equal(['b', 'c']);
      expect(second.extFields).to.include({ orderCountInfo: '0 qo0%1 1;0 0 0' });
      clock.advance(INVISIBLE_MS);
      expect((await popInOrder()).extFields).to.include({ orderCountInfo: '0 qo0%1 2;0 qo0%2 1;0 0 1' });
      expect(stored(RETRY)).to.deep.equal([]);
    });

    it('gives it again to the same attempt, uncounted', async () => {
      produce('a', 'b');
      await popInOrder({ attemptId: 'x' });
      const again = await popInOrder({ attemptId: 'x' });
      expect(bodiesOf(again)).to.deep.equal(['a', 'b']);
      expect(again.extFields).to.include({ orderCountInfo: '0 0 0' });
    });

    it('heeds a changed time, and no acknowledgement of an earlier pop', async () => {
      harness.provokes('ackWithoutHold');
      produce('a', 'b');
      const first = await popInOrder({ maxMsgNums: 1 });
      const changed = await change(first, 0, 1000);
      expect(changed.extFields).to.include({ popTime: String(NOW), invisibleTime: '1000', reviveQid: '999' });
      clock.advance(1000);
      const second = await popInOrder({ maxMsgNums: 1 });
      expect(bodiesOf(second)).to.deep.equal(['a']);
      await ack(first, 0);
      expect(committed()).to.equal(0);
      await ack(second, 0);
      expect(committed()).to.equal(1);
    });
  });
});
