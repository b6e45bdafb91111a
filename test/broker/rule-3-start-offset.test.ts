import { expect } from 'chai';
import type { OrderedConsumerEvents } from '../../lib/index.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { PullSysFlag } from '../../lib/protocol/sys-flag.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { commitFaults, lastSeq, lockRequests } from '../support/ownership-judge.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, numbers, pulls } from '../support/wire.js';

const T = 'T';
const RETRY = '%RETRY%group';
const { QUERY_CONSUMER_OFFSET, GET_MAX_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP, UPDATE_CONSUMER_OFFSET } = RequestCode;
const { PULL_MESSAGE, LOCK_BATCH_MQ } = RequestCode;

/** How a group begins, and where that is in a queue that holds the offsets 4 to 9. */
interface Start {
  readonly from: NonNullable<OrderedConsumerOptions['consumeFromWhere']>;
  readonly asks: number | undefined;
  /** The first pull. */
  readonly at: number;
  readonly consumes: readonly number[];
}

describe('rule 3: the start offset', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** A queue of ten messages, of which the first four are gone, so that no broker calls it young. */
  async function aged(topic: string): Promise<void> {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    if (topic !== T) rig.cluster.createTopic(topic, { queues: 1 });
    rig.produce(topic, 0, 7);
    await rig.advance(60_000);
    rig.produce(topic, 0, 3);
    rig.cluster.expireMessages({ topic, brokerName: 'broker-a', queueId: 0 }, 4);
  }

  /** The time between the two lots of messages. */
  function between(): number {
    return rig.clock.wallTime() - 30_000;
  }

  function consume(options: Partial<OrderedConsumerOptions>): Promise<WatchedConsumer> {
    return rig.consume(T, 'c1', options);
  }

  function asked(code: number, topic: string): number {
    return rig.cluster.journal.requests({ code }).filter(({ ext }) => ext['topic'] === topic).length;
  }

  const normal: readonly Start[] = [
    { from: 'CONSUME_FROM_LAST_OFFSET', asks: GET_MAX_OFFSET, at: 10, consumes: [] },
    { from: 'CONSUME_FROM_FIRST_OFFSET', asks: undefined, at: 0, consumes: [4, 5, 6, 7, 8, 9] },
    { from: 'CONSUME_FROM_TIMESTAMP', asks: SEARCH_OFFSET_BY_TIMESTAMP, at: 7, consumes: [7, 8, 9] },
  ];
  const retry: readonly Start[] = [
    { from: 'CONSUME_FROM_LAST_OFFSET', asks: undefined, at: 0, consumes: [4, 5, 6, 7, 8, 9] },
    { from: 'CONSUME_FROM_FIRST_OFFSET', asks: undefined, at: 0, consumes: [4, 5, 6, 7, 8, 9] },
    { from: 'CONSUME_FROM_TIMESTAMP', asks: GET_MAX_OFFSET, at: 10, consumes: [] },
  ];

  for (const [topic, starts] of [
    [T, normal],
    [RETRY, retry],
  ] as const) {
    for (const start of starts) {
      describe(`${start.from}, topic ${topic}`, () => {
        beforeEach(() => aged(topic));

        it(`without a stored offset begins at ${start.at}, which is looked up once and written down before a pull`, async () => {
          const c = await consume({ consumeFromWhere: start.from, consumeTimestamp: between() });
          await rig.advanceUntil('it pulls', () => pulls(rig.cluster, topic).length > 0);
          await rig.advance(3_000);
          const [first] = pulls(rig.cluster, topic);
          expect(first?.ext['queueOffset']).to.equal(String(start.at));
          const [written] = commits(rig.cluster, topic);
          expect(written?.ext['commitOffset']).to.equal(String(start.at));
          expect(written?.seq).to.be.lessThan(first?.seq ?? 0);
          expect(asked(QUERY_CONSUMER_OFFSET, topic)).to.equal(1);
          for (const code of [GET_MAX_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP]) {
            expect(asked(code, topic)).to.equal(code === start.asks ? 1 : 0);
          }
          expect(c.offsets(0)).to.deep.equal(start.consumes);
        });

        it('with a stored offset begins there', async () => {
          rig.cluster.setOffset('group', { topic, brokerName: 'broker-a', queueId: 0 }, 6);
          const c = await consume({ consumeFromWhere: start.from, consumeTimestamp: between() });
          await rig.advanceUntil('all is consumed', () => c.deliveries.length === 4);
          expect(c.offsets(0)).to.deep.equal([6, 7, 8, 9]);
          expect(pulls(rig.cluster, topic)[0]?.ext['queueOffset']).to.equal('6');
          for (const code of [GET_MAX_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP]) expect(asked(code, topic)).to.equal(0);
          const beforePull = commits(rig.cluster, topic).filter(({ seq }) => seq < (pulls(rig.cluster, topic)[0]?.seq ?? 0)); // prettier-ignore
          expect(beforePull, 'what is stored needs no writing down').to.deep.equal([]);
        });

        for (const [failure, action] of [
          ['an error', { type: 'answer', code: ResponseCode.SYSTEM_ERROR, remark: 'no idea' }],
          ['no answer', { type: 'drop' }],
          ['a lost connection', { type: 'close', when: 'before' }],
        ] as const) {
          it(`is not begun on ${failure}, but asked for again`, async () => {
            rig.cluster.setOffset('group', { topic, brokerName: 'broker-a', queueId: 0 }, 6);
            const failing = rig.cluster.faults.add({ code: QUERY_CONSUMER_OFFSET, topic, times: 3, action });
            const c = await consume({ consumeFromWhere: start.from, consumeTimestamp: between() });
            await rig.advanceUntil('it has failed three times', () => failing.hits === 3, 60_000);
            expect(pulls(rig.cluster, topic)).to.deep.equal([]);
            expect(commits(rig.cluster, topic)).to.deep.equal([]);
            await rig.advanceUntil('all is consumed', () => c.deliveries.length === 4, 15_000);
            expect(c.offsets(0)).to.deep.equal([6, 7, 8, 9]);
            expect(c.errors.map(({ code }) => code)).to.include('ERR_ROCKETMQ_START_OFFSET');
          });
        }

        if (start.asks !== undefined) {
          it('is not begun when the position can not be looked up', async () => {
            const failing = rig.cluster.faults.add({ code: start.asks as number, topic, times: 2, action: { type: 'answer', code: 1 } }); // prettier-ignore
            await consume({ consumeFromWhere: start.from, consumeTimestamp: between() });
            await rig.advanceUntil('it has failed twice', () => failing.hits === 2, 20_000);
            expect(pulls(rig.cluster, topic)).to.deep.equal([]);
            await rig.advanceUntil('it pulls', () => pulls(rig.cluster, topic).length > 0, 3_000);
            expect(pulls(rig.cluster, topic)[0]?.ext['queueOffset']).to.equal(String(start.at));
          });
        }
      });
    }
  }

  describe('CONSUME_FROM_LAST_OFFSET', () => {
    const last = { consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' } as const;

    it('delivers what arrives between the look-up and the first pull', async () => {
      await aged(T);
      rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, topic: T, times: 1, action: { type: 'delay', ms: 900 } });
      const c = await consume(last);
      await rig.advanceUntil('the start is being written down', () => commits(rig.cluster, T).length === 1);
      rig.produce(T, 0, 3);
      await rig.advanceUntil('they are consumed', () => c.deliveries.length === 3, 2_000);
      expect(c.offsets(0)).to.deep.equal([10, 11, 12]);
    });

    it('keeps to its choice when writing it down fails, whatever arrives meanwhile', async () => {
      await aged(T);
      const failing = rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, topic: T, times: 3, action: { type: 'answer', code: 1 } }); // prettier-ignore
      const c = await consume(last);
      for (const round of [1, 2, 3]) {
        await rig.advanceUntil('writing it down failed', () => failing.hits === round, 3_000);
        rig.produce(T, 0, 2);
      }
      expect(c.deliveries).to.deep.equal([]);
      await rig.advanceUntil('all is consumed', () => c.deliveries.length === 6, 3_000);
      expect(c.offsets(0)).to.deep.equal([10, 11, 12, 13, 14, 15]);
      expect(asked(GET_MAX_OFFSET, T)).to.equal(1);
    });

    it('keeps to its choice when the lock is lost and regained before it was written down', async () => {
      await aged(T);
      const failing = rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, topic: T, action: { type: 'answer', code: 1 } }); // prettier-ignore
      const c = await consume(last);
      await rig.advanceUntil('writing it down failed', () => failing.hits === 1);
      const queue = { topic: T, brokerName: 'broker-a', queueId: 0 };
      rig.cluster.broker('broker-a').stealLock('group', queue, 'somebody');
      rig.produce(T, 0, 2);
      await rig.advance(3_000);
      failing.remove();
      rig.cluster.broker('broker-a').clearLocks();
      await rig.advanceUntil('all is consumed', () => c.deliveries.length === 2, 3_000);
      expect(c.offsets(0)).to.deep.equal([10, 11]);
    });

    it('holds for the successor of one that committed nothing', async () => {
      await aged(T);
      const c1 = await consume(last);
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length > 0);
      expect(rig.committed(T, 0)).to.equal(10);
      c1.answer = () => new Promise(() => undefined);
      rig.produce(T, 0, 2);
      await rig.until('it is with the listener', () => c1.deliveries.length === 1);
      let closed = false;
      void c1.consumer.close().then(() => (closed = true));
      await rig.advanceUntil('it is closed', () => closed, 40_000);
      rig.produce(T, 0, 1);
      const c2 = await rig.consume(T, 'c2', last);
      await rig.advanceUntil('the successor consumes', () => c2.deliveries.length === 3);
      expect(c2.offsets(0)).to.deep.equal([10, 11, 12]);
    });

    it('begins a young topic at its first message, as brokers have it, and with strictConsumeFromWhere at the end', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 5);
      const loose = await rig.consume(T, 'c1', { ...last, consumerGroup: 'loose' });
      const strict = await rig.consume(T, 'c2', { ...last, consumerGroup: 'strict', strictConsumeFromWhere: true });
      await rig.advanceUntil('both pull', () => loose.owned(T).length === 1 && strict.owned(T).length === 1);
      rig.produce(T, 0, 1);
      await rig.advanceUntil('both consume', () => loose.deliveries.length === 6 && strict.deliveries.length === 1);
      expect(loose.offsets(0)).to.deep.equal(numbers(6));
      expect(strict.offsets(0)).to.deep.equal([5]);
      expect(rig.committed(T, 0, 'strict')).to.equal(5);
      const [asksStrict] = rig.cluster.journal.requests({ code: QUERY_CONSUMER_OFFSET, clientId: '10.0.0.1@c2' }).filter(({ ext }) => ext['topic'] === T); // prettier-ignore
      expect(asksStrict?.ext['setZeroIfNotFound']).to.equal('false');
    });
  });

  describe('a pull', () => {
    it('goes out only for a locked queue whose start offset is known, in that order', async () => {
      await aged(T);
      await consume({ consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' });
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length > 0);
      const order = rig.cluster.journal
        .requests({ broker: 'broker-a' })
        .filter(
          ({ seq, code, ext }) =>
            ext['topic'] === T ||
            (code === LOCK_BATCH_MQ &&
              lockRequests(rig.cluster).some((one) => one.seq === seq && one.queues.some(({ topic }) => topic === T))),
        ) // prettier-ignore
        .map(({ code }) => code);
      expect(order).to.deep.equal([LOCK_BATCH_MQ, QUERY_CONSUMER_OFFSET, GET_MAX_OFFSET, UPDATE_CONSUMER_OFFSET, PULL_MESSAGE]); // prettier-ignore
    });

    it('commits along with it only what is above 0, and only at the master', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await consume({});
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length > 0);
      const flagged = (): boolean[] => pulls(rig.cluster, T).map(({ ext }) => (Number(ext['sysFlag']) & PullSysFlag.COMMIT_OFFSET) !== 0); // prettier-ignore
      expect(flagged()).to.deep.equal([false]);
      rig.produce(T, 0, 2);
      await rig.until('they are consumed', () => c.deliveries.length === 2);
      await rig.advance(21_000);
      expect(flagged().at(-1)).to.equal(true);
      const before = lastSeq(rig.cluster);
      rig.cluster.broker('broker-a').setBrokerId(1);
      await rig.advanceUntil('the route is known', () => c.eventsNamed('noMaster').length > 0, 60_000);
      const toSlave = pulls(rig.cluster, T).filter(({ seq }) => seq > before).at(-1); // prettier-ignore
      expect(Number(toSlave?.ext['sysFlag']) & PullSysFlag.COMMIT_OFFSET).to.equal(0);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  });

  it('tells where each queue begins', async () => {
    await aged(T);
    const c = await consume({ consumeFromWhere: 'CONSUME_FROM_TIMESTAMP', consumeTimestamp: between() });
    await rig.advanceUntil('it owns the queue', () => c.owned(T).length === 1);
    const told = c.eventsNamed('queueOwned') as OrderedConsumerEvents['queueOwned'][0][];
    expect(told.find(({ messageQueue }) => messageQueue.topic === T)?.offset).to.equal(7);
  });
});
