import { expect } from 'chai';
import { Listeners } from '../../../mock-broker/listeners.js';

describe('Listeners', () => {
  it('are told until they are taken back, each on its own', () => {
    const listeners = new Listeners<[value: number]>();
    const seen: number[] = [];
    const listener = (value: number): void => void seen.push(value);
    const first = listeners.add(listener);
    const second = listeners.add(listener);
    listeners.tell(1);
    first();
    first();
    listeners.tell(2);
    second();
    listeners.tell(3);
    expect([seen, listeners.size]).to.deep.equal([[1, 1, 2], 0]);
  });

  it('fail on their own: the others are told, and the failure is raised', async () => {
    const listeners = new Listeners<[]>();
    let told = 0;
    listeners.add(() => {
      throw new RangeError('mistake');
    });
    listeners.add(() => told++);
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const raised = new Promise<Error>((resolve) => process.once('uncaughtException', resolve));
    listeners.tell();
    const error = await raised;
    for (const listener of before) process.on('uncaughtException', listener);
    expect([told, error.message]).to.deep.equal([1, 'mistake']);
  });
});
