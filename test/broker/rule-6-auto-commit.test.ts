import { expect } from 'chai';
import type { ListenerAnswer } from '../../lib/index.js';
import { PullSysFlag } from '../../lib/protocol/sys-flag.js';
import { Rig, type Answer } from '../support/rig.js';
import { commits, numbers, pulls } from '../support/wire.js';

const T = 'T';
const SUSPEND = 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

describe('rule 6: auto commit', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  describe('a success', () => {
    it('commits the offset behind the message: in memory at once, at the broker within five seconds', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      const c = rig.consumer();
      const committed: (number | undefined)[] = [];
      c.answer = () => {
        committed.push(c.consumer.assignment.find(({ messageQueue }) => messageQueue.topic === T)?.committedOffset);
        return 'SUCCESS';
      };
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 3);
      expect(committed).to.deep.equal([0, 1, 2]);
      const took = await rig.advanceUntil('it is at the broker', () => rig.committed(T, 0) === 3);
      expect(took).to.be.at.most(5_000);
    });

    it('travels with a pull too, when nothing is held that could be committed before its answer', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await rig.consume(T, 'c1', { persistConsumerOffsetInterval: 3_600_000 });
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length === 1);
      rig.produce(T, 0, 3);
      await rig.until('all are consumed', () => c.deliveries.length === 3);
      await rig.until('the next pull is made', () => pulls(rig.cluster, T).length === 2);
      const carried = (): string[] =>
        pulls(rig.cluster, T)
          .filter((pull) => (Number(pull.ext['sysFlag']) & PullSysFlag.COMMIT_OFFSET) !== 0)
          .map((pull) => pull.ext['commitOffset'] ?? '');
      await rig.advanceUntil('the broker has held that long enough', () => carried().length > 0);
      expect(carried()[0]).to.equal('3');
      expect(rig.committed(T, 0)).to.equal(3);
      const own = commits(rig.cluster, T).map((commit) => commit.ext['commitOffset']);
      expect(own, 'but for the start offset no time has passed for a commit of its own').to.deep.equal(['0']);
    });

    it('is a listener that returns nothing, at once or later', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      rig.produce(T, 0, 5);
      rig.produce(T, 1, 5);
      const c = rig.consumer();
      c.answer = ({ queueId }) => (queueId === 0 ? undefined : Promise.resolve());
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
      await rig.advance(5_000);
      expect([rig.committed(T, 0), rig.committed(T, 1)]).to.deep.equal([5, 5]);
      expect(c.errors).to.deep.equal([]);
    });
  });

  describe('a failure', () => {
    const failures: [name: string, answer: Answer, code: string | undefined][] = [
      ['a throw', () => { throw new Error('no'); }, 'ERR_ROCKETMQ_LISTENER'], // prettier-ignore
      ['a throw of nothing', () => { throw undefined; }, 'ERR_ROCKETMQ_LISTENER'], // prettier-ignore
      ['a rejection', () => Promise.reject(new Error('no')), 'ERR_ROCKETMQ_LISTENER'],
      ['null', () => null as unknown as undefined, 'ERR_ROCKETMQ_LISTENER'],
      ['a promise of null', () => Promise.resolve(null as unknown as undefined), 'ERR_ROCKETMQ_LISTENER'],
      ['an unknown word', () => 'RECONSUME_LATER' as ListenerAnswer, 'ERR_ROCKETMQ_LISTENER'],
      ['a number', () => 0 as unknown as ListenerAnswer, 'ERR_ROCKETMQ_LISTENER'],
      ['true', () => true as unknown as ListenerAnswer, 'ERR_ROCKETMQ_LISTENER'],
      ['an object', () => ({ status: 'SUCCESS' }) as unknown as ListenerAnswer, 'ERR_ROCKETMQ_LISTENER'],
      ['a suspension', () => SUSPEND, undefined],
    ];
    for (const [name, answer, code] of failures) {
      it(`${name} brings the message again after a second, and nothing of its queue before`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 1 } } });
        rig.produce(T, 0, 3);
        const c = rig.consumer();
        c.answer = (delivery, context, message) =>
          delivery.offset === 1 && delivery.reconsumeTimes === 0 ? answer(delivery, context, message) : 'SUCCESS';
        c.consumer.subscribe(T);
        await c.start();
        await rig.advanceUntil('all are consumed', () => c.offsets(0).includes(2));
        expect(c.deliveries.map(({ offset, reconsumeTimes }) => [offset, reconsumeTimes])).to.deep.equal([
          [0, 0],
          [1, 0],
          [1, 1],
          [2, 0],
        ]);
        expect((c.deliveries[2]?.at ?? 0) - (c.deliveries[1]?.at ?? 0)).to.equal(1_000);
        expect(c.errors.map((error) => error.code)).to.deep.equal(code === undefined ? [] : [code]);
        await rig.advance(5_000);
        expect(rig.committed(T, 0)).to.equal(3);
      });
    }

    it('commits nothing, however often it happens, and counts', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 2);
      const c = rig.consumer();
      c.answer = () => SUSPEND;
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('it was tried', () => c.deliveries.length === 31);
      expect(c.deliveries.map((delivery) => delivery.reconsumeTimes)).to.deep.equal(numbers(31));
      expect(new Set(c.offsets(0))).to.deep.equal(new Set([0]));
      expect(rig.committed(T, 0) ?? 0).to.equal(0);
    });

    it('of a batch brings the whole batch again', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 6);
      const c = rig.consumer('c1', { consumeMessageBatchMaxSize: 3 });
      const batches: number[][] = [];
      c.consumer.subscribe(T);
      await c.consumer.start((messages) => {
        batches.push(messages.map((message) => message.queueOffset));
        if (batches.length === 2) throw new Error('no');
      });
      await rig.advanceUntil('all are consumed', () => batches.length === 3);
      expect(batches).to.deep.equal([[0, 1, 2], [3, 4, 5], [3, 4, 5]]); // prettier-ignore
    });

    it('of one queue leaves the others alone', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      for (let queueId = 0; queueId < 4; queueId++) rig.produce(T, queueId, 20);
      const c = rig.consumer();
      c.answer = ({ queueId }) => (queueId === 2 ? SUSPEND : 'SUCCESS');
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil(
        'the others are consumed',
        () => c.deliveries.filter((d) => d.queueId !== 2).length === 60,
      );
      expect(new Set(c.offsets(2))).to.deep.equal(new Set([0]));
      for (const queueId of [0, 1, 3]) expect(c.offsets(queueId)).to.deep.equal(numbers(20));
    });
  });

  describe('the suspend time', () => {
    const cases: [wished: number, option: number | undefined, expected: number][] = [
      [1, undefined, 10],
      [10, undefined, 10],
      [5_000, undefined, 5_000],
      [60_000, undefined, 30_000],
      [-1, undefined, 1_000],
      [-1, 3_333, 3_333],
      [-1, 90_000, 30_000],
      [-1, 1, 10],
    ];
    for (const [wished, option, expected] of cases) {
      it(`of ${wished} with an option of ${option ?? 'nothing'} is ${expected} ms`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 1 } } });
        rig.produce(T, 0, 1);
        const c = rig.consumer('c1', option === undefined ? {} : { suspendCurrentQueueTimeMillis: option });
        c.answer = async ({ reconsumeTimes }, context) => {
          await Promise.resolve();
          context.suspendCurrentQueueTimeMillis = wished;
          return reconsumeTimes === 0 ? SUSPEND : 'SUCCESS';
        };
        c.consumer.subscribe(T);
        await c.start();
        await rig.advanceUntil('it came again', () => c.deliveries.length === 2);
        expect((c.deliveries[1]?.at ?? 0) - (c.deliveries[0]?.at ?? 0)).to.equal(expected);
      });
    }
  });

  it('takes COMMIT and ROLLBACK as SUCCESS, and warns', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 3);
    const c = rig.consumer();
    c.answer = ({ offset }) => (['COMMIT', 'ROLLBACK', 'SUCCESS'] as const)[offset];
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 3);
    expect(c.offsets(0)).to.deep.equal([0, 1, 2]);
    expect(c.warnings).to.include('STATUS_IN_AUTO_COMMIT');
    await rig.advance(5_000);
    expect(rig.committed(T, 0)).to.equal(3);
  });

  it('is not led astray by a listener that takes its array apart', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 9);
    const c = rig.consumer('c1', { consumeMessageBatchMaxSize: 3 });
    const seen: number[] = [];
    c.consumer.subscribe(T);
    await c.consumer.start((messages, context) => {
      seen.push(...messages.map((message) => message.queueOffset));
      const array = messages as unknown[];
      array.reverse();
      array.splice(1);
      array.push({});
      context.suspendCurrentQueueTimeMillis = Number.NaN;
      if (seen.length === 3) throw new Error('no');
    });
    await rig.advanceUntil('all are consumed', () => seen.length === 12);
    expect(seen).to.deep.equal([0, 1, 2, ...numbers(9)]);
    await rig.advance(5_000);
    expect(rig.committed(T, 0)).to.equal(9);
  });
});
