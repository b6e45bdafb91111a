import { expect } from 'chai';
import fc from 'fast-check';
import { RequestCode } from '../../lib/protocol/codes.js';
import type { FaultRule } from '../../mock-broker/index.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';

const T = 'T';
/** Enough for pulls to be sent ahead. */
const COUNT = 160;

/** What goes wrong while a consumer is at work: each message of each queue has to come, and in order. */
describe('a consumer, whatever goes wrong', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** A consumer that has consumed the first of two batches when the faults begin; ends when it has all. */
  async function consumeWith(rules: readonly FaultRule[]): Promise<WatchedConsumer> {
    rig = await Rig.start({ topics: { [T]: { queues: 2 } } });
    for (const queueId of [0, 1]) rig.produce(T, queueId, COUNT / 2);
    const c = await rig.consume(T, 'c1', { pullBatchSize: 4 });
    await rig.advanceUntil('the first half is consumed', () => c.deliveries.length >= COUNT);
    const faults = rules.map((rule) => rig.cluster.faults.add(rule));
    for (const queueId of [0, 1]) rig.produce(T, queueId, COUNT / 2);
    const all = (): boolean => [0, 1].every((queueId) => new Set(c.offsets(queueId)).size === COUNT);
    await rig.advanceUntil('everything is consumed', all, 300_000);
    // Offsets are committed every 5 s.
    if (rules.some(({ action }) => action.type === 'offset')) await rig.advance(12_000);
    for (const fault of faults) expect(fault.hits, JSON.stringify(fault.rule)).to.be.greaterThan(0);
    return c;
  }

  /** Each queue in order. What comes again begins further back, and goes on in order from there. */
  function expectOrder(c: WatchedConsumer, options: { repeats: boolean }): void {
    for (const queueId of [0, 1]) {
      const offsets = c.offsets(queueId);
      const first = offsets.filter((offset, at) => offsets.indexOf(offset) === at);
      expect(first, `first deliveries of queue ${queueId}`).to.deep.equal(Array.from({ length: COUNT }, (_, at) => at));
      if (!options.repeats) expect(offsets, `queue ${queueId}`).to.have.length(COUNT);
    }
  }

  const pull = RequestCode.PULL_MESSAGE;
  const steady: [string, FaultRule[]][] = [
    ['answers in reverse', [{ action: { type: 'pull', do: 'disorder' } }]],
    ['pulls that are told to slow down', [{ times: 3, action: { type: 'pull', do: 'flowControl' } }]],
    ['pulls that are told there is nothing', [{ times: 5, action: { type: 'pull', do: 'empty' } }]],
    ['answers byte by byte', [{ code: pull, times: 2, action: { type: 'chunk', size: 1 } }]],
    ['answers twice', [{ code: pull, action: { type: 'duplicate' } }]],
    ['answers that never come', [{ code: pull, times: 2, action: { type: 'dropReply' } }]],
    ['answers that trickle', [{ code: pull, times: 2, action: { type: 'throttle', bytesPerSecond: 500 } }]],
    ['commits that are lost', [{ times: 2, action: { type: 'offset', do: 'lose' } }]],
    ['commits that are refused', [{ times: 2, action: { type: 'offset', do: 'refuse' } }]],
    ['connections that fall silent', [{ code: pull, times: 1, action: { type: 'halfOpen', ms: 20_000 } }]],
    ['a member list that lacks it', [{ code: 38, times: 1, action: { type: 'members', remove: ['10.0.0.1@c1'], add: ['10.0.0.1@c0'] } }]], // prettier-ignore
  ];
  for (const [what, rules] of steady) {
    it(`keeps order and loses nothing: ${what}`, async () => {
      const isAboutMembers = rules.some(({ code }) => code === 38);
      const c = await consumeWith(isAboutMembers ? [] : rules);
      if (isAboutMembers) {
        for (const rule of rules) rig.cluster.faults.add(rule);
        rig.cluster.broker('broker-a').notifyConsumerIdsChanged('group');
        await rig.advance(25_000);
        rig.produce(T, 0, 1);
        await rig.advanceUntil('the last one, too', () => c.offsets(0).includes(COUNT), 120_000);
        expect(c.offsets(1)).to.have.length(COUNT);
      } else expectOrder(c, { repeats: false });
    });
  }

  const damaging: [string, FaultRule[]][] = [
    ['connections closed in the middle of a frame', [{ code: pull, times: 2, action: { type: 'close', when: 'mid-frame' } }]],
    ['frames with an absurd length', [{ code: pull, times: 1, action: { type: 'corrupt', what: 'length' } }]],
    ['headers that can not be read', [{ code: pull, times: 1, action: { type: 'corrupt', what: 'header' } }]],
    ['messages that end too early', [{ code: pull, times: 1, action: { type: 'corrupt', what: 'truncate' } }]],
    ['new connections that are refused', [{ broker: 'broker-a', times: 2, action: { type: 'refuse' } }, { code: pull, times: 1, action: { type: 'close', when: 'before' } }]],
  ]; // prettier-ignore
  for (const [what, rules] of damaging) {
    it(`keeps order and loses nothing: ${what}`, async () => {
      expectOrder(await consumeWith(rules), { repeats: true });
    });
  }

  it('begins behind what is not there any more, in order', async () => {
    rig = await Rig.start({ topics: { [T]: { queues: 1 } } });
    const c = await rig.consume(T);
    rig.produce(T, 0, 5);
    await rig.advanceUntil('five came', () => c.deliveries.length === 5);
    rig.cluster.faults.add({ code: pull, topic: T, times: 1, action: { type: 'offset', do: 'moveMin', to: 8 } });
    rig.produce(T, 0, 10);
    await rig.advanceUntil('the rest came', () => c.offsets(0).includes(14), 120_000);
    const offsets = c.offsets(0);
    expect([...offsets].sort((a, b) => a - b)).to.deep.equal(offsets);
    expect(offsets).to.include.members([8, 9, 10, 11, 12, 13, 14]);
  });

  it('stops at once when a renewal is refused, and goes on with what is committed', async () => {
    const c = await consumeWith([]);
    rig.cluster.faults.add({ topic: T, times: 1, action: { type: 'lock', do: 'refuse' } });
    await rig.advanceUntil('it has lost its queues', () => c.eventsNamed('queueLost').length === 2, 25_000);
    rig.produce(T, 0, 1);
    await rig.advanceUntil('it goes on', () => c.offsets(0).includes(COUNT), 60_000);
    expect(c.offsets(0)).to.deep.equal(Array.from({ length: COUNT + 1 }, (_, at) => at));
  });

  it('finds out that its lock was stolen at the next renewal, and has it back when the thief lets go', async () => {
    const c = await consumeWith([]);
    const theft = rig.cluster.faults.add({ topic: T, queueId: 0, times: 1, action: { type: 'lock', do: 'steal' } });
    await rig.advanceUntil('it is told', () => theft.hits === 1 && c.owned(T).length === 1, 25_000);
    rig.cluster.broker('broker-a').expireLocks();
    await rig.advanceUntil('it owns it again', () => c.owned(T).length === 2, 60_000);
    rig.produce(T, 0, 1);
    await rig.advanceUntil('it goes on', () => c.offsets(0).includes(COUNT), 60_000);
    expect(c.offsets(0)).to.deep.equal(Array.from({ length: COUNT + 1 }, (_, at) => at));
  });

  it('delivers again what a broker forgot that it was committed, and nothing in the wrong order', async () => {
    const c = await consumeWith([{ topic: T, action: { type: 'offset', do: 'rollBack', by: 10 } }]);
    await rig.advance(6_000);
    await c.consumer.close();
    rig.cluster.faults.clear();
    const first = rig.committed(T, 0) ?? COUNT;
    expect(first).to.be.lessThan(COUNT);
    const next = await rig.consume(T, 'c2');
    rig.produce(T, 0, 1);
    await rig.advanceUntil('the successor is at the end', () => next.offsets(0).includes(COUNT), 60_000);
    expect(next.offsets(0)).to.deep.equal(Array.from({ length: COUNT + 1 - first }, (_, at) => first + at));
  });

  it('goes the same way each time for the same seed', async () => {
    const history = async (seed: number): Promise<string> => {
      rig = await Rig.start({ topics: { [T]: { queues: 1 } } });
      const fault = rig.cluster.faults.add({ code: 34, probability: 0.5, seed, action: { type: 'delay', ms: 1 } });
      const c = rig.consumer();
      c.consumer.subscribe(T);
      const started = c.start();
      await rig.advance(100_000);
      await started;
      const { hits, matched } = fault;
      const entries = rig.cluster.journal.filter({ code: 'HEART_BEAT', direction: 'in' });
      await rig.stop();
      return `${hits}/${matched} ${entries.map((entry) => (entry.effect?.startsWith('fault') === true ? 1 : 0)).join('')}`;
    };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), async (seed) => {
        expect(await history(seed)).to.equal(await history(seed));
      }),
      { numRuns: 3 },
    );
  });
});
