import { expect } from 'chai';
import type { MessageListenerOrderly } from '../../../lib/consumer/listener.js';
import { turns } from '../../support/fake-clock.js';
import { LEASE, setUpLoop as setUp } from '../../support/loop-rig.js';
import { storedMessage } from '../../support/stored-message.js';

describe('ConsumeLoop', () => {
  it('hands out one message after the other and commits behind each', async () => {
    const seen: number[] = [];
    const committed: (number | undefined)[] = [];
    const t = setUp({
      listener: (messages) => {
        committed.push(t.offsets.get(q.messageQueue));
        seen.push(...messages.map((m) => m.queueOffset));
      },
    });
    const q = t.queue(0, 5);
    t.loop.notify(q);
    await turns();
    expect(seen).to.deep.equal([0, 1, 2, 3, 4]);
    expect(committed).to.deep.equal([undefined, 1, 2, 3, 4]);
    expect(t.offsets.get(q.messageQueue)).to.equal(5);
    expect(q.runner).to.equal('idle');
  });

  it('never calls the listener of a queue before its last call has answered', async () => {
    let running = 0;
    let most = 0;
    const answers: (() => void)[] = [];
    const t = setUp({
      listener: async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => answers.push(resolve));
        running--;
      },
    });
    const q = t.queue(0, 3);
    for (let i = 0; i < 3; i++) {
      t.loop.notify(q);
      await turns();
      expect(answers.length).to.equal(i + 1);
      answers[i]?.();
      await turns();
    }
    expect(most).to.equal(1);
    expect(t.offsets.get(q.messageQueue)).to.equal(3);
  });

  it('hands out batches of at most the size that was asked for', async () => {
    const sizes: number[] = [];
    const t = setUp({
      listener: (messages) => void sizes.push(messages.length),
      options: { consumeMessageBatchMaxSize: 8 },
    });
    t.loop.notify(t.queue(0, 20));
    await turns();
    expect(sizes).to.deep.equal([8, 8, 4]);
  });

  it('is not disturbed by a listener that empties or sorts its array', async () => {
    const seen: number[] = [];
    const t = setUp({
      listener: (messages) => {
        seen.push(...messages.map((m) => m.queueOffset));
        (messages as unknown[]).length = 0;
      },
      options: { consumeMessageBatchMaxSize: 3 },
    });
    const q = t.queue(0, 6);
    t.loop.notify(q);
    await turns();
    expect(seen).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(t.offsets.get(q.messageQueue)).to.equal(6);
  });

  describe('a listener that fails', () => {
    const failing: [name: string, answer: MessageListenerOrderly, reported: boolean][] = [
      ['throws', () => { throw new Error('no'); }, true], // prettier-ignore
      ['rejects', () => Promise.reject(new Error('no')), true],
      ['answers null', () => null as unknown as undefined, true],
      ['answers an unknown status', () => 'RECONSUME_LATER' as 'SUCCESS', true],
      ['resolves to an unknown status', () => Promise.resolve(17 as unknown as 'SUCCESS'), true],
      ['suspends', () => 'SUSPEND_CURRENT_QUEUE_A_MOMENT', false],
    ];
    for (const [name, answer, reported] of failing) {
      it(`${name}: gets the same message again after the suspend time, and nothing before`, async () => {
        const seen: [number, number][] = [];
        const t = setUp({
          listener: (messages, context) => {
            seen.push(...messages.map((m): [number, number] => [m.queueOffset, m.reconsumeTimes]));
            return seen.length === 1 ? answer(messages, context) : 'SUCCESS';
          },
        });
        const q = t.queue(0, 2);
        t.loop.notify(q);
        await t.clock.advance(999);
        expect(seen).to.deep.equal([[0, 0]]);
        expect(t.offsets.get(q.messageQueue)).to.equal(undefined);
        await t.clock.advance(1);
        expect(seen).to.deep.equal([[0, 0], [0, 1], [1, 0]]); // prettier-ignore
        expect(t.errors.map((error) => error.code)).to.deep.equal(reported ? ['ERR_ROCKETMQ_LISTENER'] : []);
      });
    }
  });

  it('reads the suspend time and the commit mode after the listener has answered', async () => {
    let calls = 0;
    const t = setUp({
      listener: async (_messages, context) => {
        await Promise.resolve();
        context.suspendCurrentQueueTimeMillis = 5_000;
        return ++calls === 1 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
      },
    });
    t.loop.notify(t.queue(0, 1));
    await t.clock.advance(4_999);
    expect(calls).to.equal(1);
    await t.clock.advance(1);
    expect(calls).to.equal(2);
  });

  it('takes COMMIT and ROLLBACK as SUCCESS with auto commit, and warns', async () => {
    const answers = ['COMMIT', 'ROLLBACK'] as const;
    let calls = 0;
    const t = setUp({ listener: () => answers[calls++] });
    const q = t.queue(0, 2);
    t.loop.notify(q);
    await turns();
    expect(calls).to.equal(2);
    expect(t.offsets.get(q.messageQueue)).to.equal(2);
    expect(t.warnings).to.deep.equal(['STATUS_IN_AUTO_COMMIT', 'STATUS_IN_AUTO_COMMIT']);
  });

  it('commits by hand exactly as the reference was seen to', async () => {
    const script: [offset: number, answer: 'SUCCESS' | 'COMMIT' | 'ROLLBACK' | 'SUSPEND_CURRENT_QUEUE_A_MOMENT'][] = [
      [0, 'SUCCESS'], [1, 'SUCCESS'], [2, 'ROLLBACK'],
      [0, 'SUCCESS'], [1, 'SUCCESS'], [2, 'COMMIT'], [3, 'SUCCESS'], [4, 'SUSPEND_CURRENT_QUEUE_A_MOMENT'],
      [4, 'SUCCESS'], [5, 'SUCCESS'],
    ]; // prettier-ignore
    const seen: [number, number][] = [];
    const t = setUp({
      listener: ([message], context) => {
        context.autoCommit = false;
        const step = script[seen.length];
        seen.push([message?.queueOffset ?? -1, message?.reconsumeTimes ?? -1]);
        return step?.[1];
      },
    });
    const q = t.queue(0, 6);
    t.loop.notify(q);
    await t.clock.advance(999);
    expect(seen.length, 'the rollback rests a second').to.equal(3);
    await t.clock.advance(1_001);
    expect(seen.map(([offset]) => offset)).to.deep.equal(script.map(([offset]) => offset));
    expect(seen.map(([, times]) => times)).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(t.offsets.get(q.messageQueue)).to.equal(3);
    expect(q.buffer.consuming.map((m) => m.queueOffset)).to.deep.equal([3, 4, 5]);
  });

  it('commits with an automatic SUCCESS what was left uncommitted by hand', async () => {
    const t = setUp({
      listener: ([message], context) => {
        context.autoCommit = message?.queueOffset === 2;
        return 'SUCCESS';
      },
    });
    const q = t.queue(0, 3);
    t.loop.notify(q);
    await turns();
    expect(t.offsets.get(q.messageQueue)).to.equal(3);
  });

  describe('a message that used up its attempts', () => {
    it('is sent back after maxReconsumeTimes + 1 deliveries, and the next one follows at once', async () => {
      const seen: number[] = [];
      const t = setUp({
        maxReconsumeTimes: 2,
        listener: ([message]) => {
          seen.push(message?.queueOffset ?? -1);
          return message?.queueOffset === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
        },
      });
      const q = t.queue(0, 2);
      t.loop.notify(q);
      await t.clock.advance(2_000);
      expect(seen).to.deep.equal([0, 0, 0, 1]);
      expect(t.sentBack).to.deep.equal([0]);
      expect(t.events).to.deep.equal(['dead 0']);
      expect(t.offsets.get(q.messageQueue)).to.equal(2);
    });

    it('holds its queue while it can not be sent back', async () => {
      let broken = true;
      const seen: number[] = [];
      const t = setUp({
        maxReconsumeTimes: 0,
        sendBack: () => (broken ? Promise.reject(new Error('no route')) : Promise.resolve('%RETRY%g')),
        listener: ([message]) => {
          seen.push(message?.queueOffset ?? -1);
          return message?.queueOffset === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
        },
      });
      const q = t.queue(0, 2);
      t.loop.notify(q);
      await t.clock.advance(3_500);
      expect(seen).to.deep.equal([0, 0, 0, 0]);
      expect(t.offsets.get(q.messageQueue)).to.equal(undefined);
      expect(t.errors[0]?.code).to.equal('ERR_ROCKETMQ_SEND_FAILED');
      broken = false;
      await t.clock.advance(1_000);
      expect(seen).to.deep.equal([0, 0, 0, 0, 0, 1]);
      expect(t.sentBack).to.deep.equal([0]);
      expect(t.offsets.get(q.messageQueue)).to.equal(2);
    });

    it('is sent back once, even when others of its batch go on failing', async () => {
      let round = 0;
      const t = setUp({
        maxReconsumeTimes: 1,
        options: { consumeMessageBatchMaxSize: 4 },
        listener: () => (++round < 6 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS'),
      });
      const q = t.queue(0, 3);
      const [first] = q.buffer.take(1);
      if (first !== undefined) first.reconsumeTimes = 1;
      q.buffer.rollback();
      t.loop.notify(q);
      await turns();
      expect(t.sentBack).to.deep.equal([0]);
      expect(t.offsets.get(q.messageQueue), 'the contiguous part is committed').to.equal(1);
      await t.clock.advance(3_000);
      expect(t.sentBack).to.deep.equal([0, 1, 2]);
      expect(t.offsets.get(q.messageQueue)).to.equal(3);
    });

    it('is passed over with skip, and holds its queue with block', async () => {
      for (const policy of ['skip', 'block'] as const) {
        const t = setUp({
          maxReconsumeTimes: 0,
          onExhausted: policy,
          listener: ([message]) => (message?.queueOffset === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS'),
        });
        const q = t.queue(0, 2);
        t.loop.notify(q);
        await t.clock.advance(1_500);
        expect(t.sentBack).to.deep.equal([]);
        if (policy === 'skip') {
          expect(t.events).to.deep.equal(['skipped 0']);
          expect(t.offsets.get(q.messageQueue)).to.equal(2);
        } else {
          expect(t.events).to.deep.equal(['blocked 0', 'blocked 0']);
          expect(t.offsets.get(q.messageQueue)).to.equal(undefined);
        }
      }
    });
  });

  describe('the lock', () => {
    it('is needed before every call: without a lease nothing is handed out, and it is asked for', async () => {
      const seen: number[] = [];
      const t = setUp({
        listener: async ([message]) => {
          seen.push(message?.queueOffset ?? -1);
          if (message?.queueOffset === 1) q.locked = false;
          await Promise.resolve();
        },
        confirm: () => Promise.resolve(),
      });
      const q = t.queue(0, 4);
      t.loop.notify(q);
      await turns();
      expect(seen).to.deep.equal([0, 1]);
      expect(t.relocks.length).to.be.greaterThan(0);
      expect(t.offsets.get(q.messageQueue), 'no commit without the lock').to.equal(1);
    });

    it('is confirmed before an answer counts that took longer than the lease', async () => {
      const confirmed: number[] = [];
      const t = setUp({
        listener: async () => t.clock.advance(LEASE + 1),
        confirm: (queue) => {
          confirmed.push(queue.messageQueue.queueId);
          queue.lockedAt = t.clock.now();
          return Promise.resolve();
        },
      });
      const q = t.queue(0, 1);
      t.loop.notify(q);
      await turns(50);
      expect(confirmed).to.deep.equal([0]);
      expect(t.offsets.get(q.messageQueue)).to.equal(1);
    });

    it('when lost during a call makes its answer void', async () => {
      const t = setUp({
        listener: () => {
          q.renewGeneration(new Error('lost'));
          q.buffer.reset(0);
          return 'SUCCESS';
        },
      });
      const q = t.queue(0, 3);
      t.loop.notify(q);
      await turns();
      expect(t.offsets.get(q.messageQueue)).to.equal(undefined);
      expect(q.buffer.count).to.equal(0);
    });

    it('of a queue that is being given up still covers the call that is under way, and no other', async () => {
      const seen: number[] = [];
      const t = setUp({
        listener: async ([message], context) => {
          seen.push(message?.queueOffset ?? -1);
          q.state = 'draining';
          q.announceEnd(new Error('revoked'));
          await Promise.resolve();
          expect(context.signal.aborted).to.equal(true);
          expect(context.isOwner()).to.equal(true);
        },
      });
      const q = t.queue(0, 3);
      t.loop.notify(q);
      await turns();
      expect(seen).to.deep.equal([0]);
      expect(t.offsets.get(q.messageQueue)).to.equal(1);
    });
  });

  it('gives way to the other queues after a minute', async () => {
    const order: number[] = [];
    const t = setUp({
      options: { consumeConcurrency: 1 },
      listener: async ([message]) => {
        order.push(message?.queueId ?? -1);
        a.lockedAt = b.lockedAt = t.clock.now();
        await t.clock.advance(10_000);
      },
    });
    const a = t.queue(0, 20);
    const b = t.queue(1, 1);
    t.loop.notify(a);
    t.loop.notify(b);
    await turns(400);
    await t.clock.advance(10);
    await turns(400);
    const firstOfB = order.indexOf(1);
    expect(order.slice(0, firstOfB).length, 'seven calls of ten seconds make more than a minute').to.equal(7);
    expect(order.filter((id) => id === 0).length).to.equal(20);
  });

  it('runs as many queues at once as there are places; one that rests holds none', async () => {
    let running = 0;
    let most = 0;
    const finish: (() => void)[] = [];
    const seen = new Set<number>();
    const t = setUp({
      options: { consumeConcurrency: 4 },
      listener: async ([message]) => {
        const queueId = message?.queueId ?? -1;
        seen.add(queueId);
        if (queueId < 4 && message?.reconsumeTimes === 0) return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => finish.push(resolve));
        running--;
        return 'SUCCESS';
      },
    });
    const queues = Array.from({ length: 10 }, (_, id) => t.queue(id, 1));
    for (const q of queues) t.loop.notify(q);
    await turns(20);
    expect([...seen]).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(running).to.equal(4);
    while (finish.length > 0) {
      finish.shift()?.();
      await turns(10);
      await t.clock.advance(1_000);
    }
    expect(most).to.equal(4);
    for (const q of queues) expect(t.offsets.get(q.messageQueue)).to.equal(1);
  });

  it('fires the signal of a call that takes too long, and starts no other before it has answered', async () => {
    let aborted = false;
    let calls = 0;
    let answer: () => void = () => undefined;
    const t = setUp({
      options: { listenerTimeoutMs: 3_000 },
      listener: (_messages, context) => {
        calls++;
        context.signal.addEventListener('abort', () => (aborted = true));
        return new Promise<undefined>((resolve) => {
          answer = () => resolve(undefined);
        });
      },
    });
    t.loop.notify(t.queue(0, 2));
    await t.clock.advance(2_999);
    expect(aborted).to.equal(false);
    await t.clock.advance(1);
    expect(aborted).to.equal(true);
    expect(calls).to.equal(1);
    answer();
    await turns();
    expect(calls).to.equal(2);
  });

  it('hands nothing out while paused or stopped', async () => {
    const seen: number[] = [];
    const t = setUp({ listener: ([message]) => void seen.push(message?.queueOffset ?? -1) });
    const q = t.queue(0, 2);
    t.loop.setPaused(true);
    t.loop.notify(q);
    await turns();
    expect(seen).to.deep.equal([]);
    t.loop.setPaused(false);
    t.loop.notify(q);
    await turns();
    expect(seen).to.deep.equal([0, 1]);
    t.loop.stop();
    q.buffer.put([storedMessage({ queueOffset: 2 })]);
    t.loop.notify(q);
    await turns();
    expect(seen).to.deep.equal([0, 1]);
  });
});
