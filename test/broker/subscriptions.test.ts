import { expect } from 'chai';
import { BrokerError, ValidationError } from '../../lib/errors.js';
import type { MessageSelector } from '../../lib/index.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { heartBeat } from '../../lib/protocol/requests/heart-beat.js';
import type { SubscriptionData } from '../../lib/protocol/subscription.js';
import { rejection } from '../support/rejection.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { pulls } from '../support/wire.js';

const T = 'T';

describe('subscriptions', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  function produce(tags: readonly (string | undefined)[], queueId = 0): void {
    for (const [i, tag] of tags.entries()) {
      rig.cluster.produce(T, { queueId, body: `${tag}${i}`, ...(tag !== undefined && { tags: tag }) });
    }
  }

  async function consume(
    selector: string | MessageSelector,
    name = 'c1',
    consumerGroup = 'group',
  ): Promise<WatchedConsumer> {
    const c = rig.consumer(name, { consumerGroup });
    c.consumer.subscribe(T, selector);
    await c.start();
    return c;
  }

  const texts = (c: WatchedConsumer): string[] => c.deliveries.map((delivery) => delivery.text);

  /** The subscription to T that the last heartbeat of a group told. */
  function told(group = 'group'): SubscriptionData | undefined {
    const beats = rig.cluster.journal.requests({ code: RequestCode.HEART_BEAT });
    const consumers = beats.flatMap((entry) => heartBeat.decode({ ...entry, extFields: entry.ext } as never).consumers);
    return consumers.findLast(({ groupName }) => groupName === group)?.subscriptions.find(({ topic }) => topic === T);
  }

  describe('by tags', () => {
    const tags = ['A', 'B', 'A', 'C', undefined, 'B', 'A'];
    const cases: [expression: string, expected: string[]][] = [
      ['*', ['A0', 'B1', 'A2', 'C3', 'undefined4', 'B5', 'A6']],
      ['', ['A0', 'B1', 'A2', 'C3', 'undefined4', 'B5', 'A6']],
      ['A', ['A0', 'A2', 'A6']],
      ['A || B', ['A0', 'B1', 'A2', 'B5', 'A6']],
      ['A||B||C', ['A0', 'B1', 'A2', 'C3', 'B5', 'A6']],
      [' C ', ['C3']],
      ['|| B ||', ['B1', 'B5']],
    ];
    for (const [expression, expected] of cases) {
      it(`'${expression}' brings exactly what it names, in order`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 1 } } });
        produce(tags);
        const c = await consume(expression);
        await rig.advanceUntil('it is consumed', () => c.deliveries.length === expected.length);
        await rig.advance(1_000);
        expect(texts(c)).to.deep.equal(expected);
      });
    }

    it('two groups get each their own', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      produce(['A', 'B', 'A', 'B']);
      const a = await consume('A', 'c1', 'group-a');
      const b = await consume('B', 'c2', 'group-b');
      await rig.advanceUntil('both are done', () => a.deliveries.length + b.deliveries.length === 4);
      expect(texts(a)).to.deep.equal(['A0', 'A2']);
      expect(texts(b)).to.deep.equal(['B1', 'B3']);
    });

    it('offsets move on past what is not wanted, at the end of a queue, too', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      produce(['A', 'B', 'B', 'B']);
      const c = await consume('A');
      await rig.advanceUntil('it is consumed', () => c.deliveries.length === 1);
      await rig.advanceUntil('the offset has moved on', () => rig.committed(T, 0) === 4, 30_000);
    });

    it('tags of the same hash come from the broker, and are left out here', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      produce(['Aa', 'BB', 'Aa', 'BB']);
      const c = await consume('Aa');
      await rig.advanceUntil('they are consumed', () => c.deliveries.length === 2);
      expect(texts(c)).to.deep.equal(['Aa0', 'Aa2']);
      const answered = rig.cluster.journal.entries.filter((entry) => entry.request === RequestCode.PULL_MESSAGE);
      expect(
        answered.some((entry) => entry.body.includes('BB1')),
        'the broker let it through',
      ).to.equal(true);
      await rig.advanceUntil('the offset has moved on', () => rig.committed(T, 0) === 4, 30_000);
    });

    it('a pull can bring its expression along', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      produce(['A', 'B', 'A']);
      const c = rig.consumer('c1', { postSubscriptionWhenPull: true });
      c.consumer.subscribe(T, 'A');
      await c.start();
      await rig.advanceUntil('they are consumed', () => c.deliveries.length === 2);
      expect(texts(c)).to.deep.equal(['A0', 'A2']);
      for (const pull of pulls(rig.cluster, T)) expect(pull.ext['subscription']).to.equal('A');
    });
  });

  describe('by conditions', () => {
    const sql = (expression: string): MessageSelector => ({ type: 'SQL92', expression });

    function produceAmounts(amounts: readonly number[]): void {
      for (const amount of amounts) {
        const properties = { amount: String(amount), region: amount % 2 === 0 ? 'north' : 'south' };
        rig.cluster.produce(T, { queueId: 0, body: String(amount), properties });
      }
    }

    it("are the broker's to judge, which is asked at the start", async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      produceAmounts([5, 12, 20, 31, 8]);
      const c = await consume(sql("amount > 10 AND region = 'north'"));
      await rig.advanceUntil('they are consumed', () => c.deliveries.length === 2);
      expect(texts(c)).to.deep.equal(['12', '20']);
      expect(rig.cluster.journal.requests({ code: RequestCode.CHECK_CLIENT_CONFIG }).length).to.equal(1);
      expect(told()).to.include({ expressionType: 'SQL92', subString: "amount > 10 AND region = 'north'" });
      for (const pull of pulls(rig.cluster, T)) expect(pull.ext['expressionType']).to.equal('SQL92');
      await rig.advanceUntil('the offset has moved on', () => rig.committed(T, 0) === 5, 30_000);
    });

    it('that the broker can not parse fail the start, and leave nothing running', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = rig.consumer();
      c.consumer.subscribe(T, sql('amount >>> 10'));
      const error = await rejection(c.start(), BrokerError);
      expect(error.responseCode).to.equal(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
      await rig.until('its connections are closed', () => rig.cluster.broker('broker-a').connections.length === 0);
      expect(rig.clock.timerCount).to.equal(0);
      expect(rig.cluster.members('group')).to.deep.equal([]);
    });

    it('that the broker does not serve fail the start with its words', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } }, enablePropertyFilter: false });
      const c = rig.consumer();
      c.consumer.subscribe(T, sql('amount > 10'));
      const error = await rejection(c.start(), BrokerError);
      expect(error.responseCode).to.equal(ResponseCode.SYSTEM_ERROR);
      expect(error.message).to.include('SQL92');
    });
  });

  describe('that make no sense', () => {
    const wrong: [name: string, selector: unknown][] = [
      ['no tag at all', ' || '],
      ['only bars', '||'],
      ['blank conditions', { type: 'SQL92', expression: ' ' }],
      ['an open quote', { type: 'SQL92', expression: "region = 'north" }],
      ['an open parenthesis', { type: 'SQL92', expression: '(amount > 10' }],
      ['a closing parenthesis too many', { type: 'SQL92', expression: 'amount > 10)' }],
      ['an unknown type', { type: 'REGEX', expression: 'a*' }],
      ['no expression', { type: 'TAG' }],
      ['a number', 7],
      ['null', null],
    ];
    for (const [name, selector] of wrong) {
      it(`${name}: are refused where they are written, and nothing is sent`, async () => {
        rig = await Rig.start({ topics: { T: { queues: 1 } } });
        const c = rig.consumer();
        expect(() => c.consumer.subscribe(T, selector as string)).to.throw(ValidationError);
        expect(rig.cluster.journal.entries.length).to.equal(0);
      });
    }
  });

  describe('changed while it runs', () => {
    it('take effect at brokers first: a heartbeat with a greater version, then other messages', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await consume('A');
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length === 1);
      const before = told();
      c.consumer.subscribe(T, 'B');
      await rig.until('the broker knows', () => told()?.subString === 'B');
      expect(told()?.subVersion).to.be.above(before?.subVersion ?? 0);
      produce(['A', 'B', 'A', 'B']);
      await rig.advanceUntil('it is consumed', () => c.deliveries.length === 2, 30_000);
      expect(texts(c)).to.deep.equal(['B1', 'B3']);
      expect(c.errors).to.deep.equal([]);
    });

    it('take in another topic', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 }, U: { queues: 2 } } });
      const c = await consume('*');
      await rig.advanceUntil('it consumes one', () => c.owned(T).length === 1);
      c.consumer.subscribe('U');
      await rig.advanceUntil('it consumes the other', () => c.owned('U').length === 2, 5_000);
      rig.produce('U', 1, 3);
      await rig.until('its messages come', () => c.deliveries.length === 3);
    });

    it('let go of a topic: its queues are given up, and nothing of it comes any more', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 }, U: { queues: 1 } } });
      const c = rig.consumer();
      c.consumer.subscribe(T);
      c.consumer.subscribe('U');
      await c.start();
      await rig.advanceUntil('it consumes both', () => c.owned(T).length + c.owned('U').length === 2);
      rig.produce(T, 0, 2);
      await rig.until('they are consumed', () => c.deliveries.length === 2);
      c.consumer.unsubscribe(T);
      await rig.advanceUntil(
        'it has let go',
        () => !c.consumer.assignment.some((q) => q.messageQueue.topic === T),
        5_000,
      );
      expect(rig.committed(T, 0)).to.equal(2);
      expect(rig.cluster.locks('group').some(({ queue }) => queue.topic === T)).to.equal(false);
      rig.produce(T, 0, 2);
      rig.produce('U', 0, 1);
      await rig.advance(2_000);
      expect(c.deliveries.length).to.equal(3);
    });

    it("with a version newer than the broker's are told again, and recover within two seconds", async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await consume('*');
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length === 1);
      // The heartbeat that tells of the change is lost.
      rig.cluster.faults.add({ code: RequestCode.HEART_BEAT, times: 1, action: { type: 'answer', code: 1 } });
      c.consumer.subscribe(T, 'A || B');
      rig.produce(T, 0, 1);
      await rig.advance(100);
      produce(['A', 'B']);
      const took = await rig.advanceUntil('they come', () => texts(c).includes('B1'));
      expect(took).to.be.at.most(2_000);
    });
  });

  describe('that differ among members of a group', () => {
    it('are noticed', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 }, U: { queues: 2 } } });
      const a = await consume('*', 'c1');
      const b = rig.consumer('c2');
      b.consumer.subscribe('U');
      await b.start();
      await rig.advanceUntil('one of them notices', () => [...a.warnings, ...b.warnings].includes('SUBSCRIPTION_FLIP_FLOP'), 180_000); // prettier-ignore
    });

    it('are not suspected where they do not', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const a = await consume('A', 'c1');
      const b = await consume('A', 'c2');
      await rig.advance(200_000);
      expect([...a.warnings, ...b.warnings]).to.deep.equal([]);
      expect([...a.errors, ...b.errors]).to.deep.equal([]);
    });
  });
});
