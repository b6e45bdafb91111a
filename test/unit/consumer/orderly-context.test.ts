import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { OrderlyContext } from '../../../lib/consumer/orderly-context.js';
import { ListenerError } from '../../../lib/errors.js';
import { FakeClock } from '../../support/fake-clock.js';

const LEASE = 30_000;

function setUp(lockless = false) {
  const clock = new FakeClock();
  const exposed = { topic: 'T', brokerName: 'b', queueId: 1 };
  const queue = new AssignedQueue({ ...exposed, topic: 'ns%T' }, exposed, lockless);
  queue.state = 'owned';
  queue.locked = !lockless;
  queue.lockedAt = clock.now();
  queue.lockEpoch = 4;
  return { clock, queue, exposed, context: new OrderlyContext(queue, { clock, lockLeaseTime: LEASE }) };
}

describe('OrderlyContext', () => {
  it('begins with auto commit and the suspend time of the consumer', () => {
    const { context, exposed } = setUp();
    expect(context.autoCommit).to.equal(true);
    expect(context.suspendCurrentQueueTimeMillis).to.equal(-1);
    expect(context.direct).to.equal(false);
    expect(context.messageQueue).to.deep.equal(exposed);
    expect(context.lockEpoch).to.equal(4);
  });

  it('knows its owner while the lease lasts, and while the queue is being given up', () => {
    const { context, clock, queue } = setUp();
    expect(context.isOwner()).to.equal(true);
    queue.state = 'draining';
    expect(context.isOwner()).to.equal(true);
    clock.jump(LEASE);
    expect(context.isOwner()).to.equal(true);
    clock.jump(1);
    expect(context.isOwner()).to.equal(false);
    queue.lockedAt = clock.now();
    expect(context.isOwner()).to.equal(true);
    queue.locked = false;
    expect(context.isOwner()).to.equal(false);
  });

  it('is no owner any more in another life of the queue', () => {
    const { context, queue } = setUp();
    queue.renewGeneration(new Error('reset'));
    expect(context.isOwner()).to.equal(false);
    expect(new OrderlyContext(queue, { clock: new FakeClock(), lockLeaseTime: LEASE }).isOwner()).to.equal(true);
    queue.state = 'locking';
    expect(new OrderlyContext(queue, { clock: new FakeClock(), lockLeaseTime: LEASE }).isOwner()).to.equal(false);
  });

  it('needs no lease where there are no locks', () => {
    const { context, clock } = setUp(true);
    clock.jump(10 * LEASE);
    expect(context.isOwner()).to.equal(true);
  });

  it('fires its signal with the reason, whether somebody looked at it before or only after', () => {
    for (const early of [true, false]) {
      const { context, queue } = setUp();
      if (early) expect(context.signal.aborted).to.equal(false);
      const reason = new Error('lost');
      queue.renewGeneration(reason);
      expect(context.signal.aborted).to.equal(true);
      expect(context.signal.reason).to.equal(reason);
      expect(queue.signal.aborted, "the next life's signal has not fired").to.equal(false);
    }
  });

  it('fires its signal when the queue is to be given up, and stays the owner', () => {
    const { context, queue } = setUp();
    queue.state = 'draining';
    queue.announceEnd(new Error('moved'));
    expect(context.signal.aborted).to.equal(true);
    expect(context.isOwner()).to.equal(true);
  });

  it('fires its signal when its time is up, whether somebody looked at it before or only after', async () => {
    for (const early of [true, false]) {
      const { context, clock, queue } = setUp();
      context.limitTime(500);
      if (early) expect(context.signal.aborted).to.equal(false);
      await clock.advance(499);
      if (early) expect(context.signal.aborted).to.equal(false);
      await clock.advance(1);
      expect(context.signal.aborted).to.equal(true);
      expect(context.signal.reason).to.be.instanceOf(ListenerError);
      expect(queue.signal.aborted, 'the queue is not given up for that').to.equal(false);
    }
  });

  it('fires its signal with the queue, too, while there is still time', () => {
    const { context, queue } = setUp();
    context.limitTime(500);
    const { signal } = context;
    queue.announceEnd(new Error('moved'));
    expect((signal.reason as Error).message).to.equal('moved');
  });

  it('has a signal of its own, which hangs on to nothing when the call has ended', () => {
    const { clock, queue } = setUp();
    for (let call = 0; call < 100; call++) {
      const context = new OrderlyContext(queue, { clock, lockLeaseTime: LEASE });
      context.limitTime(500);
      expect(context.signal).to.equal(context.signal);
      context.signal.addEventListener('abort', () => expect.fail('the call had ended'));
      context.end();
    }
    expect(getEventListeners(queue.signal, 'abort').length).to.equal(0);
    expect(clock.timerCount).to.equal(0);
    queue.announceEnd(new Error('moved'));
  });
});
