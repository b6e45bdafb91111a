import { expect } from 'chai';
import { TurnTaker } from '../../../lib/consumer/turn-taker.js';
import { FakeClock } from '../../support/fake-clock.js';

describe('TurnTaker', () => {
  it('lets the waiting ones go on one per turn, first come first served', async () => {
    const clock = new FakeClock();
    const turns = new TurnTaker<string>(clock, 5, () => undefined);
    const order: string[] = [];
    const take = async (name: string): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await turns.next();
        order.push(name);
      }
    };
    await Promise.all([take('a'), take('b'), take('c')]);
    expect(order).to.deep.equal(['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('is over when its budget is spent, and has a fresh one at the next turn', async () => {
    const clock = new FakeClock();
    const turns = new TurnTaker<string>(clock, 5, () => undefined);
    expect(turns.isOver(clock.now())).to.equal(false);
    await clock.advance(5);
    expect(turns.isOver(clock.now())).to.equal(true);
    await turns.next();
    expect(turns.isOver(clock.now())).to.equal(false);
  });

  it('lets the event loop go round between two turns', async () => {
    const turns = new TurnTaker<string>(new FakeClock(), 5, () => undefined);
    let rounds = 0;
    const count = (): void => {
      rounds++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    for (let i = 0; i < 10; i++) await turns.next();
    clearImmediate(immediate);
    expect(rounds).to.be.at.least(9);
  });
});
