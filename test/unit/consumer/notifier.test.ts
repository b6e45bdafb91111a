import { expect } from 'chai';
import { Notifier } from '../../../lib/consumer/notifier.js';
import { FakeClock, turns } from '../../support/fake-clock.js';

describe('Notifier', () => {
  it('wakes all that wait, and only those', async () => {
    const notifier = new Notifier();
    const clock = new FakeClock();
    const woken: number[] = [];
    void notifier.wait(clock).then(() => woken.push(1));
    void notifier.wait(clock, 1_000).then(() => woken.push(2));
    notifier.notify();
    void notifier.wait(clock).then(() => woken.push(3));
    await turns();
    expect(woken).to.deep.equal([1, 2]);
    expect(notifier.hasWaiters).to.equal(true);
    expect(clock.timerCount, 'a wait that was ended leaves no timer').to.equal(0);
  });

  it('wakes by itself after the time that was given', async () => {
    const notifier = new Notifier();
    const clock = new FakeClock();
    let woken = false;
    void notifier.wait(clock, 1_000).then(() => {
      woken = true;
    });
    await clock.advance(999);
    expect(woken).to.equal(false);
    await clock.advance(1);
    expect(woken).to.equal(true);
    expect(notifier.hasWaiters).to.equal(false);
  });
});
