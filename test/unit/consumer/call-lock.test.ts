import { expect } from 'chai';
import { CallLock } from '../../../lib/consumer/call-lock.js';
import { turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';

describe('CallLock', () => {
  it('lets one step run at a time, in the order they came, and is held until the last has ended', async () => {
    const lock = new CallLock();
    const told: string[] = [];
    const ends: (() => void)[] = [];
    const step = (name: string) => async (): Promise<string> => {
      told.push(`${name} begins`);
      await new Promise<void>((resolve) => ends.push(resolve));
      told.push(`${name} ends`);
      return name;
    };
    expect(lock.isHeld).to.equal(false);
    const first = lock.run(step('a'));
    const second = lock.run(step('b'));
    await turns();
    expect(told).to.deep.equal(['a begins']);
    ends[0]?.();
    expect(await first).to.equal('a');
    await turns();
    expect(told).to.deep.equal(['a begins', 'a ends', 'b begins']);
    expect(lock.isHeld).to.equal(true);
    ends[1]?.();
    expect(await second).to.equal('b');
    expect(lock.isHeld).to.equal(false);
  });

  it('is free again for whoever hears of the end, also of one that failed', async () => {
    const lock = new CallLock();
    expect(await lock.run(() => 1).then(() => lock.isHeld)).to.equal(false);
    const failure = new Error('broken');
    expect(
      await rejection(
        lock.run(() => Promise.reject(failure)),
        Error,
      ),
    ).to.equal(failure);
    expect(lock.isHeld).to.equal(false);
    expect(await lock.run(() => 'goes on')).to.equal('goes on');
  });
});
