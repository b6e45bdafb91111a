import { expect } from 'chai';
import { BrokerError, TimeoutError } from '../../../lib/errors.js';
import { ResponseCode } from '../../../lib/protocol/codes.js';
import { buildSubscription } from '../../../lib/protocol/subscription.js';
import { PullSysFlag } from '../../../lib/protocol/sys-flag.js';
import { turns } from '../../support/fake-clock.js';
import { found, LEASE, setUpPullLoop as setUp } from '../../support/pull-rig.js';
import { storedMessage } from '../../support/stored-message.js';

describe('PullLoop', () => {
  it('asks for what the options say, and hands on what came', async () => {
    const t = setUp();
    t.queue.nextOffset = 7;
    t.loop.start(t.queue);
    expect(t.last().request).to.deep.equal({
      consumerGroup: 'g',
      topic: 'T',
      queueId: 0,
      queueOffset: 7,
      maxMsgNums: 32,
      sysFlag: PullSysFlag.SUSPEND,
      commitOffset: -1,
      suspendTimeoutMillis: 15_000,
      subVersion: 0,
      expressionType: 'TAG',
      maxMsgBytes: 262_144,
      brokerName: 'broker-a',
    });
    expect(t.last().options.timeoutMs).to.equal(30_000);
    expect(t.last().options.closeOnTimeout).to.equal(false);
    t.last().answer(found(7, 3));
    await turns();
    expect(t.queue.buffer.waiting).to.equal(3);
    expect(t.state.arrived).to.equal(1);
    expect(t.last().request.queueOffset).to.equal(10);
  });

  it('brings the subscription along when it is to', () => {
    const t = setUp({ options: { postSubscriptionWhenPull: true }, subscription: buildSubscription('T', 'a || b') });
    t.loop.start(t.queue);
    expect(t.last().request.subscription).to.equal('a || b');
    expect(t.last().request.sysFlag).to.equal(PullSysFlag.SUSPEND | PullSysFlag.SUBSCRIPTION);
  });

  describe('the commit on the way', () => {
    const cases: [name: string, committed: number | undefined, replica: boolean, lockless: boolean, flag: boolean][] = [
      ['is made of an offset above 0', 5, false, false, true],
      ['is not made of 0', 0, false, false, false],
      ['is not made without an offset', undefined, false, false, false],
      ['is not made at a replica', 5, true, false, false],
      ['is not made when broadcasting', 5, false, true, false],
    ];
    for (const [name, committed, replica, lockless, flag] of cases) {
      it(name, () => {
        const t = setUp({ lockless });
        if (committed !== undefined) t.offsets.update(t.queue.messageQueue, committed, false);
        if (replica) {
          t.addresses[1] = 'replica:1';
          t.queue.preferredBrokerId = 1;
        }
        t.loop.start(t.queue);
        expect((t.last().request.sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0).to.equal(flag);
        expect(t.last().request.commitOffset).to.equal(lockless ? -1 : (committed ?? -1));
        expect(t.last().address).to.equal(replica ? 'replica:1' : 'master:1');
      });
    }

    it('is not made without a connection, or under a lock in doubt: the broker may have given it to another', () => {
      for (const spoil of [
        (t: ReturnType<typeof setUp>) => (t.state.connected = false),
        (t: ReturnType<typeof setUp>) => (t.queue.doubtedAt = t.queue.lockedAt + 1),
      ]) {
        const t = setUp();
        t.offsets.update(t.queue.messageQueue, 5, false);
        spoil(t);
        t.loop.start(t.queue);
        expect(t.last().request.sysFlag & PullSysFlag.COMMIT_OFFSET).to.equal(0);
        expect(t.last().options.sendBefore?.(), 'the pull itself may be sent').to.equal(t.queue.lockedAt + LEASE);
      }
    });

    it('is not sent when the lock came in doubt on its way', () => {
      const t = setUp();
      t.offsets.update(t.queue.messageQueue, 5, false);
      t.loop.start(t.queue);
      expect(t.last().request.sysFlag & PullSysFlag.COMMIT_OFFSET).to.equal(PullSysFlag.COMMIT_OFFSET);
      expect(t.last().options.sendBefore?.()).to.equal(t.queue.lockedAt + LEASE);
      t.queue.doubtedAt = t.queue.lockedAt + 1;
      expect(t.last().options.sendBefore?.()).to.equal(Number.NEGATIVE_INFINITY);
    });

    it('is not made while messages are held: a commit of theirs could go out before the pull is worked on, and be undone', () => {
      const t = setUp();
      t.offsets.update(t.queue.messageQueue, 5, false);
      t.queue.buffer.put([storedMessage({ queueOffset: 5 })]);
      t.loop.start(t.queue);
      expect(t.last().request.sysFlag & PullSysFlag.COMMIT_OFFSET).to.equal(0);
    });
  });

  it('makes no commit on the way while something is held: a newer commit could overtake the pull', async () => {
    const t = setUp();
    t.offsets.update(t.queue.messageQueue, 5, false);
    t.queue.buffer.reset(5);
    t.queue.nextOffset = 5;
    t.loop.start(t.queue);
    expect(t.last().request.sysFlag & PullSysFlag.COMMIT_OFFSET).to.equal(PullSysFlag.COMMIT_OFFSET);
    t.last().answer(found(5, 1));
    await turns();
    expect(t.last().request.sysFlag & PullSysFlag.COMMIT_OFFSET).to.equal(0);
    t.queue.buffer.take(1);
    t.last().answer({ status: 'NO_NEW_MSG' });
    await turns();
    expect(t.last().request.sysFlag & PullSysFlag.COMMIT_OFFSET, 'with the listener').to.equal(0);
    t.queue.buffer.commit();
    t.last().answer({ status: 'NO_NEW_MSG' });
    await turns();
    expect(t.last().request.sysFlag & PullSysFlag.COMMIT_OFFSET).to.equal(PullSysFlag.COMMIT_OFFSET);
  });

  describe('waits', () => {
    it('for room in the buffer, without a timer', async () => {
      const t = setUp({ limits: { pullThresholdForQueue: 2 } });
      t.loop.start(t.queue);
      t.last().answer(found(0, 3));
      await turns();
      expect(t.pulls.length).to.equal(1);
      expect(t.queue.waitsForRoom).to.equal(true);
      expect(t.clock.timerCount).to.equal(0);
      t.queue.buffer.take(2);
      t.queue.changed.notify();
      await turns();
      expect(t.pulls.length, 'what the listener holds counts').to.equal(1);
      t.queue.buffer.commit();
      t.queue.changed.notify();
      await turns();
      expect(t.pulls.length).to.equal(2);
      expect(t.queue.waitsForRoom).to.equal(false);
    });

    it('warns once when only a COMMIT can make room', async () => {
      const t = setUp({ limits: { pullThresholdForQueue: 2 } });
      t.loop.start(t.queue);
      t.last().answer(found(0, 3));
      await turns();
      expect(t.warnings, 'something is still to be handed out').to.deep.equal([]);
      t.queue.buffer.take(3);
      for (let i = 0; i < 3; i++) {
        t.queue.changed.notify();
        await turns();
      }
      expect(t.warnings).to.deep.equal(['UNCOMMITTED_BUFFER_FULL']);
    });

    it('for the lock, while its lease has run out', async () => {
      const t = setUp();
      t.queue.lockedAt = t.clock.now() - LEASE - 1;
      t.loop.start(t.queue);
      await t.clock.advance(100_000);
      expect(t.pulls.length).to.equal(0);
      t.queue.lockedAt = t.clock.now();
      t.queue.changed.notify();
      await turns();
      expect(t.pulls.length).to.equal(1);
    });

    it('while the consumer or the queue is suspended', async () => {
      const t = setUp();
      t.state.suspended = true;
      t.loop.start(t.queue);
      await t.clock.advance(10_000);
      expect(t.pulls.length).to.equal(0);
      t.state.suspended = false;
      t.queue.suspended = true;
      t.queue.changed.notify();
      await t.clock.advance(10_000);
      expect(t.pulls.length).to.equal(0);
      t.queue.suspended = false;
      t.queue.changed.notify();
      await turns();
      expect(t.pulls.length).to.equal(1);
    });

    it('a second for a subscription that is not there', async () => {
      const t = setUp();
      const { subscription } = t.state;
      t.state.subscription = undefined;
      t.loop.start(t.queue);
      await t.clock.advance(999);
      t.state.subscription = subscription;
      expect(t.pulls.length).to.equal(0);
      await t.clock.advance(1);
      expect(t.pulls.length).to.equal(1);
      expect(t.errors).to.deep.equal([]);
    });

    it('for the pull interval after messages came', async () => {
      const t = setUp({ options: { pullInterval: 250 } });
      t.loop.start(t.queue);
      t.last().answer(found(0, 1));
      await t.clock.advance(249);
      expect(t.pulls.length).to.equal(1);
      await t.clock.advance(1);
      expect(t.pulls.length).to.equal(2);
    });
  });

  describe('an offset moves on without messages', () => {
    it('only forward, and only while nothing is held or being consumed', async () => {
      const t = setUp();
      t.offsets.update(t.queue.messageQueue, 10, false);
      t.loop.start(t.queue);
      t.last().answer({ status: 'NO_MATCHED_MSG', nextBeginOffset: 4 });
      await turns();
      expect(t.offsets.get(t.queue.messageQueue)).to.equal(10);
      t.last().answer({ status: 'NO_MATCHED_MSG', nextBeginOffset: 12 });
      await turns();
      expect(t.offsets.get(t.queue.messageQueue)).to.equal(12);
      t.last().answer(found(12, 1));
      await turns();
      t.queue.buffer.take(1);
      t.last().answer({ status: 'NO_NEW_MSG', nextBeginOffset: 20 });
      await turns();
      expect(t.offsets.get(t.queue.messageQueue), 'one is with the listener').to.equal(12);
      expect(t.last().request.queueOffset).to.equal(20);
    });

    it('also past messages whose tags only share the hash', async () => {
      const t = setUp({ subscription: buildSubscription('T', 'Aa') });
      t.loop.start(t.queue);
      t.last().answer(found(0, 2, { properties: 'TAGS\u0001BB\u0002' }));
      await turns();
      expect(t.queue.buffer.count).to.equal(0);
      expect(t.offsets.get(t.queue.messageQueue)).to.equal(2);
      t.last().answer(found(2, 1, { properties: 'TAGS\u0001Aa\u0002' }));
      t.state.arrived = 0;
      await turns();
      expect(t.queue.buffer.waiting).to.equal(1);
    });
  });

  it('looks again from the same offset when the subscription changed while it was looking', async () => {
    for (const reply of [found(0, 2, { properties: 'TAGS\u0001Aa\u0002' }), { nextBeginOffset: 2 }]) {
      const t = setUp({ subscription: buildSubscription('T', 'Aa', 'TAG', 1) });
      t.loop.start(t.queue);
      t.state.subscription = buildSubscription('T', 'B', 'TAG', 2);
      t.last().answer(reply);
      await turns();
      expect(t.queue.buffer.count).to.equal(0);
      expect(t.offsets.get(t.queue.messageQueue)).to.equal(undefined);
      expect(t.last().request).to.include({ queueOffset: 0, subVersion: 2 });
      t.last().answer(found(0, 1, { properties: 'TAGS\u0001B\u0002' }));
      await turns();
      expect(t.queue.buffer.waiting).to.equal(1);
    }
  });

  it('hands an illegal offset on and ends', async () => {
    const t = setUp();
    t.loop.start(t.queue);
    t.last().answer({ status: 'OFFSET_ILLEGAL', nextBeginOffset: 99, remark: 'OFFSET_OVERFLOW_BADLY' });
    await t.clock.advance(10_000);
    expect(t.illegal).to.deep.equal([[99, 'OFFSET_OVERFLOW_BADLY']]);
    expect(t.pulls.length).to.equal(1);
  });

  it('ends with its generation, and ignores what an old pull still brings', async () => {
    const t = setUp();
    t.loop.start(t.queue);
    const [old] = t.pulls;
    t.queue.renewGeneration(new Error('lost'));
    t.queue.changed.notify();
    old?.answer(found(0, 5));
    await turns();
    expect(t.queue.buffer.count).to.equal(0);
    expect(t.pulls.length).to.equal(1);
    expect(t.errors).to.deep.equal([]);
    t.loop.start(t.queue);
    expect(t.pulls.length).to.equal(2);
  });

  it('ends while it sleeps, too', async () => {
    const t = setUp();
    t.state.suspended = true;
    t.loop.start(t.queue);
    t.queue.state = 'draining';
    t.queue.changed.notify();
    t.state.suspended = false;
    await turns();
    t.queue.changed.notify();
    await turns();
    expect(t.pulls.length).to.equal(0);
    expect(t.queue.changed.hasWaiters).to.equal(false);
  });

  describe('failures', () => {
    it('do not end it: a thousand of them, and the next pull works', async () => {
      let failed = 0;
      const kinds: (() => unknown)[] = [
        () => new BrokerError('no', ResponseCode.SYSTEM_ERROR, 'no', true),
        () => new TimeoutError('too late'),
        () => new TypeError('a defect'),
        () => 'not even an error',
      ];
      const t = setUp({ respond: (pull) => failed < 1_000 && pull.fail(kinds[failed++ % kinds.length]?.()) });
      t.loop.start(t.queue);
      while (failed < 1_000) {
        t.queue.lockedAt = t.clock.now();
        await t.clock.advance(5_000);
      }
      t.queue.lockedAt = t.clock.now();
      await t.clock.advance(5_000);
      t.last().answer(found(0, 1));
      await turns();
      expect(t.queue.buffer.waiting).to.equal(1);
      expect(t.errors.length).to.equal(1);
    });

    it('are followed by growing pauses up to five seconds', async () => {
      const t = setUp({ respond: (pull) => pull.fail(new TimeoutError('no')), options: { lockLeaseTime: 1e9 } });
      t.loop.start(t.queue);
      await t.clock.advance(60_000);
      const pauses = t.pulls.slice(1).map((pull, i) => pull.at - (t.pulls[i]?.at ?? 0));
      expect(pauses[0]).to.equal(1_000);
      expect(pauses[1]).to.be.within(1_500, 2_000);
      expect(pauses[2]).to.be.within(3_000, 4_000);
      for (const pause of pauses.slice(3)) expect(pause).to.be.within(3_750, 5_000);
    });

    it('are told of once until a pull has worked', async () => {
      const t = setUp({ options: { pullInterval: 5 } });
      t.loop.start(t.queue);
      for (let round = 1; round <= 3; round++) {
        t.last().fail(new TimeoutError('no'));
        await t.clock.advance(1_000);
        t.last().fail(new TimeoutError('no'));
        await t.clock.advance(2_000);
        expect(t.errors.length).to.equal(round);
        t.last().answer(found(round, 1));
        await t.clock.advance(5);
        t.queue.lockedAt = t.clock.now();
      }
    });

    it('do not count for a broker that is only busy', async () => {
      const busy = new BrokerError('busy', ResponseCode.FLOW_CONTROL, undefined, true);
      const t = setUp();
      t.loop.start(t.queue);
      for (let i = 0; i < 10; i++) {
        t.last().fail(busy);
        await t.clock.advance(19);
        expect(t.pulls.length).to.equal(i + 1);
        await t.clock.advance(1);
        expect(t.pulls.length).to.equal(i + 2);
      }
      expect(t.errors).to.deep.equal([]);
      t.last().fail(new TimeoutError('no'));
      await t.clock.advance(999);
      expect(t.errors.length, 'a real failure is the first').to.equal(1);
      expect(t.pulls.length).to.equal(11);
      await t.clock.advance(1);
      expect(t.pulls.length).to.equal(12);
    });

    it('of a replica lead back to the master', async () => {
      const t = setUp();
      t.addresses[1] = 'replica:1';
      t.loop.start(t.queue);
      t.last().answer({ status: 'NO_MATCHED_MSG', nextBeginOffset: 1, suggestWhichBrokerId: 1 });
      await turns();
      expect(t.last().address).to.equal('replica:1');
      t.last().fail(new TimeoutError('no'));
      await t.clock.advance(1_000);
      expect(t.last().address).to.equal('master:1');
    });

    it("for want of a broker have its topic's route read again", async () => {
      const t = setUp();
      delete t.addresses[0];
      t.loop.start(t.queue);
      await turns();
      expect(t.fetched).to.deep.equal(['T']);
      expect(t.errors[0]?.code).to.equal('ERR_ROCKETMQ_NO_BROKER');
      t.addresses[0] = 'master:2';
      await t.clock.advance(1_000);
      expect(t.last().address).to.equal('master:2');
    });

    it('for want of the subscription send a heartbeat, and only the first is followed by a pull at once', async () => {
      const unknown = new BrokerError('?', ResponseCode.SUBSCRIPTION_NOT_LATEST, undefined, false);
      const t = setUp({ respond: (pull) => pull.fail(unknown), options: { lockLeaseTime: 1e9 } });
      t.loop.start(t.queue);
      await turns();
      expect(t.beats).to.deep.equal(['master:1', 'master:1']);
      expect(t.pulls.length).to.equal(2);
      await t.clock.advance(60_000);
      expect(t.pulls.length).to.be.within(12, 20);
    });

    it('for want of the subscription again and again, with success in between, are a warning', async () => {
      const t = setUp();
      t.loop.start(t.queue);
      for (let i = 1; i <= 3; i++) {
        expect(t.warnings).to.deep.equal([]);
        t.last().fail(new BrokerError('?', ResponseCode.SUBSCRIPTION_NOT_EXIST, undefined, false));
        await turns();
        await t.clock.advance(20_000);
        t.queue.lockedAt = t.clock.now();
        t.last().answer({ status: 'NO_NEW_MSG', nextBeginOffset: i });
        await turns();
      }
      expect(t.warnings).to.deep.equal(['SUBSCRIPTION_FLIP_FLOP']);
    });

    it('for want of the subscription now and then, as after restarts of the broker, are none', async () => {
      const t = setUp();
      t.loop.start(t.queue);
      for (let i = 1; i <= 6; i++) {
        t.last().fail(new BrokerError('?', ResponseCode.SUBSCRIPTION_NOT_EXIST, undefined, false));
        await turns();
        await t.clock.advance(70_000);
        t.queue.lockedAt = t.clock.now();
        t.last().answer({ status: 'NO_NEW_MSG', nextBeginOffset: i });
        await turns();
      }
      expect(t.warnings).to.deep.equal([]);
    });
  });

  it('keeps what could be read before a record that can not, and asks for that one again', async () => {
    const t = setUp();
    t.loop.start(t.queue);
    const good = found(0, 2);
    const bad = Buffer.concat([good.body ?? Buffer.alloc(0), (found(2, 1).body ?? Buffer.alloc(0)).subarray(0, 50)]);
    t.last().answer({ ...good, body: bad, nextBeginOffset: 3 });
    await turns();
    expect(t.queue.buffer.waiting).to.equal(2);
    expect(t.errors.map((error) => error.code)).to.deep.equal(['ERR_ROCKETMQ_MESSAGE_TRUNCATED']);
    for (let round = 2; round < 5; round++) {
      await t.clock.advance(5_000);
      expect(t.last().request.queueOffset).to.equal(2);
      t.last().answer({ status: 'FOUND', nextBeginOffset: 3, body: Buffer.from('rubbish'.repeat(30)) });
      await turns();
      expect(t.errors.length, 'told each time: somebody has to look').to.equal(round);
    }
    expect(t.offsets.get(t.queue.messageQueue)).to.equal(undefined);
    await t.clock.advance(5_000);
    t.last().answer(found(2, 1));
    await turns();
    expect(t.queue.buffer.waiting).to.equal(3);
  });

  it('pauses when answers without anything new are not held, and not before the third', async () => {
    const t = setUp({ respond: (pull) => pull.answer({ status: 'NO_NEW_MSG' }), options: { lockLeaseTime: 1e9 } });
    t.loop.start(t.queue);
    await turns(50);
    expect(t.pulls.length).to.equal(4);
    await t.clock.advance(60_000);
    expect(t.pulls.length).to.be.within(60, 80);
  });
});
