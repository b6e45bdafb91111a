import { expect } from 'chai';
import { sleep } from '../../../lib/clock.js';
import { FakeClock } from '../../support/fake-clock.js';

describe('support/fake-clock', () => {
  it('runs timers in the order of their due times, then of their setting', async () => {
    const clock = new FakeClock(0);
    const ran: string[] = [];
    for (const [name, delay] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['never', 31],
    ] as const) {
      clock.setTimeout(() => ran.push(`${name}@${clock.now()}`), delay);
    }
    await clock.advance(30);
    expect(ran).to.deep.equal(['a@10', 'b1@20', 'b2@20', 'c@30']);
    expect(clock.timerCount).to.equal(1);
    expect(clock.nextTimerIn).to.equal(1);
  });

  it('lets promises go on between timers, so that what they set within the span runs in it', async () => {
    const clock = new FakeClock(0);
    const at: number[] = [];
    const loop = (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 10);
        at.push(clock.now());
      }
    })();
    await clock.advance(30);
    await loop;
    expect(at).to.deep.equal([10, 20, 30]);
  });

  it('moves wall time with its own, and forgets cleared timers', async () => {
    const clock = new FakeClock(5, 1_000_000);
    const timer = clock.setTimeout(() => expect.fail('was cleared'), 10);
    clock.clearTimeout(timer);
    await clock.advance(100);
    expect([clock.now(), clock.wallTime(), clock.timerCount]).to.deep.equal([105, 1_000_100, 0]);
    expect(clock.nextTimerIn).to.equal(undefined);
  });

  it('runs nothing on a jump, and then what is due', () => {
    const clock = new FakeClock(0);
    let ran = 0;
    clock.setTimeout(() => ran++, 10);
    clock.jump(10);
    expect(ran).to.equal(0);
    clock.runDue();
    expect(ran).to.equal(1);
  });
});
