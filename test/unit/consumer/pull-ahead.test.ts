import { expect } from 'chai';
import fc from 'fast-check';
import type { BrokerError } from '../../../lib/errors.js';
import { TimeoutError } from '../../../lib/errors.js';
import { ResponseCode } from '../../../lib/protocol/codes.js';
import type { PullMessageReply } from '../../../lib/protocol/requests/pull-message.js';
import { buildSubscription } from '../../../lib/protocol/subscription.js';
import { PullSysFlag } from '../../../lib/protocol/sys-flag.js';
import { turns } from '../../support/fake-clock.js';
import { consumeAll, found, setUpPullLoop, type PullRigOptions, type PullSeen } from '../../support/pull-rig.js';

/** Messages the broker's double answers a pull with. */
const BATCH = 4;
/** How many answers of the same size it takes until pulls are sent ahead. */
const ALIKE = 5;

type Rig = ReturnType<typeof setUpPullLoop>;

/** A queue of 10,000 messages, of which the first answers have come and are consumed: three pulls are under way. */
async function farBehind(setup: PullRigOptions = {}): Promise<Rig> {
  const t = setUpPullLoop({ consumes: true, ...setup });
  t.loop.start(t.queue);
  for (let i = 0; i < ALIKE; i++) await bring(t, t.last());
  return t;
}

function batch({ request: { queueOffset } }: PullSeen, count = BATCH): Partial<PullMessageReply> {
  return { ...found(queueOffset, count), maxOffset: 10_000 };
}

async function bring(t: Rig, pull: PullSeen | undefined, count?: number): Promise<void> {
  if (pull === undefined) throw new Error('there is no such pull');
  pull.answer(batch(pull, count));
  await turns();
}

function underWay(t: Rig): number[] {
  return t.pulls.filter((pull) => pull.isOpen).map((pull) => pull.request.queueOffset);
}

function pullFrom(t: Rig, offset: number): PullSeen {
  const pull = t.pulls.find(({ request, isOpen }) => isOpen && request.queueOffset === offset);
  if (pull === undefined) throw new Error(`no pull from ${offset} is under way`);
  return pull;
}

