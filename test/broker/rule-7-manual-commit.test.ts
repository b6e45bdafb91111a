import { expect } from 'chai';
import type { ConsumeOrderlyStatus } from '../../lib/index.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { numbers, pulls } from '../support/wire.js';

const T = 'T';
const SUSPEND = 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

describe('rule 7: manual commit', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  /** A consumer that answers by the script, call by call, and SUCCESS after its end. */
  async function scripted(
    count: number,
    script: readonly ConsumeOrderlyStatus[],
    isAuto: (call: number) => boolean = () => false,
  ): Promise<WatchedConsumer> {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, count);
    const c = rig.consumer();
    c.answer = (_delivery, context) => {
      const call = c.deliveries.length - 1;
      context.autoCommit = isAuto(call);
      return script[call] ?? 'SUCCESS';
    };
    c.consumer.subscribe(T);
    await c.start();
    return c;
  }

  const seen = (c: WatchedConsumer): string =>
    c.deliveries.map(({ offset, reconsumeTimes }) => `${offset}${'+'.repeat(reconsumeTimes)}`).join(' ');
  const committed = (c: WatchedConsumer): number | undefined =>
    c.consumer.assignment.find(({ messageQueue }) => messageQueue.topic === T)?.committedOffset;

  it('does as the reference was seen to', async () => {
    const c = await scripted(6, [
      'SUCCESS', 'SUCCESS', 'ROLLBACK',
      'SUCCESS', 'SUCCESS', 'COMMIT', 'SUCCESS', SUSPEND,
      'SUCCESS', 'SUCCESS',
    ]); // prettier-ignore
    await rig.advanceUntil('the script is over', () => c.deliveries.length === 10);
    expect(seen(c)).to.equal('0 1 2 0 1 2 3 4 4+ 5');
    expect((c.deliveries[3]?.at ?? 0) - (c.deliveries[2]?.at ?? 0)).to.equal(1_000);
    expect((c.deliveries[8]?.at ?? 0) - (c.deliveries[7]?.at ?? 0)).to.equal(1_000);
    await c.consumer.close();
    expect(rig.committed(T, 0), 'what is uncommitted comes again to the next owner').to.equal(3);

    const next = await rig.consume(T, 'c2');
    await rig.advanceUntil('the rest is consumed', () => next.deliveries.length === 3);
    expect(next.offsets(0)).to.deep.equal([3, 4, 5]);
  });

  it('commits nothing before a COMMIT, and then everything', async () => {
    const c = await scripted(10, [...new Array<'SUCCESS'>(9).fill('SUCCESS'), 'COMMIT']);
    const before: (number | undefined)[] = [];
    const { answer } = c;
    c.answer = (...args) => {
      before.push(committed(c));
      return answer(...args);
    };
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 10);
    expect(before).to.deep.equal(new Array(10).fill(0));
    expect(committed(c)).to.equal(10);
    await rig.advance(5_000);
    expect(rig.committed(T, 0)).to.equal(10);
  });

  it('brings everything since the last COMMIT again after a ROLLBACK, and counts no attempt', async () => {
    const c = await scripted(5, [
      'COMMIT',
      'SUCCESS',
      'SUCCESS',
      'ROLLBACK',
      'SUCCESS',
      'SUCCESS',
      'SUCCESS',
      'COMMIT',
    ]);
    await rig.advanceUntil('all are consumed', () => c.offsets(0).includes(4));
    expect(seen(c)).to.equal('0 1 2 3 1 2 3 4');
    expect(committed(c)).to.equal(5);
  });

  it('brings only the suspended batch again, and a later COMMIT commits all', async () => {
    const c = await scripted(4, ['SUCCESS', 'SUCCESS', SUSPEND, SUSPEND, 'SUCCESS', 'COMMIT']);
    await rig.advanceUntil('all are consumed', () => c.offsets(0).includes(3));
    expect(seen(c)).to.equal('0 1 2 2+ 2++ 3');
    expect(committed(c)).to.equal(4);
  });

  it('brings the failed one again, too, when the listener throws', async () => {
    const c = await scripted(3, []);
    c.answer = ({ offset, reconsumeTimes }, context) => {
      context.autoCommit = false;
      if (offset === 1 && reconsumeTimes === 0) throw new Error('no');
      return offset === 2 ? 'COMMIT' : 'SUCCESS';
    };
    await rig.advanceUntil('all are consumed', () => c.offsets(0).includes(2));
    expect(seen(c)).to.equal('0 1 1+ 2');
    expect(committed(c)).to.equal(3);
  });

  it('may change from call to call: an automatic SUCCESS commits what was left by hand', async () => {
    const c = await scripted(4, [], (call) => call === 2);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 4);
    expect(committed(c)).to.equal(3);
    await rig.advance(5_000);
    expect(rig.committed(T, 0)).to.equal(3);
  });

  it('may change from call to call: an automatic suspension leaves uncommitted what was', async () => {
    const c = await scripted(4, ['SUCCESS', 'SUCCESS', SUSPEND, 'SUCCESS', 'ROLLBACK'], (call) => call === 2);
    await rig.advanceUntil('it was rolled back', () => c.deliveries.length === 5);
    expect(committed(c)).to.equal(0);
    await rig.advanceUntil('all came again', () => c.deliveries.length === 9);
    expect(seen(c)).to.equal('0 1 2 2+ 3 0 1 2+ 3');
  });

  for (const listener of ['synchronous', 'asynchronous'] as const) {
    it(`without a COMMIT stops at the threshold and warns (${listener} listener)`, async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 1_200);
      const c = rig.consumer();
      c.answer = (_delivery, context) => {
        context.autoCommit = false;
        return listener === 'synchronous' ? 'SUCCESS' : Promise.resolve('SUCCESS');
      };
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('it has stopped', () => c.deliveries.length === 1_024);
      await rig.until('it warns', () => c.warnings.length > 0);
      const pulled = pulls(rig.cluster, T).length;
      await rig.advance(60_000);
      expect(pulls(rig.cluster, T).length, 'no polling').to.equal(pulled);
      expect(c.deliveries.length).to.equal(1_024);
      expect(c.warnings).to.deep.equal(['UNCOMMITTED_BUFFER_FULL']);
    });
  }

  it('makes room at once with a COMMIT at the threshold', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 1_200);
    const c = rig.consumer();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    c.answer = ({ offset }, context) => {
      context.autoCommit = false;
      if (offset < 1_023) return 'SUCCESS';
      return offset === 1_023 ? held.then(() => 'COMMIT') : 'SUCCESS';
    };
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('the last is with the listener', () => c.deliveries.length === 1_024);
    await rig.advance(1_000);
    const now = rig.clock.now();
    release();
    await rig.until('the rest is consumed', () => c.deliveries.length === 1_200);
    expect(rig.clock.now()).to.equal(now);
    expect(c.offsets(0)).to.deep.equal(numbers(1_200));
    expect(committed(c)).to.equal(1_024);
  });

  it('keeps batches apart: each answers for itself, a COMMIT for all', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 12);
    const c = rig.consumer('c1', { consumeMessageBatchMaxSize: 4 });
    const script: ConsumeOrderlyStatus[] = ['SUCCESS', SUSPEND, 'SUCCESS', 'ROLLBACK', 'SUCCESS', 'SUCCESS', 'COMMIT'];
    const batches: number[][] = [];
    c.consumer.subscribe(T);
    await c.consumer.start((messages, context) => {
      context.autoCommit = false;
      batches.push(messages.map((message) => message.queueOffset));
      return script[batches.length - 1];
    });
    await rig.advanceUntil('the script is over', () => batches.length === script.length);
    const [a, b, d] = [numbers(4), numbers(8).slice(4), numbers(12).slice(8)];
    expect(batches).to.deep.equal([a, b, b, d, a, b, d]);
    await rig.until('it is committed', () => committed(c) === 12);
  });
});
