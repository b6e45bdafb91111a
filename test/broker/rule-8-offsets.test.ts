import { expect } from 'chai';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { commitFaults, HeldAnswer, lastSeq } from '../support/ownership-judge.js';
import type { JournalEntry } from '../../mock-broker/index.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { commits, gaps, numbers, pulls } from '../support/wire.js';

const T = 'T';
const { UPDATE_CONSUMER_OFFSET, LOCK_BATCH_MQ } = RequestCode;

describe('rule 8: offsets', () => {
  let rig: Rig;
  let begunAt: number;

  afterEach(() => rig.stop());

  async function owner(queues = 1, options: Partial<OrderedConsumerOptions> = {}): Promise<WatchedConsumer> {
    rig = await Rig.start({ topics: { T: { queues } } });
    const c = await rig.consume(T, 'c1', options);
    await rig.advanceUntil('it owns its queues', () => c.owned(T).length === queues && c.owned('%RETRY%group').length === 1); // prettier-ignore
    // To where the next write is a full interval away.
    await rig.advance(5_000 - ((rig.clock.now() - 1_000) % 5_000));
    begunAt = lastSeq(rig.cluster);
    return c;
  }

  /** The commits of a queue that came as requests of their own, since the consumer had settled. */
  function updates(queueId: number): JournalEntry[] {
    return commits(rig.cluster, T, queueId).filter(({ seq }) => seq > begunAt);
  }

  function written(queueId: number): (string | undefined)[] {
    return updates(queueId).map(({ ext }) => ext['commitOffset']);
  }

  describe('at the broker', () => {
    it('are written every 5 s, as answered requests, only those that have changed', async () => {
      const c = await owner(3);
      rig.produce(T, 0, 4);
      rig.produce(T, 1, 2);
      await rig.until('all is consumed', () => c.deliveries.length === 6);
      expect([written(0), written(1)]).to.deep.equal([[], []]);
      await rig.advance(5_000);
      expect([written(0), written(1), written(2)]).to.deep.equal([['4'], ['2'], []]);
      await rig.advance(20_000);
      expect([written(0), written(1), written(2)], 'nothing has changed').to.deep.equal([['4'], ['2'], []]);
      rig.produce(T, 1, 1);
      await rig.advance(5_000);
      expect([written(0), written(1), written(2)]).to.deep.equal([['4'], ['2', '3'], []]);
      for (const entry of updates(0)) expect(entry.kind, 'answered').to.equal('request');
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });

    it('follow a steady stream, one write per queue and interval', async () => {
      const c = await owner();
      for (const _ of numbers(30)) {
        rig.produce(T, 0, 1);
        await rig.advance(1_000);
      }
      expect(c.deliveries).to.have.lengthOf(30);
      expect(updates(0)).to.have.lengthOf(6);
      expect(gaps(updates(0))).to.deep.equal([5_000, 5_000, 5_000, 5_000, 5_000]);
    });

    it('honour persistConsumerOffsetInterval', async () => {
      const c = await owner(1, { persistConsumerOffsetInterval: 700 });
      rig.produce(T, 0, 1);
      await rig.until('it is consumed', () => c.deliveries.length === 1);
      await rig.advance(700);
      expect(written(0)).to.deep.equal(['1']);
    });

    it('are written again when that failed, with what is true by then', async () => {
      const c = await owner();
      const failing = rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, times: 2, action: { type: 'answer', code: ResponseCode.SYSTEM_BUSY } }); // prettier-ignore
      rig.produce(T, 0, 2);
      await rig.advance(5_000);
      rig.produce(T, 0, 2);
      await rig.advance(5_000);
      expect(failing.hits).to.equal(2);
      expect(rig.committed(T, 0)).to.equal(0);
      expect(c.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_PERSIST', 'ERR_ROCKETMQ_PERSIST']);
      rig.produce(T, 0, 1);
      await rig.advance(5_000);
      expect(rig.committed(T, 0)).to.equal(5);
      expect(written(0)).to.deep.equal(['2', '4', '5']);
    });

    it('of one queue are written one after the other: a slow write is never overtaken', async () => {
      const c = await owner(1, { persistConsumerOffsetInterval: 1_000 });
      rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, action: { type: 'delay', ms: 2_500, when: 'before' } });
      for (const _ of numbers(9)) {
        rig.produce(T, 0, 1);
        await rig.advance(1_000);
      }
      await rig.advance(6_000);
      expect(c.deliveries).to.have.lengthOf(9);
      const journal = rig.cluster.journal.entries.filter(({ code, request }) => code === UPDATE_CONSUMER_OFFSET || request === UPDATE_CONSUMER_OFFSET); // prettier-ignore
      expect(journal.map(({ direction }) => direction).join()).to.match(/^(in,out,)*(in,out)$/);
      expect(rig.committed(T, 0)).to.equal(9);
    });

    it('are not written for a queue whose lease has run out', async () => {
      const c = await owner();
      const held = new HeldAnswer();
      c.answer = ({ offset }) => (offset === 1 ? held.wait() : 'SUCCESS');
      rig.cluster.faults.add({ code: LOCK_BATCH_MQ, action: { type: 'answer', code: 1 } });
      rig.cluster.faults.add({ code: UPDATE_CONSUMER_OFFSET, times: 10, action: { type: 'answer', code: 1 } });
      rig.produce(T, 0, 2);
      await rig.until('one is consumed', () => held.reached);
      await rig.advance(31_000);
      rig.cluster.faults.active.find(({ rule }) => rule.code === UPDATE_CONSUMER_OFFSET)?.remove();
      const before = lastSeq(rig.cluster);
      await rig.advance(15_000);
      expect(commits(rig.cluster, T).filter(({ seq }) => seq > before)).to.deep.equal([]);
      rig.cluster.faults.clear();
      await rig.advance(6_000);
      expect(rig.committed(T, 0)).to.equal(1);
      held.give();
    });

    it('that the broker ignores because of a reset are not insisted on', async () => {
      const c = await owner();
      rig.produce(T, 0, 5);
      await rig.until('they are consumed', () => c.deliveries.length === 5);
      rig.cluster.resetOffset('group', T, { offset: 2, mode: 'server' });
      await rig.advanceUntil('it has started over', () => c.deliveries.length === 8, 25_000);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2, 3, 4, 2, 3, 4]);
      await rig.advance(6_000);
      expect(rig.committed(T, 0)).to.equal(5);
      expect(c.errors).to.deep.equal([]);
    });
  });

  describe('past messages nobody wants', () => {
    it('move on while nothing is held', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = rig.consumer('c1');
      c.consumer.subscribe(T, 'wanted');
      await c.start();
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length > 0);
      for (const _ of numbers(5)) rig.cluster.produce(T, { queueId: 0, body: 'x', tags: 'other' });
      await rig.advance(25_000);
      expect(c.deliveries).to.deep.equal([]);
      expect(rig.committed(T, 0)).to.equal(5);
    });

    it('stay before a message that is with the listener, and move on behind it afterwards', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const held = new HeldAnswer();
      const c = rig.consumer('c1');
      c.answer = () => held.wait();
      c.consumer.subscribe(T, 'wanted');
      await c.start();
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length > 0);
      rig.cluster.produce(T, { queueId: 0, body: 'x', tags: 'wanted' });
      await rig.until('it is with the listener', () => held.reached);
      for (const _ of numbers(5)) rig.cluster.produce(T, { queueId: 0, body: 'x', tags: 'other' });
      await rig.advance(45_000);
      expect(rig.committed(T, 0)).to.equal(0);
      held.give();
      await rig.advance(5_000);
      expect(rig.committed(T, 0)).to.be.within(1, 6);
      await rig.advance(30_000);
      expect(rig.committed(T, 0)).to.equal(6);
      expect(commitFaults(rig.cluster)).to.deep.equal([]);
    });
  });

  it('of a consumer that vanished are at most 5 s old: its successor repeats what came after, and nothing else', async () => {
    const c1 = await owner();
    const held = new HeldAnswer();
    c1.answer = ({ offset }) => (offset === 6 ? held.wait() : 'SUCCESS');
    for (const _ of numbers(8)) {
      rig.produce(T, 0, 1);
      await rig.advance(1_000);
    }
    expect(c1.deliveries).to.have.lengthOf(7);
    // From now on nothing of c1 reaches the broker: as good as dead.
    rig.cluster.faults.add({ clientId: '10.0.0.1@c1', action: { type: 'close', when: 'before' } });
    rig.cluster.broker('broker-a').disconnect('10.0.0.1@c1');
    const c2 = await rig.consume(T, 'c2');
    const waited = await rig.advanceUntil('the successor has caught up', () => c2.offsets(0).at(-1) === 7, 90_000);
    expect(waited, 'when the lock has run out').to.be.within(40_000, 66_000);
    const first = c2.offsets(0)[0] ?? 0;
    expect(first, 'not before what was written 5 s before').to.be.within(4, 6);
    expect(c2.offsets(0)).to.deep.equal(numbers(8).slice(first));
    held.give();
    await rig.advance(10_000);
    expect(rig.committed(T, 0), 'the late answer of the first changes nothing').to.equal(8);
  });

  describe('of a broadcasting consumer', () => {
    let directory: string;

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'offsets-'));
    });

    afterEach(() => rm(directory, { recursive: true }));

    it('are kept in its file, and nothing of them goes to a broker', async () => {
      rig = await Rig.start({ topics: { T: { queues: 2 } } });
      const options = { messageModel: 'BROADCASTING', localOffsetStoreDir: directory } as const;
      const c = await rig.consume(T, 'c1', options);
      await rig.advanceUntil('it owns all', () => c.owned(T).length === 2);
      rig.produce(T, 0, 3);
      rig.produce(T, 1, 1);
      await rig.until('all is consumed', () => c.deliveries.length === 4);
      await c.consumer.close();
      const text = await readFile(join(directory, '10.0.0.1@c1', 'group', 'offsets.json'), 'utf8');
      expect(text)
        .to.match(/"queueId":0,"topic":"T"\}"?:3\b/)
        .and.to.match(/"queueId":1,"topic":"T"\}"?:1\b/);

      const again = await rig.consume(T, 'c1', options);
      await rig.advanceUntil('it owns all', () => again.owned(T).length === 2);
      rig.produce(T, 0, 1);
      await rig.until('the new one is consumed', () => again.deliveries.length === 1);
      expect(again.offsets(0)).to.deep.equal([3]);
      const codes = new Set(rig.cluster.journal.requests().map(({ code }) => code));
      for (const code of [14, 15, 38, 41, 42]) expect([...codes]).to.not.include(code);
    });
  });
});
