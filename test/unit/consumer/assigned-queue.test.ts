import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { FakeClock } from '../../support/fake-clock.js';

const LEASE = 30_000;

function queue(lockless = false): AssignedQueue {
  const messageQueue = { topic: 'ns%T', brokerName: 'a', queueId: 3 };
  return new AssignedQueue(messageQueue, { ...messageQueue, topic: 'T' }, lockless);
}

describe('AssignedQueue', () => {
  it('begins without a lock, an offset or anything to do', () => {
    const one = queue();
    expect([one.state, one.locked, one.nextOffset, one.runner]).to.deep.equal(['locking', false, -1, 'idle']);
    expect(one.holdsLease(0, LEASE)).to.equal(false);
    expect(one.key).to.contain('ns%T');
    expect(one.exposedQueue.topic).to.equal('T');
  });

  it('holds its lease while the lock is held, its time has not passed, and nothing is left to compare', () => {
    const one = queue();
    one.lockedAt = 1_000;
    expect(one.holdsLease(1_000, LEASE), 'not granted').to.equal(false);
    one.locked = true;
    expect(one.holdsLease(1_000 + LEASE, LEASE)).to.equal(true);
    expect(one.holdsLease(1_001 + LEASE, LEASE)).to.equal(false);
    one.unverified = true;
    expect(one.holdsLease(1_000, LEASE)).to.equal(false);
    one.unverified = false;
    one.releasing = true;
    expect(one.holdsLease(1_000, LEASE), 'on its way back').to.equal(false);
    expect(queue(true).holdsLease(Number.MAX_SAFE_INTEGER, LEASE), 'without locks').to.equal(true);
  });

  it('ends a generation with its signal and reason, and begins another', () => {
    const one = queue();
    const first = one.signal;
    const reason = new Error('lost');
    one.renewGeneration(reason);
    expect(first.aborted).to.equal(true);
    expect(first.reason).to.equal(reason);
    expect(one.endReason).to.equal(reason);
    expect(one.generation).to.equal(1);
    expect(one.signal.aborted).to.equal(false);
  });

  it('announces its end without ending the generation', () => {
    const one = queue();
    one.announceEnd(new Error('moved'));
    expect([one.signal.aborted, one.generation]).to.deep.equal([true, 0]);
  });

  it('forgets a planned slice, but not one that is under way', () => {
    const clock = new FakeClock();
    const one = queue();
    one.runner = 'resting';
    one.restTimer = clock.setTimeout(() => undefined, 10);
    one.cancelRest(clock);
    expect([one.runner, one.restTimer, clock.timerCount]).to.deep.equal(['idle', undefined, 0]);
    one.runner = 'scheduled';
    one.cancelRest(clock);
    expect(one.runner).to.equal('scheduled');
  });
});
