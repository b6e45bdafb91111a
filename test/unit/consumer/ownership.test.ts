import { expect } from 'chai';
import type { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { Ownership, type OwnershipOptions } from '../../../lib/consumer/ownership.js';
import { QueueTable } from '../../../lib/consumer/queue-table.js';
import type { StartOffset } from '../../../lib/consumer/start-offset.js';
import { BrokerError, TimeoutError, type RocketMQError } from '../../../lib/errors.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { messageQueueKey, type MessageQueue } from '../../../lib/protocol/message-queue.js';
import { FakeClient, routeOf, type FakeCall } from '../../support/fake-client.js';
import { turns } from '../../support/fake-clock.js';
import { MemoryOffsetStore } from '../../support/memory-offset-store.js';

const LEASE = 30_000;
const RENEW = 20_000;
const { UNLOCK_BATCH_MQ } = RequestCode;
const Q: MessageQueue = { topic: 'T', brokerName: 'a', queueId: 0 };

type FindStart = (queue: MessageQueue, chosenBefore: number | undefined) => Promise<StartOffset>;

function setUp(options: Partial<OwnershipOptions> = {}) {
  const client = new FakeClient();
  const told: string[] = [];
  const errors: RocketMQError[] = [];
  const begun: number[] = [];
  const wentOn: string[] = [];
  const unsettled: string[] = [];
  const masterless: string[] = [];
  const offsets = new MemoryOffsetStore();
  const table = new QueueTable(client.clock, ({ queue, from, to }) =>
    told.push(`${queue.messageQueue.queueId}: ${from} -> ${to}`),
  );
  const state = {
    /** Queue ids whose lock is refused. */
    refused: new Set<number>(),
    silent: false,
    findStart: (() => Promise.resolve({ offset: 5, chosen: false })) as FindStart,
  };
  client.respond = (call: FakeCall) => {
    if (state.silent) throw new TimeoutError('no answer');
    if (call.code === UNLOCK_BATCH_MQ) return {};
    const queues = call.request['queues'] as MessageQueue[];
    return { lockedQueues: queues.filter(({ queueId }) => !state.refused.has(queueId)) };
  };
  const ownership = new Ownership(
    {
      lockless: false,
      leaseTime: LEASE,
      renewInterval: RENEW,
      releaseOrphans: false,
      revokeTimeoutMs: undefined,
      ...options,
    },
    {
      client: client.asClient(),
      consumerGroup: 'g',
      table,
      offsets,
      exposeQueue: (queue) => queue,
      findStartOffset: (queue, chosenBefore) => state.findStart(queue, chosenBefore),
      begin: (queue) => begun.push(queue.nextOffset),
      goOn: (queue) => wentOn.push(queue.key),
      unsettled: (reason) => unsettled.push(reason),
      startedOver: (queue, offset, reason) => told.push(`${queue.messageQueue.queueId}: at ${offset}, ${reason}`),
      lost: (queue, reason) => told.push(`${queue.messageQueue.queueId}: lost, ${reason}`),
      orphansReleased: (clientId, queues) => told.push(`released ${queues.length} of ${clientId}`),
      noMaster: (brokerName) => masterless.push(brokerName),
      report: (error) => errors.push(error),
    },
  );
  const want = (...queues: MessageQueue[]): Map<string, MessageQueue> =>
    new Map(queues.map((queue) => [messageQueueKey(queue), queue]));
  const own = async (...queues: MessageQueue[]): Promise<AssignedQueue> => {
    ownership.reconcile(want(...queues), 'test');
    await turns();
    return table.get(queues[0] ?? Q) as AssignedQueue;
  };
  const sent = (): string[] =>
    client.calls.map(({ code, request }) => `${code} ${(request['queues'] as MessageQueue[]).map(({ queueId }) => queueId).join()}`); // prettier-ignore
  const { clock } = client;
  return { client, clock, ownership, table, offsets, state, told, errors, begun, wentOn, unsettled, masterless, want, own, sent }; // prettier-ignore
}

describe('Ownership', () => {
  describe('taking a queue', () => {
    it('locks, then looks up the start, then begins', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      expect(t.told).to.deep.equal(['0: absent -> locking', '0: locking -> owned']);
      expect(t.begun).to.deep.equal([5]);
      expect(t.offsets.get(Q)).to.equal(5);
      expect(queue.state).to.equal('owned');
      expect(t.ownership.isSettled(t.want(Q))).to.equal(true);
      expect(t.ownership.isSettled(t.want())).to.equal(false);
    });

    it('without locks begins at once', async () => {
      const t = setUp({ lockless: true });
      t.ownership.start();
      const queue = await t.own(Q);
      expect(queue.state).to.equal('owned');
      expect(t.client.calls).to.deep.equal([]);
      expect(t.clock.timerCount).to.equal(0);
    });

    it('without locks looks the start up again after a second when that fails, until it is given up', async () => {
      const t = setUp({ lockless: true });
      t.state.findStart = () => Promise.reject(new Error('unreadable'));
      await t.own(Q);
      await t.clock.advance(2_500);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(new Array(3).fill('ERR_ROCKETMQ_START_OFFSET'));
      await t.ownership.close(0);
      await turns();
      expect(t.table.size).to.equal(0);
      expect(t.clock.timerCount).to.equal(0);
    });

    it('writes a start that was chosen here down before it begins, and keeps to it until that has worked', async () => {
      const t = setUp();
      const offered: (number | undefined)[] = [];
      t.state.findStart = (_, chosenBefore) => {
        offered.push(chosenBefore);
        return Promise.resolve({ offset: chosenBefore ?? 9, chosen: true });
      };
      let failures = 2;
      t.offsets.persist = (queue) => {
        if (failures-- > 0) return Promise.reject(new TimeoutError('no answer'));
        t.offsets.stored.set(messageQueueKey(queue), t.offsets.get(queue) ?? -1);
        return Promise.resolve();
      };
      const queue = await t.own(Q);
      expect(queue.state).to.equal('locking');
      await t.clock.advance(2_000);
      expect(queue.state).to.equal('owned');
      expect(offered).to.deep.equal([undefined, 9, 9]);
      expect(t.begun).to.deep.equal([9]);
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(9);
      expect(queue.chosenStart).to.equal(undefined);
    });

    it('does not begin when the lock was lost during the look-up, but when it is there again', async () => {
      const t = setUp();
      let find: (start: StartOffset) => void = () => undefined;
      t.state.findStart = () => new Promise((resolve) => (find = resolve));
      const queue = await t.own(Q);
      t.state.refused.add(0);
      await t.ownership.locks.lock([queue]);
      find({ offset: 3, chosen: false });
      await turns();
      expect(t.begun).to.deep.equal([]);
      t.state.refused.clear();
      t.state.findStart = () => Promise.resolve({ offset: 8, chosen: false });
      await t.clock.advance(20);
      expect(t.begun).to.deep.equal([8]);
    });

    it('begins for the newer grant when an older one is still looking up', async () => {
      const t = setUp();
      const finds: ((start: StartOffset) => void)[] = [];
      t.state.findStart = () => new Promise((resolve) => finds.push(resolve));
      const queue = await t.own(Q);
      t.state.refused.add(0);
      await t.ownership.locks.lock([queue]);
      t.state.refused.clear();
      await t.ownership.locks.lock([queue]);
      expect(finds).to.have.lengthOf(1);
      finds[0]?.({ offset: 3, chosen: false });
      await turns();
      finds[1]?.({ offset: 8, chosen: false });
      await turns();
      expect(t.begun).to.deep.equal([8]);
    });

    it('asks again for a refused lock after 20 ms, then less and less often, up to once a second', async () => {
      const t = setUp();
      t.state.refused.add(0);
      const startedAt = t.clock.now();
      await t.own(Q);
      await t.clock.advance(4_000);
      expect(t.client.calls.map(({ at }) => at - startedAt)).to.deep.equal([0, 20, 60, 140, 300, 620, 1_260, 2_260, 3_260]); // prettier-ignore
    });

    it('reports a broker that does not answer once, and asks it every second', async () => {
      const t = setUp();
      t.state.silent = true;
      await t.own(Q);
      await t.clock.advance(3_000);
      expect(t.client.calls).to.have.lengthOf(4);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_LOCK']);
      t.state.silent = false;
      await t.clock.advance(1_000);
      expect(t.begun).to.deep.equal([5]);
      t.state.silent = true;
      await t.ownership.locks.lock(t.table.all());
      expect(t.errors, 'another outage').to.have.lengthOf(2);
    });

    it('tells of a broker without a master once, and looks for a new route each time', async () => {
      const t = setUp();
      t.client.knownRoutes.set('T', routeOf('T', { a: 1 }));
      t.client.masterless.add('a');
      await t.own(Q);
      await t.clock.advance(2_000);
      expect(t.masterless).to.deep.equal(['a']);
      expect(t.client.fetched).to.deep.equal(['T', 'T', 'T']);
      t.client.masterless.clear();
      await t.clock.advance(1_000);
      expect(t.begun).to.deep.equal([5]);
      t.client.masterless.add('a');
      await t.ownership.locks.lock(t.table.all());
      expect(t.masterless).to.deep.equal(['a', 'a']);
    });

    it('gives back what is not wanted any more before it was owned', async () => {
      const t = setUp();
      t.state.refused.add(0);
      await t.own(Q);
      t.ownership.reconcile(t.want(), 'moved');
      await turns();
      expect(t.sent()).to.deep.equal(['41 0', '42 0']);
      expect(t.table.size).to.equal(0);
      await t.clock.advance(5_000);
      expect(t.sent(), 'and is not asked for again').to.have.lengthOf(2);
      expect(t.unsettled).to.deep.equal(['a queue was given up']);
    });

    for (const [how, giveUp] of [
      ['moves', (t: ReturnType<typeof setUp>) => t.ownership.reconcile(t.want(), 'moved')],
      ['is closed', (t: ReturnType<typeof setUp>) => void t.ownership.close(0)],
    ] as const) {
      it(`gives it back behind its start offset when it ${how} while that is being written`, async () => {
        const t = setUp();
        let written: () => void = () => undefined;
        t.state.findStart = () => Promise.resolve({ offset: 9, chosen: true });
        t.offsets.persist = () => new Promise((resolve) => (written = resolve));
        await t.own(Q);
        giveUp(t);
        await turns();
        expect(t.sent()).to.deep.equal(['41 0']);
        written();
        await turns();
        expect(t.sent()).to.deep.equal(['41 0', '42 0']);
        expect(t.begun).to.deep.equal([]);
        expect(t.table.size).to.equal(0);
      });

      it(`gives it back at once when it ${how} while its start offset is being looked up`, async () => {
        const t = setUp();
        let find: (start: StartOffset) => void = () => undefined;
        t.state.findStart = () => new Promise((resolve) => (find = resolve));
        await t.own(Q);
        giveUp(t);
        await turns();
        expect(t.sent()).to.deep.equal(['41 0', '42 0']);
        find({ offset: 9, chosen: true });
        await turns();
        expect([t.begun, t.offsets.stored.size]).to.deep.equal([[], 0]);
      });
    }

    it('gives it back even if the request for it was never answered: it may have been granted', async () => {
      const t = setUp();
      t.state.silent = true;
      await t.own(Q);
      t.client.calls.length = 0;
      t.ownership.reconcile(t.want(), 'moved');
      await t.clock.advance(5_000);
      expect(t.table.size, 'as long as it has not succeeded').to.equal(1);
      t.state.silent = false;
      await t.clock.advance(1_000);
      expect(new Set(t.sent())).to.deep.equal(new Set(['42 0']));
      expect(t.table.size).to.equal(0);
    });

    it('tries to give it back until the broker has forgotten the lock by itself', async () => {
      const t = setUp();
      t.state.findStart = () => new Promise(() => undefined);
      await t.own(Q);
      t.state.silent = true;
      t.ownership.reconcile(t.want(), 'moved');
      await t.clock.advance(59_000);
      expect(t.table.size).to.equal(1);
      await t.clock.advance(2_000);
      expect(t.table.size).to.equal(0);
      expect(t.sent().filter((call) => call.startsWith('42')).length).to.be.within(59, 62);
    });
  });

  describe('a renewal', () => {
    it('that is granted in time lets dispatching go on', async () => {
      const t = setUp();
      t.ownership.start();
      const queue = await t.own(Q);
      await t.clock.advance(RENEW);
      expect(queue.lockedAt).to.equal(t.clock.now());
      expect(t.wentOn).to.deep.equal([queue.key]);
      expect(t.told).to.have.lengthOf(2);
    });

    it('that is refused voids the queue at once, which is asked for again', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      const { signal, generation } = queue;
      t.state.refused.add(0);
      await t.ownership.locks.lock([queue]);
      expect(t.told.slice(2)).to.deep.equal(['0: owned -> locking', '0: lost, the broker refused to renew the lock']);
      expect(signal.aborted).to.equal(true);
      expect(queue.generation).to.be.greaterThan(generation);
      expect(t.offsets.get(Q), 'nothing is left to commit').to.equal(undefined);
      t.state.refused.clear();
      t.state.findStart = () => Promise.resolve({ offset: 11, chosen: false });
      await t.clock.advance(20);
      expect(t.begun).to.deep.equal([5, 11]);
      expect(t.told.at(-1)).to.equal('0: locking -> owned');
    });

    it('that comes after the broker had let go of the lock voids the queue, too', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      await t.clock.advance(60_000);
      await t.ownership.locks.lock([queue]);
      await turns();
      expect(t.told.slice(2)).to.deep.equal(['0: owned -> locking', '0: lost, the lock had run out', '0: locking -> owned']); // prettier-ignore
      expect(t.begun).to.deep.equal([5, 5]);
    });

    it('after the lease had run out goes on only when the broker holds no higher offset', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      await t.clock.advance(LEASE + 1);
      let answer: (offset: number) => void = () => undefined;
      t.offsets.readStored = () => new Promise((resolve) => (answer = resolve));
      await t.ownership.locks.lock([queue]);
      expect(queue.unverified).to.equal(true);
      expect(queue.holdsLease(t.clock.now(), LEASE)).to.equal(false);
      expect(t.wentOn).to.deep.equal([]);
      answer(5);
      await turns();
      expect(queue.holdsLease(t.clock.now(), LEASE)).to.equal(true);
      expect(t.wentOn).to.deep.equal([queue.key]);
      expect(t.begun).to.deep.equal([5]);
    });

    it('after the lease had run out starts over where another client has committed', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      await t.clock.advance(LEASE + 1);
      t.offsets.stored.set(messageQueueKey(Q), 7);
      await t.ownership.confirm([queue]);
      expect(t.told.at(-1)).to.equal('0: at 7, another client has committed');
      expect(t.begun).to.deep.equal([5, 7]);
      expect(t.offsets.get(Q)).to.equal(7);
      expect(t.wentOn).to.deep.equal([]);
      expect(queue.state).to.equal('owned');
    });

    it('asks for the offset again when that fails, and keeps still until it is known', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      await t.clock.advance(LEASE + 1);
      let failures = 3;
      t.offsets.readStored = () => (failures-- > 0 ? Promise.reject(new TimeoutError('no')) : Promise.resolve(5));
      await t.ownership.confirm([queue]);
      await t.clock.advance(2_500);
      expect(queue.holdsLease(t.clock.now(), LEASE)).to.equal(false);
      await t.clock.advance(500);
      expect(queue.holdsLease(t.clock.now(), LEASE)).to.equal(true);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(new Array(3).fill('ERR_ROCKETMQ_START_OFFSET'));
    });
  });

  describe('a lock in doubt, as there is a new connection', () => {
    const mayWrite = (t: ReturnType<typeof setUp>, queue: AssignedQueue): boolean =>
      queue.mayWrite(t.clock.now(), LEASE);

    it('lets nothing be written until it was granted again and the offset was compared, and then writes at once', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      t.offsets.update(Q, 8, false);
      await t.clock.advance(1);
      t.ownership.doubtLocksAt('a');
      expect(mayWrite(t, queue)).to.equal(false);
      expect(queue.holdsLease(t.clock.now(), LEASE), 'messages are handed out').to.equal(true);
      let answer: (offset: number) => void = () => undefined;
      t.offsets.readStored = () => new Promise((resolve) => (answer = resolve));
      await t.ownership.relockAt('a');
      expect([mayWrite(t, queue), queue.holdsLease(t.clock.now(), LEASE)]).to.deep.equal([false, false]);
      answer(5);
      await turns();
      expect([mayWrite(t, queue), queue.holdsLease(t.clock.now(), LEASE)]).to.deep.equal([true, true]);
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(8);
      expect(t.wentOn).to.deep.equal([queue.key]);
    });

    it('is asked for within a second, also when nobody says that the broker knows this client again', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      await t.clock.advance(1);
      t.ownership.doubtLocksAt('a');
      await t.clock.advance(1_000);
      expect(t.sent()).to.deep.equal(['41 0', '41 0']);
      expect(mayWrite(t, queue)).to.equal(true);
    });

    it('starts over where another client has committed while the broker knew nothing of it', async () => {
      const t = setUp();
      await t.own(Q);
      t.offsets.update(Q, 6, false);
      await t.clock.advance(1);
      t.ownership.doubtLocksAt('a');
      t.offsets.stored.set(messageQueueKey(Q), 9);
      await t.ownership.relockAt('a');
      await turns();
      expect(t.told.at(-1)).to.equal('0: at 9, another client has committed');
      expect(t.begun).to.deep.equal([5, 9]);
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(9);
    });

    it('is none at another broker, without locks, or while the lock is given back', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      await t.clock.advance(1);
      t.ownership.doubtLocksAt('b');
      expect(queue.confirmed).to.equal(true);
      queue.releasing = true;
      t.ownership.doubtLocksAt('a');
      expect(queue.confirmed).to.equal(true);
      const free = setUp({ lockless: true });
      const lockless = await free.own(Q);
      free.ownership.doubtLocksAt('a');
      expect(mayWrite(free, lockless)).to.equal(true);
    });

    it('is not lifted by a grant that was asked for before', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      const held: FakeCall[] = [];
      const { respond } = t.client;
      t.client.respond = (call) => void held.push(call);
      const renewal = t.ownership.locks.lock([queue]);
      await turns();
      await t.clock.advance(1);
      t.ownership.doubtLocksAt('a');
      t.client.respond = respond;
      held[0]?.answer({ lockedQueues: [Q] });
      await renewal;
      await turns();
      expect(mayWrite(t, queue)).to.equal(false);
      await t.clock.advance(20);
      expect(mayWrite(t, queue)).to.equal(true);
    });

    it('is not lifted by an offset that a former connection has told', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      await t.clock.advance(LEASE + 1);
      const answers: ((offset: number) => void)[] = [];
      t.offsets.readStored = () => new Promise((resolve) => answers.push(resolve));
      await t.ownership.locks.lock([queue]);
      await t.clock.advance(1);
      t.ownership.doubtLocksAt('a');
      await t.ownership.relockAt('a');
      answers[0]?.(5);
      await turns();
      expect(queue.unverified).to.equal(true);
      await t.clock.advance(20);
      answers[1]?.(7);
      await turns();
      expect(t.told.at(-1)).to.equal('0: at 7, another client has committed');
      expect(mayWrite(t, queue)).to.equal(true);
    });

    it('lets a queue begin only at what was looked up after it', async () => {
      const t = setUp();
      const found: ((start: StartOffset) => void)[] = [];
      t.state.findStart = () => new Promise((resolve) => found.push(resolve));
      const queue = await t.own(Q);
      await t.clock.advance(1);
      t.ownership.doubtLocksAt('a');
      found[0]?.({ offset: 3, chosen: false });
      await turns();
      expect([queue.state, found.length]).to.deep.equal(['locking', 1]);
      await t.ownership.relockAt('a');
      await turns();
      found[1]?.({ offset: 9, chosen: false });
      await turns();
      expect(queue.state).to.equal('owned');
      expect(t.begun).to.deep.equal([9]);
    });

    it('is confirmed before a queue is given back', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      t.offsets.update(Q, 8, false);
      await t.clock.advance(1);
      t.ownership.doubtLocksAt('a');
      t.ownership.reconcile(t.want(), 'moved');
      await turns();
      expect(t.sent()).to.deep.equal(['41 0', '41 0', '42 0']);
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(8);
      expect(queue.state).to.equal('absent');
    });
  });

  describe('relockAt', () => {
    it('asks for everything of that broker, and of no other, except what is being given back', async () => {
      const t = setUp();
      const elsewhere = { ...Q, brokerName: 'b', queueId: 1 };
      const leaving = { ...Q, queueId: 2 };
      await t.own(Q, elsewhere, leaving);
      (t.table.get(leaving) as AssignedQueue).releasing = true;
      t.client.calls.length = 0;
      await t.ownership.relockAt('a');
      expect(t.sent()).to.deep.equal(['41 0']);
    });
  });

  describe('giving a queue up', () => {
    it('persists, unlocks, and drops, in that order', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      t.offsets.update(Q, 12, false);
      const order: string[] = [];
      const persist = t.offsets.persist.bind(t.offsets);
      t.offsets.persist = (of) => {
        order.push(`persist ${t.offsets.get(of)}`);
        return persist(of);
      };
      const respond = t.client.respond;
      t.client.respond = (call) => {
        order.push(String(call.code));
        return respond(call);
      };
      t.ownership.reconcile(t.want(), 'moved');
      await turns();
      expect(order).to.deep.equal(['persist 12', '42']);
      expect(t.told.slice(2)).to.deep.equal(['0: owned -> draining', '0: draining -> absent']);
      expect(queue.locked).to.equal(false);
      expect(t.offsets.get(Q)).to.equal(undefined);
    });

    it('waits for the listener, whose answer counts', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      queue.busy = true;
      t.ownership.reconcile(t.want(), 'moved');
      await t.clock.advance(100_000);
      expect(queue.state).to.equal('draining');
      expect(queue.signal.aborted).to.equal(true);
      t.offsets.update(Q, 6, false);
      queue.lockedAt = t.clock.now();
      queue.busy = false;
      queue.changed.notify();
      await turns();
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(6);
      expect(t.table.size).to.equal(0);
    });

    it('waits no longer than revokeTimeoutMs', async () => {
      const t = setUp({ revokeTimeoutMs: 4_000 });
      const queue = await t.own(Q);
      const { generation } = queue;
      queue.busy = true;
      t.ownership.reconcile(t.want(), 'moved');
      await t.clock.advance(3_999);
      expect(queue.state).to.equal('draining');
      await t.clock.advance(1);
      expect(queue.state).to.equal('absent');
      expect(queue.generation, 'a late answer does not count').to.be.greaterThan(generation);
    });

    it('asks for the lock first when the lease has run out, and persists only then', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      t.offsets.update(Q, 6, false);
      await t.clock.advance(LEASE + 1);
      t.client.calls.length = 0;
      t.offsets.stored.set(messageQueueKey(Q), 5);
      t.ownership.reconcile(t.want(), 'moved');
      await turns();
      expect(t.sent()).to.deep.equal(['41 0', '42 0']);
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(6);
      expect(queue.state).to.equal('absent');
    });

    it('does not persist what another client has passed meanwhile', async () => {
      const t = setUp();
      await t.own(Q);
      t.offsets.update(Q, 6, false);
      await t.clock.advance(LEASE + 1);
      t.offsets.stored.set(messageQueueKey(Q), 9);
      t.ownership.reconcile(t.want(), 'moved');
      await turns();
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(9);
      expect(t.sent().at(-1)).to.equal('42 0');
      expect(t.told.slice(2)).to.deep.equal(['0: owned -> draining', '0: lost, another client has committed', '0: draining -> absent']); // prettier-ignore
    });

    it('ends at once when the lock is refused', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      queue.busy = true;
      t.ownership.reconcile(t.want(), 'moved');
      t.state.refused.add(0);
      await t.ownership.locks.lock([queue]);
      await turns();
      expect(queue.state).to.equal('absent');
      expect(t.sent()).to.not.include('42 0');
      expect(t.offsets.stored.size).to.equal(0);
      expect(t.unsettled).to.deep.equal(['a queue was lost']);
    });

    it('goes on without the offset when there is nothing left to write it to', async () => {
      const t = setUp();
      await t.own(Q);
      t.offsets.persist = () => Promise.reject(new BrokerError('gone', 17, 'no topic', false));
      t.ownership.reconcile(t.want(), 'moved');
      await turns();
      expect(t.table.size).to.equal(0);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_BROKER']);
    });

    it('tries again after a second, until the broker has let go by itself', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      t.state.silent = true;
      t.ownership.reconcile(t.want(), 'moved');
      await t.clock.advance(58_000);
      expect(queue.state).to.equal('draining');
      expect(queue.unlockAttempts).to.be.within(57, 60);
      await t.clock.advance(3_000);
      expect(queue.state).to.equal('absent');
      expect(t.errors.every(({ code }) => code === 'ERR_ROCKETMQ_UNLOCK')).to.equal(true);
    });
  });

  describe('close', () => {
    it('leaves nothing: no queue, no timer, no lock', async () => {
      const t = setUp();
      t.ownership.start();
      t.state.refused.add(1);
      await t.own(Q, { ...Q, queueId: 1 });
      t.offsets.update(Q, 8, false);
      t.client.calls.length = 0;
      await t.ownership.close(0);
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(8);
      expect(t.sent()).to.deep.equal(['42 0,1']);
      expect(t.table.size).to.equal(0);
      expect(t.clock.timerCount).to.equal(0);
    });

    it('takes nothing any more, whatever is granted or wanted afterwards', async () => {
      const t = setUp();
      let find: (start: StartOffset) => void = () => undefined;
      t.state.findStart = () => new Promise((resolve) => (find = resolve));
      await t.own(Q);
      const closing = t.ownership.close(0);
      find({ offset: 1, chosen: false });
      await closing;
      t.ownership.reconcile(t.want(Q), 'test');
      await t.ownership.relockAt('a');
      await turns();
      expect(t.begun).to.deep.equal([]);
      expect(t.table.size).to.equal(0);
      expect(t.sent()).to.deep.equal(['41 0', '42 0']);
    });

    it('reports what it could not persist or unlock, and ends all the same', async () => {
      const t = setUp();
      await t.own(Q);
      t.state.silent = true;
      t.offsets.persistAll = () => Promise.reject(new TimeoutError('no answer'));
      await t.ownership.close(0);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_PERSIST', 'ERR_ROCKETMQ_UNLOCK']);
      expect(t.table.size).to.equal(0);
    });

    it('writes nothing under a lock that had run out while nobody knows who had it meanwhile, and says so', async () => {
      const t = setUp();
      const queue = await t.own(Q);
      t.offsets.update(Q, 8, false);
      t.offsets.readStored = () => Promise.reject(new TimeoutError('no answer'));
      await t.clock.advance(LEASE + 1);
      t.client.calls.length = 0;
      await t.ownership.close(0);
      expect(t.offsets.stored.get(messageQueueKey(Q))).to.equal(undefined);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_START_OFFSET', 'ERR_ROCKETMQ_PERSIST']);
      expect(t.sent()).to.deep.equal(['41 0', '42 0']);
      expect(queue.state).to.equal('absent');
    });

    it('renews all locks while it waits for a listener', async () => {
      const t = setUp();
      t.ownership.start();
      const busy = await t.own(Q, { ...Q, queueId: 1 });
      busy.busy = true;
      await t.clock.advance(19_000);
      t.client.calls.length = 0;
      const closing = t.ownership.close(50_000);
      await t.clock.advance(50_000);
      await closing;
      expect(t.sent()).to.deep.equal(['41 0,1', '41 0,1', '41 0,1', '42 0,1']);
      expect(t.clock.timerCount).to.equal(0);
    });
  });
});
