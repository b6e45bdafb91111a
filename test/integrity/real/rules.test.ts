import { expect } from 'chai';
import { evidence } from './evidence.js';
import { emptyHistory, LogReader, type Call, type Fault, type History } from './history.js';
import { countRedeliveries, judge, RULES } from './rules.js';

const QUEUE = 'broker-a#0';
const SECOND = 1_000_000;

/** A history is written down in seconds. */
class Story {
  readonly history: History = emptyHistory();

  lock(member: string, askedAt: number, granted = true): this {
    const queues = granted ? [QUEUE] : [];
    const asked = askedAt * SECOND;
    this.history.locks.push({ member, askedAt: asked, answeredAt: asked + 1, asked: [QUEUE], granted: queues });
    return this;
  }

  own(member: string, at: number, offset: number): this {
    this.history.events.push({ kind: 'own', member, queue: QUEUE, at: at * SECOND, offset });
    return this;
  }

  lost(member: string, at: number): this {
    this.history.events.push({ kind: 'lost', member, queue: QUEUE, at: at * SECOND });
    return this;
  }

  call(member: string, offset: number, begin: number, end?: number, done = end !== undefined): this {
    const call: Call = {
      ...{ member, queue: QUEUE, offset, begin: begin * SECOND, done, body: `body ${offset}` },
      end: end === undefined ? undefined : end * SECOND,
    };
    this.history.calls.push(call);
    return this;
  }

  commit(member: string, offset: number, at: number, answered = true): this {
    const answeredAt = answered ? at * SECOND + 2 : undefined;
    this.history.commits.push({ member, queue: QUEUE, offset, at: at * SECOND, answeredAt });
    return this;
  }

  stored(offset: number | undefined, at: number): this {
    this.history.stored.push({ queue: QUEUE, askedAt: at * SECOND - 1, at: at * SECOND, offset });
    return this;
  }

  fault(what: Fault['what'], whom: string, from: number, to?: number): this {
    this.history.faults.push({ what, whom, from: from * SECOND, to: to === undefined ? undefined : to * SECOND });
    return this;
  }

  sent(count: number): this {
    this.history.sent.set(QUEUE, count);
    return this;
  }

  /** What is found, by rule. */
  found(): string[] {
    return judge(this.history).map(({ rule, text }) => `${rule}: ${text}`);
  }
}

/** A member that takes the queue over at second 1, and does two messages. */
function twoDone(): Story {
  return new Story().lock('m1', 0).own('m1', 1, 0).call('m1', 0, 2, 3).call('m1', 1, 3, 4);
}

/** The first half of a story in which the member that did them was killed with nothing committed. */
function killed(): Story {
  return twoDone().fault('killed', 'm1', 5).lock('m2', 66).own('m2', 67, 0);
}

function expectOnly(story: Story, rule: string, text: RegExp): void {
  const found = story.found();
  expect(found, 'all of one kind').to.satisfy((all: string[]) => all.every((line) => line.startsWith(`${rule}: `)));
  expect(found.join('\n')).to.match(text);
  expect(RULES).to.have.property(rule);
}

