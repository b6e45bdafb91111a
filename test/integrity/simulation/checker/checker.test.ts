import { expect } from 'chai';
import type { HistoryEvent } from '../history.js';
import { check, type CheckerOptions } from './checker.js';

const Q = 'broker-a#0';
const OPTIONS: CheckerOptions = { closeWait: 30_000, from: 'first' };

/** A history that is told step by step; each step takes a millisecond. */
class Tale {
  readonly events: HistoryEvent[] = [];
  #at = 0;
  #calls = 0;

  later(ms: number): this {
    this.#at += ms;
    return this;
  }

  add(event: DistributiveOmit<HistoryEvent, 'at'>): this {
    this.events.push({ ...event, at: this.#at++ });
    return this;
  }

  /** A member joins, is granted the lock, and begins where it should. */
  owner(member: string, offset = 0): this {
    return this.joins(member).granted(member).add({ type: 'owned', member, queue: Q, offset });
  }

  joins(member: string): this {
    return this.add({ type: 'joined', member, clientId: member, lease: 30_000 });
  }

  granted(member: string): this {
    return this.add({ type: 'granted', member, queue: Q, sentAt: this.#at });
  }

  call(member: string, ...offsets: number[]): this {
    const messages = offsets.map((offset) => ({ offset, reconsumeTimes: 0 }));
    return this.add({ type: 'call', member, queue: Q, call: ++this.#calls, messages });
  }

  answer(member: string, status: 'SUCCESS' | 'SUSPEND_CURRENT_QUEUE_A_MOMENT' = 'SUCCESS', call = this.#calls): this {
    return this.add({ type: 'answer', member, queue: Q, call, auto: true, status, isOwner: true });
  }

  consumes(member: string, ...offsets: number[]): this {
    for (const offset of offsets) this.call(member, offset).answer(member);
    return this;
  }

  commits(member: string, offset: number): this {
    return this.add({ type: 'commit', member, queue: Q, offset }).add({ type: 'committed', queue: Q, offset });
  }

  /** It gives the queue back as it should. */
  leaves(member: string, offset: number): this {
    this.commits(member, offset).add({ type: 'unlock', member, queue: Q, offset: -1 });
    return this.add({ type: 'left', member, queue: Q, lost: false, reason: 'moved' });
  }

  /** What is wrong with it: the promises that are broken. */
  verdict(options = OPTIONS): string[] {
    return check(this.events, options).map(({ invariant }) => invariant);
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

describe('the checker of histories', () => {
  it('finds nothing wrong with a queue that is consumed, handed over, and consumed on', () => {
    const tale = new Tale().owner('a').consumes('a', 0, 1, 2).leaves('a', 3).owner('b', 3).consumes('b', 3, 4);
    expect(tale.verdict()).to.deep.equal([]);
  });

  it('takes what is told later but was before in its turn', () => {
    const tale = new Tale().owner('a').consumes('a', 0).leaves('a', 1);
    tale.events.push(...new Tale().later(100).joins('b').events);
    tale.events.reverse();
    expect(tale.verdict()).to.deep.equal([]);
  });

  describe('order', () => {
    it('an offset is jumped over', () => {
      expect(new Tale().owner('a').consumes('a', 0, 2).verdict()).to.include('order');
    });

    it('an offset comes again though it was finished', () => {
      expect(new Tale().owner('a').consumes('a', 0, 0).verdict()).to.include('order');
    });

    it('an offset comes again after a failure, with an attempt more: that is as it should be', () => {
      const tale = new Tale().owner('a').call('a', 0).answer('a', 'SUSPEND_CURRENT_QUEUE_A_MOMENT');
      tale.add({ type: 'call', member: 'a', queue: Q, call: 99, messages: [{ offset: 0, reconsumeTimes: 1 }] });
      expect(tale.verdict()).to.deep.equal([]);
    });

    it('an attempt is not counted', () => {
      const tale = new Tale().owner('a').call('a', 0).answer('a', 'SUSPEND_CURRENT_QUEUE_A_MOMENT').call('a', 0);
      expect(tale.verdict()).to.include('order');
    });
  });

  describe('one-owner', () => {
    it('two members are at work on a queue', () => {
      expect(new Tale().owner('a').call('a', 0).owner('b').call('b', 0).verdict()).to.include('one-owner');
    });

    it('a member is at work on a queue twice', () => {
      expect(new Tale().owner('a').call('a', 0).call('a', 1).verdict()).to.include('one-owner');
    });

    it('two meet because a lease ran out during a call: that nobody can help', () => {
      const tale = new Tale().owner('a').call('a', 0).later(60_001).owner('b').call('b', 0);
      expect(tale.verdict()).to.deep.equal([]);
    });

    it('two meet because a lock was taken by force: that nobody can help', () => {
      const tale = new Tale().owner('a').call('a', 0).add({ type: 'forced', queue: Q }).owner('b').call('b', 0);
      expect(tale.verdict()).to.deep.equal([]);
    });

    it('a lock is given back while its listener runs', () => {
      const tale = new Tale().owner('a').call('a', 0).add({ type: 'unlock', member: 'a', queue: Q, offset: -1 });
      expect(tale.verdict()).to.deep.equal(['one-owner']);
    });

    it('a member that closes has waited long enough for its listener: then it may', () => {
      const tale = new Tale().owner('a').call('a', 0).add({ type: 'closing', member: 'a' }).later(29_990).granted('a');
      tale.later(10).add({ type: 'unlock', member: 'a', queue: Q, offset: -1 });
      expect(tale.verdict()).to.deep.equal([]);
    });

    it('a queue is taken without a lock', () => {
      const tale = new Tale().joins('a').add({ type: 'owned', member: 'a', queue: Q, offset: 0 });
      expect(tale.verdict()).to.deep.equal(['one-owner']);
    });
  });

  describe('lease', () => {
    it('a listener is called after its lease', () => {
      const tale = new Tale().owner('a').later(30_000).call('a', 0);
      expect(tale.verdict()).to.deep.equal(['lease']);
    });

    it('a lock that was refused counts no more', () => {
      const tale = new Tale().owner('a').add({ type: 'refused', member: 'a', queue: Q, sentAt: 2 }).call('a', 0);
      expect(tale.verdict()).to.include('lease');
    });

    it('an offset is committed on a connection on which no lock was granted: the broker may be another one', () => {
      const tale = new Tale().joins('a').add({ type: 'granted', member: 'a', queue: Q, sentAt: 0, connection: 1 });
      tale.add({ type: 'owned', member: 'a', queue: Q, offset: 0 }).consumes('a', 0);
      tale.add({ type: 'commit', member: 'a', queue: Q, offset: 1, connection: 1 });
      expect(tale.verdict()).to.deep.equal([]);
      tale.add({ type: 'commit', member: 'a', queue: Q, offset: 1, connection: 2 });
      expect(tale.verdict()).to.deep.equal(['lease']);
      tale.add({ type: 'granted', member: 'a', queue: Q, sentAt: 10, connection: 2 });
      tale.add({ type: 'commit', member: 'a', queue: Q, offset: 1, connection: 2 });
      expect(tale.verdict()).to.deep.equal(['lease']);
    });

    it('an offset is committed, or a message pulled, after the lease', () => {
      const late = (): Tale => new Tale().owner('a').consumes('a', 0).later(30_000);
      expect(late().add({ type: 'pull', member: 'a', queue: Q, offset: 1 }).verdict()).to.deep.equal(['lease']);
      expect(late().commits('a', 1).verdict()).to.deep.equal(['lease']);
    });

    it('a lease is counted from when the lock was asked for, not from the answer', () => {
      const tale = new Tale().joins('a').later(20_000);
      tale
        .add({ type: 'granted', member: 'a', queue: Q, sentAt: 0 })
        .add({ type: 'owned', member: 'a', queue: Q, offset: 0 });
      expect(tale.later(15_000).call('a', 0).verdict()).to.deep.equal(['lease']);
    });
  });

  describe('commit', () => {
    it('an offset passes a message that is not finished', () => {
      const tale = new Tale().owner('a').consumes('a', 0).call('a', 1).commits('a', 2);
      expect(tale.verdict()).to.deep.equal(['commit', 'commit']);
    });

    it('an offset goes back within one ownership', () => {
      expect(new Tale().owner('a').consumes('a', 0, 1).commits('a', 2).commits('a', 1).verdict()).to.deep.equal([
        'commit',
      ]);
    });

    it('an offset goes back after a reset: that is what it is for', () => {
      const tale = new Tale()
        .owner('a')
        .consumes('a', 0, 1)
        .commits('a', 2)
        .add({ type: 'reset', queue: Q, offset: 1 });
      tale.add({ type: 'restarted', member: 'a', queue: Q, offset: 1 }).commits('a', 1).consumes('a', 1);
      expect(tale.verdict()).to.deep.equal([]);
    });

    it('an offset is committed by somebody who does not own the queue', () => {
      const tale = new Tale().owner('a').consumes('a', 0).commits('a', 1).joins('b').granted('b').commits('b', 0);
      expect(tale.verdict()).to.include('commit');
    });

    it('somebody begins elsewhere than the broker has it', () => {
      const tale = new Tale().owner('a').consumes('a', 0, 1, 2).leaves('a', 3).owner('b', 1);
      expect(tale.verdict()).to.include('commit');
    });

    it('the broker has an offset nobody has come to', () => {
      expect(new Tale().add({ type: 'committed', queue: Q, offset: 7 }).verdict()).to.deep.equal(['commit']);
    });
  });

  describe('nothing-lost', () => {
    it('a member begins behind a message nobody has finished', () => {
      const tale = new Tale().owner('a').consumes('a', 0).add({ type: 'killed', member: 'a' });
      tale.add({ type: 'committed', queue: Q, offset: 2 }).owner('b', 2);
      expect(tale.verdict()).to.include('nothing-lost');
    });

    it('a group that begins at the end loses what came after that', () => {
      const options: CheckerOptions = { ...OPTIONS, from: 'last' };
      const tale = new Tale()
        .joins('a')
        .granted('a')
        .commits('a', 5)
        .add({ type: 'owned', member: 'a', queue: Q, offset: 7 });
      expect(tale.verdict(options)).to.include('nothing-lost');
      expect(new Tale().joins('a').granted('a').commits('a', 5).owner('a', 5).verdict(options)).to.deep.equal([]);
    });
  });

  it('hand-over: the next one begins before what was handed over', () => {
    const tale = new Tale().owner('a').consumes('a', 0, 1, 2).commits('a', 2);
    tale.add({ type: 'unlock', member: 'a', queue: Q, offset: -1 });
    tale.add({ type: 'left', member: 'a', queue: Q, lost: false, reason: 'moved' }).owner('b', 2);
    expect(tale.verdict()).to.deep.equal(['hand-over']);
  });

  it('hand-over: the broker has worked on an older commit late; that nobody can help', () => {
    const tale = new Tale().owner('a').consumes('a', 0, 1, 2).commits('a', 2).leaves('a', 3);
    tale.add({ type: 'committed', queue: Q, offset: 2 }).owner('b', 2);
    expect(tale.verdict()).to.deep.equal([]);
    const before = new Tale().owner('a').consumes('a', 0, 1, 2).commits('a', 2).commits('a', 3);
    before.add({ type: 'committed', queue: Q, offset: 2 }).add({ type: 'unlock', member: 'a', queue: Q, offset: -1 });
    before.add({ type: 'left', member: 'a', queue: Q, lost: false, reason: 'moved' }).owner('b', 2);
    expect(before.verdict()).to.deep.equal([]);
  });

  it('hand-over: a reset is for the next one, when the last one left before it heard of it', () => {
    const tale = new Tale().owner('a').consumes('a', 0, 1, 2).commits('a', 3);
    tale.add({ type: 'reset', queue: Q, offset: 1 }).add({ type: 'committed', queue: Q, offset: 1 });
    tale.add({ type: 'restarted', member: 'a', queue: Q, offset: 3 }).commits('a', 3).leaves('a', 3);
    tale.add({ type: 'committed', queue: Q, offset: 1 });
    expect(tale.owner('b', 1).verdict()).to.deep.equal([]);
  });

  it('closed: a listener is called after its consumer was closed', () => {
    expect(new Tale().owner('a').add({ type: 'closing', member: 'a' }).call('a', 0).verdict()).to.deep.equal([
      'closed',
    ]);
  });
});
