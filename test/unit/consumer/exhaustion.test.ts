import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { Exhaustion } from '../../../lib/consumer/exhaustion.js';
import type { RocketMQError } from '../../../lib/errors.js';
import type { AttemptStore, OnExhausted } from '../../../lib/options.js';
import { turns } from '../../support/fake-clock.js';
import { storedMessage } from '../../support/stored-message.js';

interface Setup {
  maxReconsumeTimes?: number;
  onExhausted?: OnExhausted;
  sendBack?: () => Promise<string>;
  attemptStore?: AttemptStore;
}

function setUp({ maxReconsumeTimes = 2, onExhausted = 'dlq', sendBack, attemptStore }: Setup = {}) {
  const errors: RocketMQError[] = [];
  const events: unknown[][] = [];
  const limit = { max: maxReconsumeTimes };
  let sends = 0;
  const exhaustion = new Exhaustion({
    consumerGroup: 'g',
    maxReconsumeTimes: () => limit.max,
    onExhausted,
    attemptStore,
    sendBack: () => {
      sends++;
      return sendBack?.() ?? Promise.resolve('%RETRY%g');
    },
    report: (error) => errors.push(error),
    deadLettered: (event) => events.push(['deadLetter', event.reconsumeTimes, event.target]),
    skipped: (event) => events.push(['skipped', event.reconsumeTimes]),
    blocked: (event) => events.push(['blocked', event.reconsumeTimes, event.error?.code]),
  });
  const messageQueue = { topic: 'T', brokerName: 'b', queueId: 3 };
  const queue = new AssignedQueue({ ...messageQueue, topic: 'ns%T' }, messageQueue, false);
  const message = storedMessage({ queueOffset: 7 });
  return { errors, events, limit, exhaustion, queue, message, sends: () => sends };
}

