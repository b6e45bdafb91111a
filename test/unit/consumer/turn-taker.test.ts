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

  it('runs tasks after what runs now, in order, and those that come meanwhile, too', async () => {
    const order: string[] = [];
    const turns = new TurnTaker<string>(new FakeClock(), 5, (task) => {
      order.push(task);
      if (task === 'a') turns.enter('c');
    });
    turns.enter('a');
    turns.enter('b');
    order.push('now');
    await Promise.resolve();
    expect(order).to.deep.equal(['now', 'a', 'b', 'c']);
  });

  it('leaves what does not fit into a turn to the next, after the event loop went round', async () => {
    const clock = new FakeClock();
    const order: string[] = [];
    const turns = new TurnTaker<string>(clock, 5, (task) => {
      order.push(task);
      clock.jump(3);
    });
    for (const task of ['a', 'b', 'c', 'd', 'e']) turns.enter(task);
    setImmediate(() => order.push('round'));
    await Promise.resolve();
    expect(order).to.deep.equal(['a', 'b']);
    await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));
    expect(order.filter((entry) => entry !== 'round')).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    expect(order.indexOf('round')).to.equal(2);
  });

  it('lets neither promises nor tasks pass those that waited before them', async () => {
    const clock = new FakeClock();
    const order: string[] = [];
    const turns = new TurnTaker<string>(clock, 5, (task) => order.push(task));
    const waits = [turns.next().then(() => order.push('promise 1'))];
    turns.enter('task 1');
    waits.push(turns.next().then(() => order.push('promise 2')));
    turns.enter('task 2');
    await Promise.all(waits);
    while (order.length < 4) await new Promise(setImmediate);
    expect(order).to.deep.equal(['promise 1', 'task 1', 'promise 2', 'task 2']);
  });
});
