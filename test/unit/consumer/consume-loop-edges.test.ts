import { createHook } from 'node:async_hooks';
import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import type { AttemptStore } from '../../../lib/options.js';
import { CompressionType, withCompression } from '../../../lib/protocol/sys-flag.js';
import type { StoredMessage } from '../../../lib/protocol/message.js';
import { turns } from '../../support/fake-clock.js';
import { LEASE, setUpLoop } from '../../support/loop-rig.js';
import { storedMessage } from '../../support/stored-message.js';

const SUSPEND = 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

/** Looks compressed and is not; somebody has tried to read it already. */
function unreadable(queueOffset: number): StoredMessage {
  const message = storedMessage({
    queueOffset,
    body: Buffer.from('no zlib'),
    sysFlag: withCompression(0, CompressionType.ZLIB),
  });
  void message.inflate();
  return message;
}

describe('ConsumeLoop at its edges', () => {
  it('makes no promise per message while the listener is synchronous', async () => {
    const t = setUpLoop({ listener: () => 'SUCCESS' });
    const queue = t.queue(0, 20_000);
    let promises = 0;
    const hook = createHook({ init: (_id, type) => void (promises += type === 'PROMISE' ? 1 : 0) }).enable();
    t.loop.notify(queue);
    await turns(3);
    hook.disable();
    expect(t.offsets.get(queue.messageQueue)).to.equal(20_000);
    // Some hundred belong to what else runs in this process.
    expect(promises).to.be.below(4_000);
  });

  it('takes any thenable for a promise', async () => {
    const answers = ['SUCCESS', SUSPEND, 'SUCCESS'] as const;
    let call = 0;
    const t = setUpLoop({
      listener: () => ({ then: (resolve) => Promise.resolve(answers[call++]).then(resolve) }),
    });
    const queue = t.queue(0, 2);
    t.loop.notify(queue);
    await t.clock.advance(1_000);
    expect(call).to.equal(3);
    expect(t.offsets.get(queue.messageQueue)).to.equal(2);
  });

  it('tells the pull loop of the room that was made, when the queue is no longer busy', async () => {
    for (const kind of ['synchronous', 'asynchronous']) {
      const t = setUpLoop({ listener: () => (kind === 'synchronous' ? 'SUCCESS' : Promise.resolve('SUCCESS')) });
      const queue = t.queue(0, 1);
      queue.waitsForRoom = true;
      let busy: boolean | undefined;
      void queue.changed.wait(t.clock).then(() => (busy = queue.busy));
      t.loop.notify(queue);
      await turns();
      expect(busy, kind).to.equal(false);
    }
  });

  it('leaves the queue resting after a failure, also when it is paused and resumed meanwhile', async () => {
    let calls = 0;
    const t = setUpLoop({ listener: () => (++calls === 1 ? (t.loop.setPaused(true), SUSPEND) : 'SUCCESS') });
    const queue = t.queue(0, 1);
    t.loop.notify(queue);
    await t.clock.advance(400);
    t.loop.setPaused(false);
    t.loop.notify(queue);
    await t.clock.advance(599);
    expect(calls).to.equal(1);
    await t.clock.advance(1);
    expect(calls).to.equal(2);
  });

  it('has no rest left over after it was stopped', async () => {
    const t = setUpLoop({ listener: () => (t.loop.stop(), SUSPEND) });
    t.loop.notify(t.queue(0, 1));
    await turns();
    expect(t.clock.timerCount).to.equal(0);
  });

  it('reports a call that took longer than the limit, and takes its answer all the same', async () => {
    const t = setUpLoop({
      options: { consumeTimeout: 2, lockLeaseTime: 1e9 },
      listener: ([message]) => t.clock.jump(message?.queueOffset === 0 ? 119_999 : 120_000),
    });
    const queue = t.queue(0, 2);
    t.loop.notify(queue);
    await turns();
    await t.clock.advance(10);
    expect(t.warnings).to.deep.equal(['LISTENER_TIMED_OUT']);
    expect(t.offsets.get(queue.messageQueue)).to.equal(2);
  });

  it('reports a call that does not end, once, and the next one that takes as long', async () => {
    const answers: (() => void)[] = [];
    const t = setUpLoop({
      options: { consumeTimeout: 2, lockLeaseTime: 1e9 },
      listener: () => new Promise<void>((resolve) => answers.push(resolve)),
    });
    const queue = t.queue(0, 3);
    t.loop.notify(queue);
    await t.clock.advance(119_999);
    t.loop.watchCalls([queue]);
    expect(t.warnings).to.deep.equal([]);
    await t.clock.advance(1);
    for (let i = 0; i < 3; i++) t.loop.watchCalls([queue]);
    expect(t.warnings).to.deep.equal(['LISTENER_TIMED_OUT']);
    answers[0]?.();
    await turns();
    expect(t.warnings.length, 'it was reported').to.equal(1);
    await t.clock.advance(120_010);
    t.loop.watchCalls([queue]);
    expect(t.warnings.length).to.equal(2);
  });

  it('goes on after a second when a policy throws, without a commit and without having counted twice', async () => {
    let asked = 0;
    const t = setUpLoop({
      maxReconsumeTimes: 0,
      onExhausted: () => {
        if (++asked === 1) throw new Error('no');
        return 'skip';
      },
      listener: ([message]) => (message?.queueOffset === 0 ? SUSPEND : 'SUCCESS'),
    });
    const queue = t.queue(0, 2);
    t.loop.notify(queue);
    await t.clock.advance(999);
    expect(t.offsets.get(queue.messageQueue)).to.equal(undefined);
    expect(t.errors.length).to.equal(1);
    await t.clock.advance(1);
    expect(t.events).to.deep.equal(['skipped 0']);
    expect(t.offsets.get(queue.messageQueue)).to.equal(2);
  });

  describe('the lock confirmed at each commit', () => {
    it('is asked for once per call, and an answer it is not confirmed for is void', async () => {
      let confirms = 0;
      const seen: number[] = [];
      const t = setUpLoop({
        options: { verifyLockOnCommit: true },
        confirm: (q) => {
          // Refused at the second message, the first time.
          if (++confirms === 2) q.locked = false;
          return Promise.resolve();
        },
        listener: ([message]) => void seen.push(message?.queueOffset ?? -1),
      });
      const queue = t.queue(0, 3);
      t.loop.notify(queue);
      await turns(10);
      expect(confirms).to.equal(2);
      expect(t.offsets.get(queue.messageQueue)).to.equal(1);
      expect(t.relocks).to.deep.equal([queue]);
      queue.locked = true;
      t.loop.notify(queue);
      await turns(10);
      expect(seen).to.deep.equal([0, 1, 1, 2]);
      expect(t.offsets.get(queue.messageQueue)).to.equal(3);
    });

    it('is not asked for where there are no locks', async () => {
      let confirms = 0;
      const t = setUpLoop({
        lockless: true,
        options: { verifyLockOnCommit: true },
        confirm: () => Promise.resolve(void confirms++),
        listener: () => 'SUCCESS',
      });
      const queue = t.queue(0, 3);
      t.loop.notify(queue);
      await turns(10);
      expect(confirms).to.equal(0);
      expect(t.offsets.get(queue.messageQueue)).to.equal(3);
    });
  });

  describe('a body that can not be read', () => {
    it('stops its queue before it: those before are consumed, it and those behind are not', async () => {
      const seen: number[][] = [];
      const t = setUpLoop({
        options: { consumeMessageBatchMaxSize: 4 },
        listener: (messages) => void seen.push(messages.map((message) => message.queueOffset)),
      });
      const queue = t.queue();
      queue.buffer.put([storedMessage({ queueOffset: 0 }), storedMessage({ queueOffset: 1 })]);
      queue.buffer.put([unreadable(2), storedMessage({ queueOffset: 3 })]);
      t.loop.notify(queue);
      await t.clock.advance(10_500);
      expect(seen).to.deep.equal([[0, 1]]);
      expect(t.offsets.get(queue.messageQueue)).to.equal(2);
      expect(t.errors.length, 'reported at each attempt').to.equal(11);
      expect(new Set(t.errors.map((error) => error.code))).to.deep.equal(new Set(['ERR_ROCKETMQ_COMPRESSION_CORRUPT']));
    });

    it('is given up after its attempts, as any message is, and what follows goes on', async () => {
      const seen: number[] = [];
      const t = setUpLoop({
        maxReconsumeTimes: 2,
        listener: ([message]) => void seen.push(message?.queueOffset ?? -1),
      });
      const queue = t.queue();
      queue.buffer.put([unreadable(0), storedMessage({ queueOffset: 1 })]);
      t.loop.notify(queue);
      await t.clock.advance(1_999);
      expect(t.sentBack).to.deep.equal([]);
      await t.clock.advance(1);
      expect(t.sentBack).to.deep.equal([0]);
      expect(t.errors.length).to.equal(3);
      expect(seen).to.deep.equal([1]);
      expect(t.offsets.get(queue.messageQueue)).to.equal(2);
    });

    it('given up does not commit what the listener has left uncommitted before it', async () => {
      const t = setUpLoop({
        maxReconsumeTimes: 0,
        listener: ([message], context) => {
          context.autoCommit = false;
          return message?.queueOffset === 3 ? 'COMMIT' : 'SUCCESS';
        },
      });
      const queue = t.queue();
      queue.buffer.put([storedMessage({ queueOffset: 0 }), unreadable(1), storedMessage({ queueOffset: 2 })]);
      t.loop.notify(queue);
      await turns(10);
      expect(t.sentBack).to.deep.equal([1]);
      expect(t.offsets.get(queue.messageQueue)).to.equal(undefined);
      queue.buffer.put([storedMessage({ queueOffset: 3 })]);
      t.loop.notify(queue);
      await turns();
      expect(t.offsets.get(queue.messageQueue)).to.equal(4);
    });

    it('is none when it can be read', async () => {
      const bodies: string[] = [];
      const t = setUpLoop({ listener: ([message]) => void bodies.push(String(message?.body)) });
      const queue = t.queue();
      const body = deflateSync(Buffer.from('hello'));
      queue.buffer.put([storedMessage({ queueOffset: 0, body, sysFlag: withCompression(0, CompressionType.ZLIB) })]);
      t.loop.notify(queue);
      await turns();
      expect(bodies).to.deep.equal(['hello']);
    });
  });

  describe('remembered attempts', () => {
    class Attempts implements AttemptStore {
      readonly entries = new Map<number, number>();
      get(_group: string, _queue: unknown, offset: number): number | undefined {
        return this.entries.get(offset);
      }
      set(_group: string, _queue: unknown, offset: number, attempts: number): void {
        this.entries.set(offset, attempts);
      }
      delete(_group: string, _queue: unknown, offset: number): void {
        this.entries.delete(offset);
      }
    }

    it('go on where another process left off, and are forgotten when the message is committed', async () => {
      const attemptStore = new Attempts();
      attemptStore.set('g', undefined, 0, 1);
      const times: number[] = [];
      const t = setUpLoop({
        attemptStore,
        maxReconsumeTimes: 3,
        listener: ([message]) => {
          times.push(message?.reconsumeTimes ?? -1);
          return times.length < 3 ? SUSPEND : 'SUCCESS';
        },
      });
      t.loop.notify(t.queue(0, 1));
      await t.clock.advance(3_000);
      expect(times).to.deep.equal([1, 2, 3]);
      expect(attemptStore.entries.size).to.equal(0);
    });

    it('are read for the first messages of an ownership only, where another may have failed', async () => {
      const attemptStore = new Attempts();
      let reads = 0;
      attemptStore.get = () => void reads++;
      const t = setUpLoop({ attemptStore, listener: () => 'SUCCESS' });
      const queue = t.queue(0, 50);
      t.loop.notify(queue);
      await turns(10);
      expect(t.offsets.get(queue.messageQueue)).to.equal(50);
      expect(reads).to.equal(1);
      queue.renewGeneration(new Error('lost'));
      queue.buffer.reset(50);
      queue.buffer.put([storedMessage({ queueOffset: 50 }), storedMessage({ queueOffset: 51 })]);
      t.loop.notify(queue);
      await turns(10);
      expect(t.offsets.get(queue.messageQueue)).to.equal(52);
      expect(reads).to.equal(2);
    });

    it('that take too long to read do not let a call begin without a lease', async () => {
      const attemptStore = new Attempts();
      let found: (value: undefined) => void = () => undefined;
      attemptStore.get = () => new Promise<undefined>((resolve) => (found = resolve)) as never;
      const seen: number[] = [];
      const t = setUpLoop({ attemptStore, listener: ([message]) => void seen.push(message?.queueOffset ?? -1) });
      const queue = t.queue(0, 2);
      t.loop.notify(queue);
      await t.clock.advance(LEASE + 1);
      found(undefined);
      await turns(10);
      expect(seen).to.deep.equal([]);
      expect(t.relocks).to.deep.equal([queue]);
      queue.lockedAt = t.clock.now();
      t.loop.notify(queue);
      await turns();
      found(undefined);
      await turns();
      expect(seen).to.deep.equal([0, 1]);
    });

    it('stay when a rollback undoes what was consumed', async () => {
      const attemptStore = new Attempts();
      const script = [SUSPEND, 'SUCCESS', 'ROLLBACK', 'SUCCESS', 'COMMIT'] as const;
      const kept: number[] = [];
      let call = 0;
      const t = setUpLoop({
        attemptStore,
        listener: (_messages, context) => {
          context.autoCommit = false;
          kept.push(attemptStore.entries.size);
          return script[call++];
        },
      });
      t.loop.notify(t.queue(0, 2));
      await t.clock.advance(5_000);
      expect(kept).to.deep.equal([0, 1, 1, 1, 1]);
      expect(attemptStore.entries.size).to.equal(0);
    });

    it('in a store that fails, at once or later, are reported and keep nothing from going on', async () => {
      for (const fail of [
        () => {
          throw new Error('no');
        },
        () => Promise.reject(new Error('no')),
      ]) {
        // prettier-ignore
        let calls = 0;
        const t = setUpLoop({
          attemptStore: { get: fail, set: fail, delete: fail },
          listener: () => (++calls === 1 ? SUSPEND : 'SUCCESS'),
        });
        const queue = t.queue(0, 2);
        t.loop.notify(queue);
        await t.clock.advance(1_000);
        expect(calls).to.equal(3);
        expect(t.offsets.get(queue.messageQueue)).to.equal(2);
        expect(new Set(t.errors.map((error) => error.code))).to.deep.equal(new Set(['ERR_ROCKETMQ_ATTEMPT_STORE']));
      }
    });
  });
});