describe('Exhaustion', () => {
  it('counts attempts until they are used up, then sends the message away', async () => {
    const t = setUp();
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(false);
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(false);
    expect(t.message.reconsumeTimes).to.equal(2);
    expect(t.sends()).to.equal(0);
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(true);
    expect(t.events).to.deep.equal([['deadLetter', 2, '%RETRY%g']]);
    expect(t.message.reconsumeTimes, 'it was delivered so often before').to.equal(2);
  });

  it('never ends with -1', async () => {
    const t = setUp({ maxReconsumeTimes: -1 });
    for (let i = 0; i < 50; i++) expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(false);
    expect(t.message.reconsumeTimes).to.equal(50);
    expect(t.sends()).to.equal(0);
  });

  it('goes by the limit of the moment', async () => {
    const t = setUp({ maxReconsumeTimes: -1 });
    await t.exhaustion.handle(t.message, t.queue);
    await t.exhaustion.handle(t.message, t.queue);
    t.limit.max = 1;
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(true);
  });

  it('goes on counting when the message can not be sent away, and says so each time', async () => {
    let broken = true;
    const t = setUp({
      maxReconsumeTimes: 0,
      sendBack: () => (broken ? Promise.reject(new Error('no route')) : Promise.resolve('%RETRY%g')),
    });
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(false);
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(false);
    broken = false;
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(true);
    expect(t.events).to.deep.equal([
      ['blocked', 0, 'ERR_ROCKETMQ_SEND_FAILED'],
      ['blocked', 1, 'ERR_ROCKETMQ_SEND_FAILED'],
      ['deadLetter', 2, '%RETRY%g'],
    ]);
    expect(t.errors.length).to.equal(2);
    expect((t.errors[0]?.cause as Error).message).to.equal('no route');
  });

  it('passes a message over with skip, and keeps it with block', async () => {
    const skip = setUp({ maxReconsumeTimes: 0, onExhausted: 'skip' });
    expect(await skip.exhaustion.handle(skip.message, skip.queue)).to.equal(true);
    expect(skip.events).to.deep.equal([['skipped', 0]]);
    const block = setUp({ maxReconsumeTimes: 0, onExhausted: 'block' });
    expect(await block.exhaustion.handle(block.message, block.queue)).to.equal(false);
    expect(await block.exhaustion.handle(block.message, block.queue)).to.equal(false);
    expect(block.events).to.deep.equal([
      ['blocked', 0, undefined],
      ['blocked', 1, undefined],
    ]);
    expect(skip.sends() + block.sends()).to.equal(0);
  });

  it('asks a function for each message, with the queue as its user knows it', async () => {
    const asked: unknown[] = [];
    const answers = ['block', Promise.resolve('skip' as const), 'dlq'] as const;
    const t = setUp({
      maxReconsumeTimes: 0,
      onExhausted: (message, queue) => {
        asked.push([message.queueOffset, message.reconsumeTimes, queue]);
        return answers[asked.length - 1] ?? 'block';
      },
    });
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(false);
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(true);
    expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(true);
    const queue = { topic: 'T', brokerName: 'b', queueId: 3 };
    expect(asked).to.deep.equal([[7, 0, queue], [7, 1, queue], [7, 1, queue]]); // prettier-ignore
    expect(t.events.map(([name]) => name)).to.deep.equal(['blocked', 'skipped', 'deadLetter']);
  });

  describe('with an attempt store', () => {
    class Store implements AttemptStore {
      readonly calls: unknown[][] = [];
      readonly entries = new Map<number, number>();
      get(...args: Parameters<AttemptStore['get']>): number | undefined {
        this.calls.push(['get', ...args]);
        return this.entries.get(args[2]);
      }
      async set(...args: Parameters<AttemptStore['set']>): Promise<void> {
        await Promise.resolve();
        this.calls.push(['set', ...args]);
        this.entries.set(args[2], args[3]);
      }
      delete(...args: Parameters<AttemptStore['delete']>): void {
        this.calls.push(['delete', ...args]);
        this.entries.delete(args[2]);
      }
    }

    it('goes on where another process left off', async () => {
      const attemptStore = new Store();
      attemptStore.entries.set(7, 2);
      const t = setUp({ attemptStore });
      expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(true);
      expect(t.events).to.deep.equal([['deadLetter', 2, '%RETRY%g']]);
      await turns(1);
      expect(attemptStore.entries.size).to.equal(0);
    });

    it('writes each attempt down under the names its user knows', async () => {
      const attemptStore = new Store();
      const t = setUp({ attemptStore });
      await t.exhaustion.handle(t.message, t.queue);
      const queue = { topic: 'T', brokerName: 'b', queueId: 3 };
      expect(attemptStore.calls).to.deep.equal([
        ['get', 'g', queue, 7],
        ['set', 'g', queue, 7, 1],
      ]);
    });

    it('never counts less than it has seen itself', async () => {
      const attemptStore = new Store();
      const t = setUp({ attemptStore, maxReconsumeTimes: -1 });
      t.message.reconsumeTimes = 5;
      attemptStore.entries.set(7, 3);
      await t.exhaustion.handle(t.message, t.queue);
      expect(t.message.reconsumeTimes).to.equal(6);
      expect(attemptStore.entries.get(7)).to.equal(6);
    });

    it('forgets finished messages, and asks for nothing to be forgotten that never failed', async () => {
      const attemptStore = new Store();
      const t = setUp({ attemptStore });
      const other = storedMessage({ queueOffset: 8 });
      await t.exhaustion.handle(t.message, t.queue);
      t.exhaustion.forget([t.message, other], t.queue);
      await turns(1);
      expect(attemptStore.entries.size).to.equal(0);
      expect(attemptStore.calls.filter(([name]) => name === 'delete').length).to.equal(1);
    });

    it('reports what fails in it, and counts in memory', async () => {
      const no = (): never => {
        throw new Error('no');
      };
      const t = setUp({ attemptStore: { get: no, set: () => Promise.reject(new Error('no')), delete: no } });
      await t.exhaustion.recall([t.message], t.queue);
      for (let i = 0; i < 2; i++) expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(false);
      expect(await t.exhaustion.handle(t.message, t.queue)).to.equal(true);
      await turns(1);
      expect(new Set(t.errors.map((error) => error.code))).to.deep.equal(new Set(['ERR_ROCKETMQ_ATTEMPT_STORE']));
      expect(t.errors.length).to.equal(1 + 3 + 2 + 1);
    });
  });
});