describe('the rules for histories of real groups', () => {
  it('a plain history passes: two members, one after the other', () => {
    const story = twoDone()
      .stored(undefined, 2)
      .commit('m1', 2, 5)
      .stored(2, 6)
      .lock('m2', 7)
      .own('m2', 8, 2)
      .call('m2', 2, 9, 10, false)
      .call('m2', 2, 11, 12)
      .commit('m2', 3, 13)
      .stored(3, 14)
      .sent(3);
    expect(story.found()).to.deep.equal([]);
    expect(countRedeliveries(story.history)).to.equal(0);
  });

  it('a history with a killed member passes: its successor begins at the last commit', () => {
    const story = killed().call('m2', 0, 68, 69).call('m2', 1, 70, 71).commit('m2', 2, 72).stored(2, 73).sent(2);
    expect(story.found()).to.deep.equal([]);
    expect(countRedeliveries(story.history)).to.equal(2);
  });

  describe('in order', () => {
    it('refuses a message before its predecessor is done', () => {
      expectOnly(twoDone().call('m1', 3, 5, 6), 'in order', /m1 was given 3 before 2 was done/);
    });

    it('refuses a message while its predecessor is asked for again', () => {
      const story = twoDone().call('m1', 2, 5, 6, false).call('m1', 3, 7, 8);
      expectOnly(story, 'in order', /m1 was given 3 before 2 was done/);
    });

    it('refuses a step back without a new beginning', () => {
      const story = twoDone().lost('m1', 5).call('m1', 0, 6, 7);
      expectOnly(story, 'in order', /m1 was given 0 after 1, without having begun anew/);
    });

    it('takes the same message once more when its call outlived the lease, and not otherwise', () => {
      const again = (end: number): Story =>
        twoDone().call('m1', 2, 5, end).fault('paused', 'm1', 6, end).lock('m1', 40).call('m1', 2, 41, 42);
      expect(again(39).found()).to.deep.equal([]);
      expectOnly(again(20), 'in order', /m1 was given 2 after 2, without having begun anew/);
    });

    it('takes the same step when the member has begun anew', () => {
      const story = twoDone().lost('m1', 5).lock('m1', 5).own('m1', 6, 0).call('m1', 0, 7, 8);
      expect(story.found()).to.deep.equal([]);
    });
  });

  describe('one at a time', () => {
    it('refuses two calls at once, of two members', () => {
      const story = twoDone().call('m1', 2, 5, 9).lock('m2', 6).own('m2', 7, 2).lost('m1', 7).call('m2', 2, 8, 10);
      expectOnly(story, 'one at a time', /m2 was given 2 while m1 was at 2/);
    });

    it('refuses two calls at once in one member', () => {
      const found = twoDone().call('m1', 2, 5, 9).call('m1', 2, 8, 10).found();
      expect(found).to.include('one at a time: m1 was given 2 while m1 was at 2');
    });

    it('a killed member is in its call until it was killed, and no longer', () => {
      const story = twoDone().call('m1', 2, 5).fault('killed', 'm1', 20).lock('m2', 66).own('m2', 67, 0);
      expect(story.call('m2', 0, 68, 69).found()).to.deep.equal([]);
      const early = twoDone().call('m1', 2, 5).fault('killed', 'm1', 20).lock('m2', 10).own('m2', 11, 0);
      const found = early.call('m2', 0, 12, 13).found();
      expect(found).to.include('one at a time: m2 was given 0 while m1 was at 2');
    });

    it('excuses a process that was stopped in its call until its lease was over, and not before', () => {
      const story = (at: number): Story =>
        twoDone()
          .call('m1', 2, 5, 100)
          .fault('paused', 'm1', 6, 99)
          .lock('m2', at - 2)
          .own('m2', at - 1, 0)
          .call('m2', 0, at, at + 1);
      expect(story(62).found()).to.deep.equal([]);
      expectOnly(story(29), 'one at a time', /m2 was given 0 while m1 was at 2/);
    });
  });

  describe('within the lease', () => {
    it('refuses a call more than a lease after the lock was asked for', () => {
      expect(twoDone().call('m1', 2, 29.9, 31).found()).to.deep.equal([]);
      expectOnly(twoDone().call('m1', 2, 30.5, 31), 'within the lease', /m1 was given 2 30500 ms after/);
    });

    it('takes a renewal into account, but none that was refused', () => {
      expect(twoDone().lock('m1', 20).call('m1', 2, 49, 50).found()).to.deep.equal([]);
      expectOnly(twoDone().lock('m1', 20, false).call('m1', 2, 49, 50), 'within the lease', /49000 ms after/);
    });

    it('refuses a call of a member that never had the lock', () => {
      const story = new Story().own('m1', 1, 0).call('m1', 0, 2, 3);
      expectOnly(story, 'within the lease', /without ever having had the lock/);
    });

    it('a stopped process must not begin a call with its old lease', () => {
      const story = twoDone().fault('paused', 'm1', 5, 80).call('m1', 2, 80, 81);
      expectOnly(story, 'within the lease', /m1 was given 2 80000 ms after/);
    });
  });

  describe('commits what is done', () => {
    it('refuses a commit past a message that is not done', () => {
      expectOnly(twoDone().commit('m1', 3, 5), 'commits what is done', /m1 committed 3 before 2 was done/);
      expectOnly(twoDone().commit('m1', 2, 3.5), 'commits what is done', /m1 committed 2 before 1 was done/);
    });

    it('refuses a commit that goes back, unless the member began anew', () => {
      expectOnly(twoDone().commit('m1', 2, 5).commit('m1', 1, 6), 'commits what is done', /committed 1 after 2/);
      const anew = twoDone().commit('m1', 2, 5, false).lost('m1', 6).own('m1', 7, 0);
      expect(anew.commit('m1', 0, 8).found()).to.deep.equal([]);
    });

    it('refuses a commit by one who is no longer the owner', () => {
      const story = twoDone().lock('m2', 61).commit('m1', 2, 63, false);
      expectOnly(story, 'commits what is done', /m1 committed 2, but m2 had the lock by then/);
    });

    it('takes a commit by one who has got the lock back', () => {
      const story = twoDone().lock('m2', 61).own('m2', 62, 0).lock('m1', 63).commit('m1', 2, 64, false);
      expect(story.found()).to.deep.equal([]);
    });
  });

  describe('the stored offset', () => {
    const committed = (): Story => twoDone().commit('m1', 2, 5).stored(2, 6);

    it('must not go back, except when the broker was killed', () => {
      expectOnly(committed().stored(0, 7), 'the stored offset', /the broker has 0 after 2/);
      expect(committed().fault('broker killed', 'broker-a', 6.5, 6.8).stored(0, 7).found()).to.deep.equal([]);
      expectOnly(
        committed().fault('broker killed', 'broker-b', 6.5, 6.8).stored(0, 7),
        'the stored offset',
        /0 after 2/,
      );
    });

    it('must not vanish', () => {
      expectOnly(committed().stored(undefined, 7), 'the stored offset', /has no offset any more, after 2/);
    });

    it('must be one that somebody has committed', () => {
      expectOnly(twoDone().stored(1, 5), 'the stored offset', /has 1, which nobody has committed/);
      expectOnly(twoDone().stored(-1, 5), 'the stored offset', /has -1/);
    });

    it('must not be past what is done', () => {
      expectOnly(twoDone().stored(9, 5), 'the stored offset', /has 9, but 2 was not done/);
    });
  });

  describe('starts where it was left', () => {
    it('refuses a beginning before what was acknowledged, except when the broker was killed', () => {
      const story = (): Story => twoDone().commit('m1', 2, 5).lock('m2', 6).own('m2', 7, 1);
      expectOnly(story(), 'starts where it was left', /m2 began at 1, but 2 had been acknowledged/);
      expect(story().fault('broker killed', 'broker-a', 6, 6.5).found()).to.deep.equal([]);
    });

    it('refuses a beginning that skips messages', () => {
      expectOnly(twoDone().lock('m2', 6).own('m2', 7, 5), 'starts where it was left', /began at 5, but 2 was not done/);
    });
  });

  describe('nothing lost', () => {
    it('refuses a message that nobody has done', () => {
      expectOnly(twoDone().sent(3), 'nothing lost', /2 was never done/);
      expectOnly(twoDone().call('m1', 2, 5).sent(3), 'nothing lost', /2 was never done/);
    });

    it('refuses another message than the one that was acknowledged there', () => {
      const story = twoDone().sent(2);
      story.history.acknowledged.set(`${QUEUE}@1`, 'body 7');
      expectOnly(story, 'nothing lost', /m1 was given body 1 at 1, where body 7 was stored/);
    });

    it('refuses an acknowledged message that is not in the queue', () => {
      const story = twoDone().sent(2);
      story.history.acknowledged.set(`${QUEUE}@2`, 'body 2');
      expectOnly(story, 'nothing lost', /2 was acknowledged, but is not there/);
    });
  });

  describe('nothing repeated without need', () => {
    const again = (story: Story): Story => story.lock('m2', 61).own('m2', 62, 0).call('m2', 0, 63, 64);

    it('refuses what another member has done and given up in order', () => {
      expectOnly(again(twoDone()), 'nothing repeated without need', /m2 was given 0, which m1 had done/);
    });

    for (const [why, story] of [
      ['was killed', twoDone().fault('killed', 'm1', 5)],
      ['was stopped', twoDone().fault('paused', 'm1', 5, 100)],
      ['was cut off', twoDone().fault('cut', 'm1', 5, 100)],
      ['has lost its lock', twoDone().lost('m1', 5)],
    ] as const) {
      it(`takes it from one that ${why}`, () => {
        expect(again(story).found()).to.deep.equal([]);
      });
    }

    it('a fault that was over before is no excuse', () => {
      const story = again(twoDone().fault('cut', 'm1', 0.1, 0.2));
      expectOnly(story, 'nothing repeated without need', /m2 was given 0/);
    });
  });

  it('a violation is shown with what is known of its queue around it', () => {
    const { history } = twoDone().commit('m1', 2, 5).stored(2, 6).fault('paused', 'm1', 6, 7).call('m1', 3, 8, 9);
    const [violation] = judge(history);
    if (violation === undefined) throw new Error('there is none');
    const text = evidence(history, violation);
    expect(text).to.match(/^in order: broker-a#0: m1 was given 3 before 2 was done/);
    for (const part of [/-6\.000000 s {2}m1 begins 0/, /m1 commits 2/, /the broker has 2/, /\*\* m1: paused/]) {
      expect(text).to.match(part);
    }
  });

  it("a member's log is read as it grows, half-written lines later", () => {
    const history = emptyHistory();
    const reader = new LogReader('m1', '/nowhere', history);
    for (const line of [
      'ready',
      'own broker-a 0 5 100',
      'begin broker-a 0 5 200 hello',
      'end broker-a 0 5 300 again',
      'begin broker-a 0 5 400 hello',
      'lost broker-a 0 500',
      '# ERR_ROCKETMQ_LOCK something',
    ]) {
      reader.line(line);
    }
    expect(history.calls.map(({ begin, end, done }) => [begin, end, done])).to.deep.equal([
      [200, 300, false],
      [400, undefined, false],
    ]);
    expect(history.events.map(({ kind, at }) => [kind, at])).to.deep.equal([
      ['own', 100],
      ['lost', 500],
    ]);
    expect(reader.errors).to.have.lengthOf(1);
    expect(() => reader.line('end broker-a 0 9 600 done')).to.throw('never began');
  });
});
