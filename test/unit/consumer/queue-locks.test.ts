import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { BROKER_LOCK_EXPIRY, QueueLocks, type LockObserver } from '../../../lib/consumer/queue-locks.js';
import { RouteError, TimeoutError } from '../../../lib/errors.js';
import { RequestCode } from '../../../lib/protocol/codes.js';
import type { MessageQueue } from '../../../lib/protocol/message-queue.js';
import { FakeClient, type FakeCall } from '../../support/fake-client.js';
import { turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';

const LEASE = 30_000;
const RENEW = 20_000;
const { LOCK_BATCH_MQ, UNLOCK_BATCH_MQ } = RequestCode;

function setUp() {
  const client = new FakeClient();
  const seen: string[] = [];
  const observer: LockObserver = {
    granted: (queue, continuous, leaseHadExpired) =>
      seen.push(`granted ${name(queue)}${continuous ? ' continuous' : ''}${leaseHadExpired ? ' late' : ''}`),
    refused: (queue) => seen.push(`refused ${name(queue)}`),
    failed: (queues, brokerName, error) =>
      seen.push(`failed ${queues.map(name).join()} at ${brokerName}: ${(error as Error).name}`),
  };
  const locks = new QueueLocks(client.asClient(), 'g', { leaseTime: LEASE, renewInterval: RENEW }, observer);
  return { client, clock: client.clock, locks, seen };
}

function queue(queueId: number, brokerName = 'a'): AssignedQueue {
  const messageQueue = { topic: 'T', brokerName, queueId };
  return new AssignedQueue(messageQueue, messageQueue, false);
}

function name(assigned: AssignedQueue): string {
  return `${assigned.messageQueue.brokerName}${assigned.messageQueue.queueId}`;
}

function asked(call: FakeCall): string[] {
  return (call.request['queues'] as MessageQueue[]).map(({ brokerName, queueId }) => `${brokerName}${queueId}`);
}

/** Grants what was asked for, all of it or only these queue ids. */
function grant(call: FakeCall, queueIds?: readonly number[]): { lockedQueues: MessageQueue[] } {
  const queues = call.request['queues'] as MessageQueue[];
  return { lockedQueues: queues.filter(({ queueId }) => queueIds?.includes(queueId) ?? true) };
}

describe('QueueLocks', () => {
  it('asks in one request per broker, in the name of the client and group, with a second to answer', async () => {
    const { client, locks, seen } = setUp();
    client.respond = (call) => grant(call);
    await locks.lock([queue(0), queue(1, 'b'), queue(2), queue(3, 'b')]);
    expect(client.calls.map((call) => `${call.code} ${call.to} ${asked(call).join()} ${call.timeoutMs}`)).to.deep.equal(
      ['41 a a0,a2 1000', '41 b b1,b3 1000'],
    );
    expect(client.calls[0]?.request).to.include({ consumerGroup: 'g', clientId: 'me' });
    expect(seen).to.deep.equal(['granted a0', 'granted a2', 'granted b1', 'granted b3']);
  });

  it('tells of each queue whether it was granted or refused', async () => {
    const { client, locks, seen } = setUp();
    client.respond = (call) => grant(call, [1]);
    await locks.lock([queue(0), queue(1), queue(2)]);
    expect(seen).to.deep.equal(['refused a0', 'granted a1', 'refused a2']);
  });

  it('sends nothing when there is nothing to lock', async () => {
    const { client, locks } = setUp();
    const gone = queue(0);
    gone.state = 'absent';
    await locks.lock([]);
    await locks.lock([gone]);
    expect(client.calls).to.deep.equal([]);
  });

  it('tells of a request that failed, or that has no master to go to, and touches no lease', async () => {
    const { client, locks, seen } = setUp();
    const held = queue(0);
    held.locked = true;
    held.lockedAt = 77;
    client.masterless.add('b');
    client.respond = () => {
      throw new TimeoutError('no answer');
    };
    await locks.lock([held, queue(1, 'b')]);
    expect(seen.sort()).to.deep.equal([`failed a0 at a: ${TimeoutError.name}`, `failed b1 at b: ${RouteError.name}`]);
    expect([held.locked, held.lockedAt]).to.deep.equal([true, 77]);
  });

  describe('a lease', () => {
    it('counts from before the request, however long the answer takes', async () => {
      const { client, clock, locks } = setUp();
      const wanted = queue(0);
      const locking = locks.lock([wanted]);
      await turns();
      const sentAt = clock.now();
      await clock.advance(900);
      const [call] = client.calls;
      call?.answer(grant(call));
      await locking;
      expect(wanted.lockedAt).to.equal(sentAt);
      expect(wanted.locked).to.equal(true);
      expect(wanted.holdsLease(sentAt + LEASE, LEASE)).to.equal(true);
      expect(wanted.holdsLease(sentAt + LEASE + 1, LEASE)).to.equal(false);
    });

    for (const [after, expected, epochs] of [
      [RENEW, 'granted a0 continuous', 1],
      [LEASE, 'granted a0 continuous', 1],
      [LEASE + 1, 'granted a0 continuous late', 1],
      [BROKER_LOCK_EXPIRY - 1, 'granted a0 continuous late', 1],
      [BROKER_LOCK_EXPIRY, 'granted a0', 2],
    ] as const) {
      it(`that is granted ${after} ms after the last time is told as '${expected}'`, async () => {
        const { client, clock, locks, seen } = setUp();
        client.respond = (call) => grant(call);
        const wanted = queue(0);
        await locks.lock([wanted]);
        await clock.advance(after);
        await locks.lock([wanted]);
        expect(seen.at(-1)).to.equal(expected);
        expect(wanted.lockEpoch).to.equal(epochs);
      });
    }

    it('that was refused in between begins a new epoch', async () => {
      const { client, locks, seen } = setUp();
      client.respond = (call) => grant(call);
      const wanted = queue(0);
      await locks.lock([wanted]);
      wanted.locked = false;
      await locks.lock([wanted]);
      expect(seen).to.deep.equal(['granted a0', 'granted a0']);
      expect(wanted.lockEpoch).to.equal(2);
    });
  });

  describe('renewal', () => {
    it('asks every 20 s for what is held then, until it is stopped', async () => {
      const { client, clock, locks } = setUp();
      client.respond = (call) => grant(call);
      const held = [queue(0)];
      locks.startRenewing(() => held);
      await clock.advance(RENEW - 1);
      expect(client.calls).to.deep.equal([]);
      await clock.advance(1);
      held.push(queue(1));
      await clock.advance(RENEW);
      expect(client.calls.map(asked)).to.deep.equal([['a0'], ['a0', 'a1']]);
      locks.stop();
      await clock.advance(RENEW * 2);
      expect(client.calls).to.have.lengthOf(2);
      expect(clock.timerCount).to.equal(0);
      locks.startRenewing(() => held);
      expect(clock.timerCount, 'not again after that').to.equal(0);
    });
  });

  describe('lockSoon', () => {
    it('collects what is asked for until the earliest is due', async () => {
      const { client, clock, locks } = setUp();
      client.respond = (call) => grant(call);
      locks.lockSoon(queue(0), 1_000);
      await clock.advance(400);
      locks.lockSoon(queue(1), 100);
      locks.lockSoon(queue(2), 800);
      await clock.advance(99);
      expect(client.calls).to.deep.equal([]);
      await clock.advance(1);
      expect(client.calls.map(asked)).to.deep.equal([['a0', 'a1', 'a2']]);
      await clock.advance(2_000);
      expect(client.calls).to.have.lengthOf(1);
    });

    it('forgets a queue whose lock was granted meanwhile, and all of them when it is stopped', async () => {
      const { client, clock, locks } = setUp();
      client.respond = (call) => grant(call);
      const early = queue(0);
      locks.lockSoon(early, 1_000);
      locks.lockSoon(queue(1), 1_000);
      await locks.lock([early]);
      await clock.advance(1_000);
      expect(client.calls.map(asked)).to.deep.equal([['a0'], ['a1']]);
      locks.lockSoon(queue(2), 1_000);
      locks.stopRetrying();
      expect(clock.timerCount).to.equal(0);
      locks.stop();
      locks.lockSoon(queue(2), 1_000);
      expect(clock.timerCount).to.equal(0);
    });
  });

  describe('requests to one broker', () => {
    it('go out one after the other, those that wait for their turn as one', async () => {
      const { client, locks, seen } = setUp();
      void locks.lock([queue(0)]);
      await turns();
      void locks.lock([queue(1)]);
      void locks.lock([queue(2), queue(3, 'b')]);
      await turns();
      expect(client.calls.map(asked)).to.deep.equal([['a0'], ['b3']]);
      const [first] = client.calls;
      first?.answer(grant(first));
      await turns();
      expect(client.calls.map(asked)).to.deep.equal([['a0'], ['b3'], ['a1', 'a2']]);
      expect(seen).to.deep.equal(['granted a0']);
    });

    it('do not pile up at a broker that does not answer', async () => {
      const { client, locks } = setUp();
      const wanted = queue(0);
      const all: Promise<void>[] = [];
      for (let i = 0; i < 50; i++) {
        all.push(locks.lock([wanted]));
        await turns(1);
      }
      for (let answered = 0; answered < client.calls.length; answered++) {
        client.calls[answered]?.fail(new TimeoutError('no answer'));
        await turns();
      }
      await Promise.all(all);
      expect(client.calls).to.have.lengthOf(2);
    });

    it('never put a lock behind the unlock of its queue', async () => {
      const { client, locks } = setUp();
      const leaving = queue(0);
      const staying = queue(1);
      const unlocking = locks.unlock([leaving]);
      leaving.releasing = true;
      void locks.lock([leaving, staying]);
      await turns();
      client.calls[0]?.answer(undefined);
      await unlocking;
      await turns();
      expect(client.calls.map((call) => `${call.code} ${asked(call).join()}`)).to.deep.equal([
        `${UNLOCK_BATCH_MQ} a0`,
        `${LOCK_BATCH_MQ} a1`,
      ]);
    });

    it('let an unlock wait for the lock that is under way', async () => {
      const { client, locks } = setUp();
      const wanted = queue(0);
      void locks.lock([wanted]);
      await turns();
      const unlocking = locks.unlock([wanted]);
      await turns();
      expect(client.callsOf(UNLOCK_BATCH_MQ)).to.deep.equal([]);
      const [lock] = client.calls;
      lock?.answer(grant(lock));
      await turns();
      client.callsOf(UNLOCK_BATCH_MQ)[0]?.answer(undefined);
      await unlocking;
    });
  });

  describe('unlock', () => {
    it('goes to all brokers, each in one request, and throws what went wrong when all are through', async () => {
      const { client, locks } = setUp();
      const failure = new TimeoutError('no answer');
      const unlocking = rejection(locks.unlock([queue(0), queue(1, 'b'), queue(2)]), TimeoutError);
      await turns();
      expect(client.calls.map((call) => `${call.to} ${asked(call).join()}`)).to.deep.equal(['a a0,a2', 'b b1']);
      client.calls[0]?.fail(failure);
      await turns();
      client.calls[1]?.answer(undefined);
      expect(await unlocking).to.equal(failure);
    });
  });
});
