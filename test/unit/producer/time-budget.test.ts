import { expect } from 'chai';
import { TimeoutError } from '../../../lib/errors.js';
import { TimeBudget } from '../../../lib/producer/time-budget.js';
import { FakeClock } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';

describe('time budget', () => {
  it('counts only the time between start and stop', () => {
    const clock = new FakeClock();
    const budget = new TimeBudget(clock, 100);
    clock.jump(50);
    budget.start();
    clock.jump(30);
    expect(budget.remainingMs).to.equal(70);
    budget.stop();
    clock.jump(1_000);
    expect(budget.remainingMs).to.equal(70);
    budget.start();
    // Started already: the time does not begin anew.
    budget.start();
    clock.jump(80);
    expect(budget.remainingMs).to.equal(-10);
    expect(budget.usedMs).to.equal(110);
  });

  it('hands on what comes in time, and leaves no timer behind', async () => {
    const clock = new FakeClock();
    const budget = new TimeBudget(clock, 100);
    budget.start();
    expect(await budget.bound(Promise.resolve(7), 'it')).to.equal(7);
    const failure = new Error('no');
    expect(await rejection(budget.bound(Promise.reject(failure), 'it'), Error)).to.equal(failure);
    expect(clock.timerCount).to.equal(0);
  });

  it('gives up when the rest of the time is over', async () => {
    const clock = new FakeClock();
    const budget = new TimeBudget(clock, 100);
    budget.start();
    clock.jump(60);
    let fail: (error: Error) => void = () => undefined;
    const never = new Promise((_resolve, reject) => (fail = reject));
    const bounded = rejection(budget.bound(never, 'the route was not found'), TimeoutError);
    await clock.advance(39);
    expect(clock.timerCount).to.equal(1);
    await clock.advance(1);
    expect((await bounded).message).to.equal('the route was not found within 100 ms');
    // Too late, and nobody's business any more.
    fail(new Error('late'));
    await clock.advance(0);
    expect(clock.timerCount).to.equal(0);
  });
});
