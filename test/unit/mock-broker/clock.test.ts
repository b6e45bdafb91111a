import { expect } from 'chai';
import { useFakeTimers, type SinonFakeTimers } from 'sinon';
import { MockClock } from '../../../mock-broker/index.js';

describe('MockClock', () => {
  describe('manual', () => {
    it('stands still until it is advanced', () => {
      const clock = MockClock.manual(1000);
      expect(clock.isManual).to.equal(true);
      expect(clock.now()).to.equal(1000);
      clock.advance(250);
      expect(clock.now()).to.equal(1250);
    });

    it('starts at the time of the machine', () => {
      const before = Date.now();
      const now = MockClock.manual().now();
      expect(now).to.be.within(before, Date.now());
    });

    it('fires timers in the order they are due, at their time', () => {
      const clock = MockClock.manual(0);
      const fired: string[] = [];
      const note = (name: string): void => void fired.push(`${name}@${clock.now()}`);
      clock.setTimeout(() => note('c'), 30);
      clock.setTimeout(() => note('a'), 10);
      clock.setTimeout(() => note('b'), 20);
      clock.setTimeout(() => note('b2'), 20);
      clock.setTimeout(() => note('late'), 41);
      clock.advance(40);
      expect(fired).to.deep.equal(['a@10', 'b@20', 'b2@20', 'c@30']);
      expect(clock.now()).to.equal(40);
      expect(clock.pendingTimers).to.equal(1);
    });

    it('fires timers that fired timers set, if they become due on the way', () => {
      const clock = MockClock.manual(0);
      const fired: number[] = [];
      const tick = (): void => {
        fired.push(clock.now());
        clock.setTimeout(tick, 10);
      };
      clock.setTimeout(tick, 10);
      clock.advance(35);
      expect(fired).to.deep.equal([10, 20, 30]);
    });

    it('does not fire what was cleared, also by another timer', () => {
      const clock = MockClock.manual(0);
      const fired: string[] = [];
      const second = clock.setTimeout(() => fired.push('second'), 20);
      clock.setTimeout(() => clock.clearTimeout(second), 10);
      const third = clock.setTimeout(() => fired.push('third'), 5);
      clock.clearTimeout(third);
      clock.clearTimeout(third);
      clock.clearTimeout(undefined);
      clock.advance(100);
      expect(fired).to.deep.equal([]);
    });

    it('refuses to go back', () => {
      expect(() => MockClock.manual(0).advance(-1)).to.throw(RangeError);
      expect(() => MockClock.manual(0).advance(Number.NaN)).to.throw(RangeError);
    });
  });

  it('runs from timer to timer, with turns for promises between them', async () => {
    const clock = MockClock.manual(0);
    const seen: string[] = [];
    clock.setTimeout(() => {
      void Promise.resolve().then(() => clock.setTimeout(() => seen.push(`b@${clock.now()}`), 5));
      seen.push(`a@${clock.now()}`);
    }, 10);
    clock.setTimeout(() => seen.push(`c@${clock.now()}`), 20);
    await clock.run(20);
    expect(seen).to.deep.equal(['a@10', 'b@15', 'c@20']);
    expect(clock.wallTime()).to.equal(20);
  });

  describe('real', () => {
    let timers: SinonFakeTimers;

    beforeEach(() => {
      timers = useFakeTimers({ now: 5000, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    });

    afterEach(() => timers.restore());

    it('goes with the machine', () => {
      const clock = new MockClock();
      const fired: string[] = [];
      clock.setTimeout(() => fired.push('b'), 200);
      const a = clock.setTimeout(() => fired.push('a'), 100);
      clock.setTimeout(() => fired.push('c'), 300);
      clock.clearTimeout(a);
      timers.tick(199);
      expect(fired).to.deep.equal([]);
      timers.tick(1);
      expect(fired).to.deep.equal(['b']);
      timers.tick(100);
      expect(fired).to.deep.equal(['b', 'c']);
      expect(clock.now()).to.equal(5300);
      expect(timers.countTimers()).to.equal(0);
    });

    it('jumps ahead when it is advanced, and goes on from there', () => {
      const clock = new MockClock();
      const fired: string[] = [];
      clock.setTimeout(() => fired.push('a'), 60_000);
      clock.setTimeout(() => fired.push('b'), 60_100);
      clock.advance(60_000);
      expect(fired).to.deep.equal(['a']);
      expect(clock.now()).to.equal(65_000);
      timers.tick(100);
      expect(fired).to.deep.equal(['a', 'b']);
    });

    it('waits longer than a host timer can', () => {
      const clock = new MockClock();
      let fired = false;
      clock.setTimeout(() => (fired = true), 3_000_000_000);
      timers.tick(2_147_483_647);
      expect(fired).to.equal(false);
      timers.tick(3_000_000_000 - 2_147_483_647);
      expect(fired).to.equal(true);
    });
  });
});