/** What was consumed since the last time. */
function consumed(t: Rig): number[] {
  return t.seen.splice(0);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('pulls sent ahead', () => {
  it('are two, to where the answers will end, once five answers have brought the same number of messages', async () => {
    const t = setUpPullLoop({ consumes: true });
    t.loop.start(t.queue);
    for (let i = 0; i < ALIKE; i++) {
      expect(underWay(t)).to.deep.equal([i * BATCH]);
      await bring(t, t.last());
    }
    expect(underWay(t)).to.deep.equal([20, 24, 28]);
    await bring(t, pullFrom(t, 20));
    expect(underWay(t)).to.deep.equal([24, 28, 32]);
    expect(consumed(t)).to.deep.equal(range(0, 24));
  });

  it('are taken in the order of their offsets, in whatever order they are answered', async () => {
    const t = await farBehind();
    consumed(t);
    await bring(t, pullFrom(t, 28));
    await bring(t, pullFrom(t, 24));
    expect(t.queue.buffer.count).to.equal(0);
    expect(t.queue.nextOffset).to.equal(20);
    expect(underWay(t)).to.deep.equal([20]);
    await bring(t, pullFrom(t, 20));
    expect(consumed(t)).to.deep.equal(range(20, 32));
    expect(underWay(t), 'three answers at once keep the listener busy').to.deep.equal([32]);
    await bring(t, pullFrom(t, 32));
    expect(underWay(t)).to.deep.equal([36, 40, 44]);
  });

  it('count for nothing where the answer before them ended elsewhere', async () => {
    const t = await farBehind();
    consumed(t);
    const [, second, third] = t.pulls.slice(-3);
    await bring(t, pullFrom(t, 20), 3);
    expect(underWay(t), 'the next one starts where that one ended').to.deep.equal([24, 28, 23]);
    await bring(t, second);
    expect(consumed(t)).to.deep.equal([20, 21, 22]);
    for (let i = 0; i <= ALIKE; i++) await bring(t, pullFrom(t, 23 + i * BATCH));
    expect(consumed(t)).to.deep.equal(range(23, 47));
    expect(underWay(t), 'not while an old one is still under way').to.deep.equal([28, 47]);
    await bring(t, third);
    await bring(t, pullFrom(t, 47));
    expect(underWay(t)).to.deep.equal([51, 55, 59]);
    expect(consumed(t)).to.deep.equal(range(47, 51));
    expect(t.errors).to.deep.equal([]);
  });

  it('count for nothing when they were answered before that was known, either', async () => {
    const t = await farBehind();
    consumed(t);
    await bring(t, pullFrom(t, 24));
    await bring(t, pullFrom(t, 28));
    await bring(t, pullFrom(t, 20), 3);
    expect(underWay(t)).to.deep.equal([23]);
    await bring(t, pullFrom(t, 23));
    expect(consumed(t)).to.deep.equal(range(20, 27));
  });

  it('are as many as the option allows', async () => {
    expect(underWay(await farBehind({ limits: { maxPullsInFlight: 1 } }))).to.deep.equal([20]);
    expect(underWay(await farBehind({ limits: { maxPullsInFlight: 5 } }))).to.deep.equal([20, 24, 28, 32, 36]);
  });

  describe('are not sent', () => {
    const tells = async (t: Rig, expected: number[]): Promise<void> => {
      await turns();
      expect(underWay(t)).to.deep.equal(expected);
    };

    it('near the end of the queue', async () => {
      const t = setUpPullLoop({ consumes: true });
      t.loop.start(t.queue);
      for (let i = 0; i < ALIKE; i++) {
        t.last().answer({ ...batch(t.last()), maxOffset: 27 });
        await turns();
      }
      await tells(t, [20]);
    });

    it('beyond what another full answer follows', async () => {
      const t = setUpPullLoop({ consumes: true });
      t.loop.start(t.queue);
      for (let i = 0; i < ALIKE; i++) {
        t.last().answer({ ...batch(t.last()), maxOffset: 28 });
        await turns();
      }
      await tells(t, [20, 24]);
    });

    it('when answers leave messages out', async () => {
      const t = setUpPullLoop();
      t.loop.start(t.queue);
      for (let i = 0; i < 2 * ALIKE; i++) {
        const { queueOffset } = t.last().request;
        t.last().answer({ ...batch(t.last()), nextBeginOffset: queueOffset + 10 });
        await turns();
      }
      await tells(t, [100]);
    });

    it('when answers differ', async () => {
      const t = setUpPullLoop();
      t.loop.start(t.queue);
      for (let i = 0; i < 2 * ALIKE; i++) await bring(t, t.last(), 4 + (i % 2));
      await tells(t, [45]);
    });

    it('when there is to be a pause between pulls', async () => {
      const t = setUpPullLoop({ options: { pullInterval: 50 } });
      t.loop.start(t.queue);
      for (let i = 0; i < 2 * ALIKE; i++) {
        await bring(t, t.last());
        await t.clock.advance(50);
      }
      await tells(t, [40]);
    });

    it('without room for all that is under way, by number', async () => {
      await tells(await farBehind({ limits: { pullThresholdForQueue: 7 } }), [20]);
      await tells(await farBehind({ limits: { pullThresholdForQueue: 11 } }), [20, 24]);
      await tells(await farBehind({ limits: { pullThresholdForQueue: 12 } }), [20, 24, 28]);
    });

    it('while more than one answer waits for the listener, which is busy then', async () => {
      const t = await farBehind({ consumes: false });
      await tells(t, [20]);
      t.queue.buffer.take(12);
      t.queue.buffer.commit();
      await bring(t, pullFrom(t, 20));
      await tells(t, [24]);
      t.queue.buffer.take(8);
      t.queue.buffer.commit();
      await bring(t, pullFrom(t, 24));
      await tells(t, [28, 32]);
      consumeAll(t.queue);
      await bring(t, pullFrom(t, 28));
      await tells(t, [32, 36, 40]);
    });

    it('while the consumer or the queue is suspended', async () => {
      const t = await farBehind();
      t.state.suspended = true;
      await bring(t, pullFrom(t, 20));
      await tells(t, [24, 28]);
      t.state.suspended = false;
      t.queue.suspended = true;
      await bring(t, pullFrom(t, 24));
      await bring(t, pullFrom(t, 28));
      await tells(t, []);
      expect(consumed(t), 'what was under way is taken').to.deep.equal(range(0, 32));
    });

    it('without a valid lease', async () => {
      const t = await farBehind();
      t.queue.locked = false;
      await bring(t, pullFrom(t, 20));
      await tells(t, [24, 28]);
    });
  });

  it('carry no commit, and go out no later than the lease lasts', async () => {
    const t = setUpPullLoop();
    t.offsets.update(t.queue.messageQueue, 5, false);
    t.loop.start(t.queue);
    for (let i = 0; i < ALIKE; i++) {
      t.last().answer(batch(t.last()));
      // Consumed before the next pull is made.
      t.queue.buffer.reset(t.last().request.queueOffset + BATCH);
      await turns();
    }
    t.queue.buffer.reset(20);
    await bring(t, pullFrom(t, 20));
    expect(underWay(t)).to.deep.equal([24, 28, 32]);
    for (const { request, options } of t.pulls.slice(-3)) {
      expect(request.sysFlag & PullSysFlag.COMMIT_OFFSET).to.equal(0);
      expect(options.sendBefore?.()).to.equal(t.queue.lockedAt + 30_000);
    }
  });

  describe('that fail', () => {
    it('are sent again in their turn, and nobody is told', async () => {
      const t = await farBehind();
      consumed(t);
      pullFrom(t, 24).fail(new TimeoutError('no answer'));
      await turns();
      await bring(t, pullFrom(t, 28));
      expect(underWay(t)).to.deep.equal([20]);
      await bring(t, pullFrom(t, 20));
      expect(consumed(t), 'what lay behind it is not taken without it').to.deep.equal(range(20, 24));
      await bring(t, pullFrom(t, 24));
      expect(consumed(t)).to.deep.equal(range(24, 28));
      expect(t.errors).to.deep.equal([]);
      for (let i = 0; i < ALIKE; i++) {
        await bring(
          t,
          t.pulls.find((pull) => pull.isOpen),
        );
      }
      expect(underWay(t).length, 'it is tried again').to.equal(3);
    });

    it('by an answer do so when it is their turn', async () => {
      const t = await farBehind();
      consumed(t);
      const { queueOffset } = t.pulls.at(-1)?.request ?? { queueOffset: 0 };
      pullFrom(t, queueOffset).refuse(ResponseCode.SYSTEM_ERROR);
      await turns();
      expect(t.errors).to.deep.equal([]);
      await bring(t, pullFrom(t, 20));
      await bring(t, pullFrom(t, 24));
      pullFrom(t, 28).refuse(ResponseCode.SYSTEM_ERROR);
      await turns();
      expect(t.errors.map((error) => (error as BrokerError).responseCode)).to.deep.equal([ResponseCode.SYSTEM_ERROR]);
      expect(consumed(t)).to.deep.equal(range(20, 28));
    });

    it('are of no use any more when the one before them fails', async () => {
      const t = await farBehind();
      consumed(t);
      pullFrom(t, 20).fail(new TimeoutError('no answer'));
      await turns();
      expect(t.errors.length).to.equal(1);
      await bring(t, pullFrom(t, 24));
      await t.clock.advance(1_000);
      expect(underWay(t)).to.deep.equal([28, 20]);
      await bring(t, pullFrom(t, 28));
      expect(t.queue.buffer.count).to.equal(0);
      await bring(t, pullFrom(t, 20));
      expect(consumed(t)).to.deep.equal(range(20, 24));
    });
  });

  it('count for nothing behind a record that can not be read', async () => {
    const t = await farBehind();
    consumed(t);
    const { body = Buffer.alloc(0) } = found(20, 4);
    pullFrom(t, 20).answer({ ...batch(pullFrom(t, 20)), body: body.subarray(0, body.length - 10) });
    await turns();
    await bring(t, pullFrom(t, 24));
    expect(consumed(t)).to.deep.equal([20, 21, 22]);
    await t.clock.advance(1_000);
    expect(underWay(t)).to.deep.equal([28, 23]);
    expect(t.errors.map((error) => error.code)).to.deep.equal(['ERR_ROCKETMQ_MESSAGE_TRUNCATED']);
  });

  it('count for nothing when the subscription has changed', async () => {
    const t = await farBehind();
    consumed(t);
    t.state.subscription = buildSubscription('T', 'a');
    await bring(t, pullFrom(t, 20));
    expect(consumed(t)).to.deep.equal([]);
    expect(underWay(t)).to.deep.equal([24, 28, 20]);
    expect(t.last().request.subVersion).to.equal(t.state.subscription.subVersion);
  });

  describe('and an offset the broker does not have', () => {
    const moved = { status: 'OFFSET_ILLEGAL', nextBeginOffset: 7 } as const;

    it('count when it is their turn', async () => {
      const t = await farBehind();
      pullFrom(t, 24).answer({ ...moved, remark: 'OFFSET_TOO_SMALL' });
      await turns();
      expect(t.illegal).to.deep.equal([]);
      await bring(t, pullFrom(t, 20));
      expect(t.illegal).to.deep.equal([[7, 'OFFSET_TOO_SMALL']]);
    });

    it('do not count when it was not the next', async () => {
      const t = await farBehind();
      const ahead = pullFrom(t, 24);
      await bring(t, pullFrom(t, 20), 3);
      ahead.answer({ ...moved, remark: 'OFFSET_OVERFLOW_BADLY' });
      await turns();
      expect(t.illegal).to.deep.equal([]);
      expect(underWay(t)).to.deep.equal([28, 23]);
    });

    for (const misplaced of [false, true]) {
      it(`count at once when an operator has set it${misplaced ? ', even where it was not the next' : ''}`, async () => {
        const t = await farBehind();
        consumed(t);
        const ahead = pullFrom(t, 24);
        if (misplaced) await bring(t, pullFrom(t, 20), 3);
        consumed(t);
        ahead.answer({ ...moved, remark: 'OFFSET_RESET' });
        await turns();
        expect(t.illegal).to.deep.equal([[7, 'OFFSET_RESET']]);
        const rest = underWay(t);
        for (const offset of rest) await bring(t, pullFrom(t, offset));
        expect(consumed(t), 'what still comes does not count').to.deep.equal([]);
        expect(t.illegal.length).to.equal(1);
        expect(underWay(t)).to.deep.equal([]);
      });
    }
  });

  it('end with their generation', async () => {
    const t = await farBehind();
    t.queue.renewGeneration(new Error('lost'));
    await turns();
    expect(underWay(t)).to.deep.equal([]);
    expect(t.errors).to.deep.equal([]);
  });

  it('lose, repeat and swap nothing, whatever answers come when', async () => {
    const END = 150;
    let mostEver = 0;
    const step = fc.record({
      /** Which of those under way is answered, and how. */
      which: fc.nat(3),
      how: fc.constantFrom('full', 'full', 'full', 'full', 'full', 'short', 'fail', 'refuse', 'cut'),
      pause: fc.boolean(),
      consume: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 150 }), async (steps) => {
        const t = setUpPullLoop({ options: { lockLeaseTime: 1e12 }, limits: { pullThresholdForQueue: 30 } });
        const answer = (pull: PullSeen, count: number, cut = false): void => {
          const from = pull.request.queueOffset;
          const { body = Buffer.alloc(0), ...reply } = found(from, Math.min(count, END - from));
          if (from < END) pull.answer({ ...reply, body: cut ? body.subarray(0, -9) : body, maxOffset: END });
        };
        const seen: number[] = [];
        const take = async (): Promise<void> => {
          seen.push(...consumeAll(t.queue));
          t.queue.changed.notify();
          await turns();
        };
        t.loop.start(t.queue);
        let most = 0;
        for (const { which, how, pause, consume: now } of steps) {
          const open = t.pulls.filter((pull) => pull.isOpen);
          most = Math.max(most, open.length);
          const pull = open[which % Math.max(1, open.length)];
          if (pull === undefined) await t.clock.advance(5_000);
          else if (how === 'fail') pull.fail(new TimeoutError('no answer'));
          else if (how === 'refuse') pull.refuse(ResponseCode.SYSTEM_ERROR);
          else answer(pull, how === 'short' ? 3 : BATCH, how === 'cut');
          await turns();
          if (pause) await t.clock.advance(5_000);
          if (now) await take();
          expect(t.queue.buffer.count).to.be.at.most(30 + BATCH);
        }
        for (let i = 0; i < 200 && seen.length < END; i++) {
          for (const pull of t.pulls.filter(({ isOpen }) => isOpen)) answer(pull, BATCH);
          await turns();
          await t.clock.advance(5_000);
          await take();
        }
        expect(seen).to.deep.equal(range(0, END));
        mostEver = Math.max(mostEver, most);
      }),
      { numRuns: 150 },
    );
    expect(mostEver, 'those sent to the wrong place included').to.equal(3);
  });
});
