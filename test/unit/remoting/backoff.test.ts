import { expect } from 'chai';
import fc from 'fast-check';
import { Backoff } from '../../../lib/remoting/backoff.js';
import { FakeClock } from '../../support/fake-clock.js';

describe('remoting/backoff', () => {
  it('lets the first attempt be made at once', () => {
    expect(new Backoff(new FakeClock()).remainingMs).to.equal(0);
  });

  it('doubles the pause up to 5 s', () => {
    const backoff = new Backoff(new FakeClock(), () => 1);
    const pauses = Array.from({ length: 9 }, () => {
      backoff.failed();
      return backoff.remainingMs;
    });
    expect(pauses).to.deep.equal([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    expect(backoff.failures).to.equal(9);
  });

  it('is over when its time has passed', () => {
    const clock = new FakeClock();
    const backoff = new Backoff(clock, () => 0);
    backoff.failed();
    expect(backoff.remainingMs).to.equal(50);
    clock.jump(20);
    expect(backoff.remainingMs).to.equal(30);
    clock.jump(100);
    expect(backoff.remainingMs).to.equal(0);
  });

  it('begins anew after a success', () => {
    const backoff = new Backoff(new FakeClock(), () => 1);
    backoff.failed();
    backoff.failed();
    backoff.succeeded();
    expect(backoff.remainingMs).to.equal(0);
    expect(backoff.failures).to.equal(0);
    backoff.failed();
    expect(backoff.remainingMs).to.equal(100);
  });

  it('spreads clients over the second half of the pause and never waits longer than 5 s', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const backoff = new Backoff(new FakeClock(0), () => random);
        for (let i = 0; i < failures; i++) backoff.failed();
        const full = Math.min(5_000, 100 * 2 ** (failures - 1));
        expect(backoff.remainingMs).to.be.within(full / 2, full);
      }),
    );
  });
});
