import { expect } from 'chai';
import fc from 'fast-check';
import type { Clock } from '../../../lib/clock.js';
import { turns } from '../../support/fake-clock.js';
import { connectFailed, connectionLost, FakeProducerClient, SenderRig, twoBrokers } from './fake-producer-client.js';

/** What a broker does with one attempt. */
type Fate = 'stored' | 'refused' | 'no connection' | 'stored, answer lost' | 'not stored, connection lost' | 'illegal';

const FATES: readonly Fate[] = ['stored', 'refused', 'no connection', 'stored, answer lost', 'not stored, connection lost', 'illegal']; // prettier-ignore

/** A clock whose timers fire when the scheduler likes: every pause is over at any time. */
function scheduledClock(scheduler: fc.Scheduler): Clock {
  return {
    now: () => 0,
    wallTime: () => 1_700_000_000_000,
    setTimeout: (callback) => {
      const timer = { cleared: false };
      void scheduler.schedule(Promise.resolve(), 'timer').then(() => {
        if (!timer.cleared) callback();
      });
      return timer;
    },
    clearTimeout: (timer) => {
      (timer as { cleared: boolean }).cleared = true;
    },
  };
}

interface Plan {
  readonly key: number;
  /** Of its attempts, in order. When they are used up, further ones are stored. */
  readonly fates: readonly Fate[];
  /** Whether its caller gives up at some time, which may be too late. */
  readonly abort: boolean;
}

const plans: fc.Arbitrary<Plan[]> = fc.array(
  fc.record({
    key: fc.integer({ min: 0, max: 2 }),
    fates: fc.array(fc.constantFrom(...FATES), { maxLength: 4 }),
    abort: fc.nat(7).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 12 },
);

/** What happened to a message, as its broker and its caller saw it. */
interface Story {
  readonly id: number;
  readonly key: number;
  /** Moments at which it was stored. */
  readonly stored: number[];
  result: 'stored' | 'failed' | 'aborted' | undefined;
}

interface History {
  readonly stories: readonly Story[];
  /** Keys of which two requests were under way at the same time. */
  readonly overlaps: number[];
  readonly rig: SenderRig;
}

async function run(
  scheduler: fc.Scheduler,
  plans: readonly Plan[],
  orderedFailure: 'continue' | 'block-key',
): Promise<History> {
  const client = new FakeProducerClient(scheduledClock(scheduler));
  const rig = new SenderRig({ orderedFailure, sendMsgTimeout: 1_000_000, compressMsgBodyOverHowmuch: 1 << 30 }, client);
  client.topics.set('Orders', twoBrokers(2));
  client.gate = scheduler.schedule(Promise.resolve(), 'route');
  const stories = plans.map(({ key }, id): Story => ({ id, key, stored: [], result: undefined }));
  const fates = plans.map((plan) => [...plan.fates]);
  const underWay = new Set<number>();
  const overlaps: number[] = [];
  let moment = 0;

  client.answer = async ({ body }) => {
    const story = stories[Number.parseInt(body.toString(), 10)] as Story;
    if (underWay.has(story.key)) overlaps.push(story.key);
    underWay.add(story.key);
    await scheduler.schedule(Promise.resolve(), `request of ${story.id}`);
    const fate = fates[story.id]?.shift() ?? 'stored';
    if (fate === 'stored' || fate === 'stored, answer lost') story.stored.push(moment++);
    await scheduler.schedule(Promise.resolve(), `answer of ${story.id}`);
    underWay.delete(story.key);
    if (fate === 'stored') return undefined;
    if (fate === 'refused') return { code: 2 };
    if (fate === 'illegal') return { code: 13 };
    throw fate === 'no connection' ? connectFailed() : connectionLost();
  };

  const sends = plans.map(async ({ key, abort }, id) => {
    const controller = new AbortController();
    if (abort) void scheduler.schedule(Promise.resolve(), `abort of ${id}`).then(() => controller.abort());
    const message = { topic: 'Orders', body: `${id}`, shardingKey: `key-${key}` };
    const story = stories[id] as Story;
    await rig.send(message, undefined, { signal: controller.signal }).then(
      () => (story.result = 'stored'),
      () => (story.result = controller.signal.aborted ? 'aborted' : 'failed'),
    );
  });
  await scheduler.waitFor(Promise.all(sends));
  await scheduler.waitIdle();
  await turns();
  return { stories, overlaps, rig };
}

/** By key, the messages in the order they were called, which is the order of their numbers. */
function byKey(stories: readonly Story[]): Story[][] {
  return [0, 1, 2].map((key) => stories.filter((story) => story.key === key));
}

function expectInOrder(stories: readonly Story[]): void {
  let last = -1;
  for (const { stored } of stories) {
    for (const moment of stored) {
      expect(moment, 'stored behind one that was sent later').to.be.above(last);
      last = moment;
    }
  }
}

describe('order of messages, whatever happens to their attempts', () => {
  it('is that of the calls for each key, with one request of it under way at a time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plans, async (scheduler, plans) => {
        const { stories, overlaps, rig } = await run(scheduler, plans, 'continue');
        expect(overlaps).to.deep.equal([]);
        for (const ofKey of byKey(stories)) expectInOrder(ofKey);
        for (const { result, stored } of stories) {
          expect(result).not.to.equal(undefined);
          if (result === 'stored') expect(stored, 'told to be stored').not.to.deep.equal([]);
        }
        expect(rig.sender.chainCount).to.equal(0);
        expect(rig.sender.pendingCount).to.equal(0);
      }),
      { numRuns: 300 },
    );
  });

  it('has nothing behind a message that failed where keys are blocked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plans, async (scheduler, plans) => {
        const { stories, overlaps, rig } = await run(scheduler, plans, 'block-key');
        expect(overlaps).to.deep.equal([]);
        for (const ofKey of byKey(stories)) {
          expectInOrder(ofKey);
          const failed = ofKey.findIndex(({ result }) => result !== 'stored');
          if (failed === -1) continue;
          for (const behind of ofKey.slice(failed + 1)) expect(behind.stored, `behind ${failed}`).to.deep.equal([]);
          const shardingKey = `key-${ofKey[failed]?.key}`;
          expect(rig.sender.blocked).to.deep.include({ topic: 'Orders', shardingKey });
        }
      }),
      { numRuns: 300 },
    );
  });
});
