import { expect } from 'chai';
import { CallWindow } from '../../../bench/soak/call-window.js';
import { OrderJudge } from '../../../bench/soak/order-judge.js';

describe('bench/soak/order-judge', () => {
  function given(judge: OrderJudge, member: string, ...offsets: number[]): void {
    for (const offset of offsets) judge.handedOut({ member, queue: 'q', offset });
  }

  it('finds nothing wrong with offsets that follow each other, whoever has them', () => {
    const judge = new OrderJudge();
    given(judge, 'a', 0, 1, 2);
    given(judge, 'b', 3, 4);
    judge.handedOut({ member: 'a', queue: 'other', offset: 0 });
    expect(judge.faults).to.deep.equal([]);
    expect([judge.calls, judge.repeated, judge.reached('q'), judge.reached('none')]).to.deep.equal([6, 0, 5, 0]);
  });

  it('does not forgive what is left out, at the beginning either', () => {
    const judge = new OrderJudge();
    given(judge, 'a', 1, 2, 4);
    judge.excuse('q');
    given(judge, 'b', 6);
    expect(judge.faultCount).to.equal(3);
    expect(judge.faults[1]).to.equal('q: a has 4, and 3 was next');
  });

  it('forgives one step back after its excuse, up to where it goes, and counts it', () => {
    const judge = new OrderJudge();
    given(judge, 'a', 0, 1, 2, 3);
    judge.excuse('q', 2);
    given(judge, 'b', 2, 3, 4);
    expect(judge.faults).to.deep.equal([]);
    expect(judge.repeated).to.equal(2);
    given(judge, 'b', 4);
    expect(judge.faults).to.deep.equal(['q: b has 4 again, 5 was next after b']);
    judge.excuse('q', 3);
    given(judge, 'c', 2);
    expect(judge.faults[1]).to.equal('q: c has 2 again, 5 was next after b, and may not go back before 3');
  });

  it('excuses the queues a member had last, no others', () => {
    const judge = new OrderJudge();
    given(judge, 'a', 0, 1);
    judge.handedOut({ member: 'a', queue: 'handed over', offset: 0 });
    judge.handedOut({ member: 'b', queue: 'handed over', offset: 1 });
    judge.excuseAll('a');
    given(judge, 'c', 0);
    judge.handedOut({ member: 'c', queue: 'handed over', offset: 0 });
    expect(judge.faults).to.have.lengthOf(1);
    expect(judge.faults[0]).to.match(/^handed over: c has 0 again/);
  });

  it('sees calls of two members at once', () => {
    const judge = new OrderJudge();
    judge.handedOut({ member: 'a', queue: 'q', offset: 0, begin: 10, end: 20 });
    judge.handedOut({ member: 'b', queue: 'q', offset: 1, begin: 19, end: 21 });
    judge.handedOut({ member: 'b', queue: 'q', offset: 2, begin: 20, end: 22 });
    expect(judge.faults).to.deep.equal(['q: b has 1 from 19, a its own until 20']);
  });

  it('tells what was never handed out', () => {
    const judge = new OrderJudge();
    given(judge, 'a', 0, 1);
    const ends = [['q', 2] as const, ['r', 3] as const];
    expect(judge.missing(ends)).to.deep.equal(['r: 0 to 2']);
    expect(judge.missing([['q', 5]])).to.deep.equal(['q: 2 to 4']);
  });

  it('counts all faults, and keeps the first in words', () => {
    const judge = new OrderJudge();
    for (let i = 0; i < 50; i++) given(judge, 'a', 10 * i + 10);
    expect(judge.faultCount).to.equal(50);
    expect(judge.faults).to.have.lengthOf(20);
  });
});

describe('bench/soak/call-window', () => {
  it('has calls judged in the order they happened in, however late they are told', () => {
    const judge = new OrderJudge();
    const window = new CallWindow(judge, 2);
    const now = CallWindow.now();
    window.called({ member: 'a', queue: 'q', offset: 1, begin: now - 900, end: now - 900 });
    window.called({ member: 'b', queue: 'q', offset: 0, begin: now - 1_000, end: now - 1_000 });
    window.judge(now);
    expect(judge.calls, 'too young').to.equal(0);
    window.judge(now + 1_050);
    expect(judge.calls).to.equal(1);
    window.killed('a');
    window.finish();
    window.called({ member: 'c', queue: 'q', offset: 1, begin: CallWindow.now(), end: CallWindow.now() });
    window.finish();
    expect(judge.faults).to.deep.equal([]);
    expect([judge.calls, judge.repeated]).to.deep.equal([3, 1]);
  });
});
