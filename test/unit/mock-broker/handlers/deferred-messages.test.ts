import { expect } from 'chai';
import { consumerSendMsgBack } from '../../../../lib/protocol/requests/consumer-send-msg-back.js';
import { endTransaction, type EndTransactionRequest } from '../../../../lib/protocol/requests/end-transaction.js';
import { pullMessage } from '../../../../lib/protocol/requests/pull-message.js';
import { sendMessageV2 } from '../../../../lib/protocol/requests/send-message-v2.js';
import { MockClock } from '../../../../mock-broker/index.js';
import { DELAY_LEVELS_MS } from '../../../../mock-broker/store/put-message.js';
import { GROUP, holdOf, messageOf, MockHarness, send, TOPIC } from '../../../support/mock-harness.js';
import type { RawClient } from '../../../support/raw-client.js';

const RETRY = `%RETRY%${GROUP}`;
const DLQ = `%DLQ%${GROUP}`;
const NOW = 1_800_000_000_000;

describe('messages that are not to be seen yet', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual(NOW);
    harness = await MockHarness.start({ clock });
    client = await harness.connect();
  });

  afterEach(() => harness.stop());

  const stored = (topic: string): string[] => harness.cluster.messages(topic).map((message) => message.body.toString());
  const delayed = (level: number, text: string): Promise<unknown> =>
    send(client, { body: Buffer.from(text), queueId: 2, properties: { DELAY: String(level), TAGS: 'A' } });

  it('appear when their delay level is over, in their own queue', async () => {
    const reply = await send(client, { queueId: 2, properties: { DELAY: '3', UNIQ_KEY: 'U' } });
    expect(reply).to.deep.include({ queueId: 2, queueOffset: 0, transactionId: 'U' });
    clock.advance(9999);
    expect(stored(TOPIC)).to.deep.equal([]);
    clock.advance(1);
    const [message] = harness.cluster.messages(TOPIC);
    expect(message).to.include({ queueId: 2, queueOffset: 0, topic: TOPIC, storeTimestamp: NOW + 10_000 });
    expect(message?.properties).to.include({ DELAY: '3', REAL_TOPIC: TOPIC, REAL_QID: '2' });
  });

  it('have the 18 levels of the reference', () => {
    expect(DELAY_LEVELS_MS.map((ms) => ms / 1000)).to.deep.equal([
      1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200,
    ]);
  });

  it('wait no longer than the greatest level', async () => {
    await delayed(99, 'x');
    clock.advance(2 * 3600 * 1000 - 1);
    expect(stored(TOPIC)).to.deep.equal([]);
    clock.advance(1);
    expect(stored(TOPIC)).to.deep.equal(['x']);
  });

  it('appear in the order they are due, those of a level in the order they were sent', async () => {
    await delayed(2, '5s');
    await delayed(1, '1s a');
    await delayed(1, '1s b');
    await delayed(0, 'now');
    await delayed(-1, 'now too');
    clock.advance(5000);
    expect(stored(TOPIC)).to.deep.equal(['now', 'now too', '1s a', '1s b', '5s']);
  });

  it('wake held pulls by their tags', async () => {
    const opaque = client.send(pullMessage.encode(holdOf({ queueId: 2, subscription: 'A' })));
    await delayed(1, 'x');
    expect(harness.cluster.brokers[0]?.heldPulls).to.equal(1);
    clock.advance(1000);
    expect((await client.reply(opaque)).code).to.equal(0);
  });

  it('survive a restart, and are delivered late but in order when they were due meanwhile', async () => {
    await delayed(2, '5s');
    await delayed(1, '1s');
    const [broker] = harness.cluster.brokers;
    await broker?.stop();
    clock.advance(60_000);
    expect(stored(TOPIC)).to.deep.equal([]);
    await broker?.start();
    clock.advance(0);
    expect(stored(TOPIC)).to.deep.equal(['1s', '5s']);
  });

  it('may name a point in time, or a time to wait', async () => {
    const timed = (properties: Record<string, string>, text: string): Promise<unknown> =>
      send(client, { body: Buffer.from(text), properties });
    await timed({ TIMER_DELAY_SEC: '3' }, 'sec');
    await timed({ TIMER_DELAY_MS: '1500' }, 'ms');
    await timed({ TIMER_DELIVER_MS: String(NOW + 2000) }, 'at');
    await timed({ TIMER_DELIVER_MS: String(NOW - 1) }, 'past');
    await timed({ TIMER_DELIVER_MS: String(NOW + 9000), DELAY: '1' }, 'level');
    expect(stored(TOPIC)).to.deep.equal(['past']);
    clock.advance(1499);
    expect(stored(TOPIC)).to.deep.equal(['past', 'level']);
    clock.advance(1501);
    expect(stored(TOPIC)).to.deep.equal(['past', 'level', 'ms', 'at', 'sec']);
  });

  it('get a handle to be called back by when they name a point in time', async () => {
    const { recallHandle } = await send(client, { properties: { TIMER_DELAY_SEC: '3', UNIQ_KEY: 'U' } });
    expect(Buffer.from(recallHandle ?? '', 'base64url').toString()).to.equal(`v1 ${TOPIC} broker-a ${NOW + 2001} U`);
    expect((await send(client, { topic: RETRY, properties: { TIMER_DELAY_SEC: '3' } })).recallHandle).to.equal(
      undefined,
    );
  });

  it('are refused when their time can not be read or is too far', async () => {
    for (const properties of [{ TIMER_DELAY_SEC: 'x' }, { TIMER_DELIVER_MS: String(NOW + 4 * 24 * 3600 * 1000) }]) {
      const reply = await client.ask(sendMessageV2, messageOf({ properties }));
      expect(reply.code).to.equal(13);
      expect(reply.remark).to.include('timer message illegal');
    }
  });

  describe('CONSUMER_SEND_MSG_BACK', () => {
    const back = async (offset: number, delayLevel: number, maxReconsumeTimes?: number): Promise<void> => {
      await client.call(consumerSendMsgBack, { offset, group: GROUP, delayLevel, maxReconsumeTimes });
    };
    const offsetOf = (topic: string, index = 0): number =>
      harness.cluster.messages(topic)[index]?.commitLogOffset ?? -1;

    it('sends a message through the retry topic, later each time', async () => {
      const { offsetMsgId } = await send(client, { body: Buffer.from('x'), properties: { TAGS: 'A' } });
      await back(offsetOf(TOPIC), 0);
      clock.advance(9999);
      expect(stored(RETRY)).to.deep.equal([]);
      clock.advance(1);
      const [first] = harness.cluster.messages(RETRY);
      expect(first).to.include({ reconsumeTimes: 1, tags: 'A' });
      expect(first?.properties).to.include({ RETRY_TOPIC: TOPIC, ORIGIN_MESSAGE_ID: offsetMsgId, DELAY: '3' });
      await back(offsetOf(RETRY), 0);
      clock.advance(30_000);
      const second = harness.cluster.messages(RETRY)[1];
      expect(second?.reconsumeTimes).to.equal(2);
      expect(second?.properties).to.include({ RETRY_TOPIC: TOPIC, ORIGIN_MESSAGE_ID: offsetMsgId, DELAY: '4' });
    });

    it('sends it to the dead letters when asked to, or after too many attempts', async () => {
      await send(client, { body: Buffer.from('x') });
      await back(offsetOf(TOPIC), -1);
      expect(stored(DLQ)).to.deep.equal(['x']);
      await back(offsetOf(TOPIC), 0, 0);
      expect(stored(DLQ)).to.deep.equal(['x', 'x']);
    });

    it('refuses what is not there', async () => {
      const reply = await client.ask(consumerSendMsgBack, { offset: 123, group: GROUP, delayLevel: 0 });
      expect(reply).to.include({ code: 1, remark: 'look message by offset failed, 123' });
      expect((await client.ask(consumerSendMsgBack, { offset: 123, group: 'a b', delayLevel: 0 })).code).to.equal(26);
    });

    it('drops it for a group without retry queues', async () => {
      harness.cluster.updateGroup(GROUP, { retryQueueNums: 0 });
      await back(123, 0);
      expect(stored(RETRY)).to.deep.equal([]);
    });
  });

  describe('halves of transactions', () => {
    async function half(): Promise<EndTransactionRequest> {
      const reply = await send(client, {
        body: Buffer.from('x'),
        queueId: 3,
        sysFlag: 4,
        properties: { TRAN_MSG: 'true', PGROUP: 'producers', UNIQ_KEY: 'U' },
      });
      return {
        producerGroup: 'producers',
        tranStateTableOffset: reply.queueOffset,
        commitLogOffset: Number.parseInt(reply.offsetMsgId.slice(16), 16),
        state: 'COMMIT',
        msgId: 'U',
      };
    }

    it('appear when they are committed', async () => {
      const request = await half();
      expect(stored(TOPIC)).to.deep.equal([]);
      await client.ask(endTransaction, { ...request, state: 'COMMIT' });
      const [message] = harness.cluster.messages(TOPIC);
      expect(message).to.include({ queueId: 3, sysFlag: 8, preparedTransactionOffset: request.commitLogOffset });
      expect(message?.properties).to.include({ PGROUP: 'producers', TRAN_MSG: 'true', __transactionId__: 'U' });
      expect(message?.properties).to.not.have.any.keys('REAL_TOPIC', 'REAL_QID');
      expect((await client.ask(endTransaction, request)).remark).to.equal('Find prepared transaction message failed');
    });

    it('never appear when they are rolled back, and stay when it is not known', async () => {
      const request = await half();
      client.send(endTransaction.encode({ ...request, state: 'UNKNOWN' }), { oneway: true });
      expect((await client.ask(endTransaction, { ...request, state: 'ROLLBACK' })).code).to.equal(0);
      expect((await client.ask(endTransaction, request)).code).to.equal(1);
      expect(stored(TOPIC)).to.deep.equal([]);
    });

    it('belong to their producer group and place', async () => {
      const request = await half();
      expect((await client.ask(endTransaction, { ...request, producerGroup: 'p2' })).remark).to.equal(
        'The producer group wrong',
      );
      expect((await client.ask(endTransaction, { ...request, tranStateTableOffset: 9 })).remark).to.equal(
        'The transaction state table offset wrong',
      );
    });
  });
});
