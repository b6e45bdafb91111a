import { expect } from 'chai';
import { KeyChains, type ChainLink } from '../../../lib/producer/key-chains.js';
import { turns } from '../../support/fake-clock.js';

/** A link that records what happens to it and ends when it is told to. */
class TestLink implements ChainLink {
  next?: ChainLink | undefined;
  end: () => void = () => undefined;
  constructor(
    readonly name: string,
    readonly log: string[],
  ) {}

  run(): Promise<void> {
    this.log.push(this.name);
    return new Promise((resolve) => (this.end = resolve));
  }

  cut(error: Error): void {
    this.log.push(`${this.name} cut: ${error.message}`);
  }
}

describe('key chains', () => {
  let chains: KeyChains;
  let log: string[];
  const link = (key: string, name: string): TestLink => {
    const added = new TestLink(name, log);
    chains.add(key, added);
    return added;
  };

  beforeEach(() => {
    chains = new KeyChains();
    log = [];
  });

  it('runs the first link at once and the others one after the other', async () => {
    const [a, b] = [link('k', 'a'), link('k', 'b')];
    link('k', 'c');
    await turns();
    expect(log).to.deep.equal(['a']);
    a.end();
    await turns();
    expect(log).to.deep.equal(['a', 'b']);
    b.end();
    await turns();
    expect(log).to.deep.equal(['a', 'b', 'c']);
  });

  it('runs different keys side by side', () => {
    link('k1', 'a');
    link('k2', 'b');
    expect(log).to.deep.equal(['a', 'b']);
    expect(chains.size).to.equal(2);
  });

  it('forgets a key when its last link is done, and takes it up again', async () => {
    const first = link('k', 'a');
    first.end();
    await turns();
    expect(chains.size).to.equal(0);
    link('k', 'b').end();
    expect(log).to.deep.equal(['a', 'b']);
    await turns();
    expect(chains.size).to.equal(0);
  });

  it('keeps nothing of a hundred thousand keys that came and went', async () => {
    for (let i = 0; i < 100_000; i++) {
      chains.add(`key-${i}`, { run: () => Promise.resolve(), cut: () => undefined });
    }
    await turns();
    expect(chains.size).to.equal(0);
  });

  it('goes through a very long chain', async () => {
    let ran = 0;
    const done = new Promise<void>((resolve) => {
      for (let i = 0; i < 50_000; i++) {
        chains.add('k', {
          run: () => {
            if (++ran === 50_000) resolve();
            return Promise.resolve();
          },
          cut: () => undefined,
        });
      }
    });
    await done;
    expect(ran).to.equal(50_000);
  });

  describe('when it is cut', () => {
    it('behind the running link: those behind it never run', async () => {
      const a = link('k', 'a');
      link('k', 'b');
      link('k', 'c');
      chains.cutBehind('k', a, new Error('no'));
      expect(log).to.deep.equal(['a', 'b cut: no', 'c cut: no']);
      link('k', 'd');
      a.end();
      await turns();
      expect(log.slice(3)).to.deep.equal(['d']);
    });

    it('behind a waiting link: those before it still run', async () => {
      const a = link('k', 'a');
      const b = link('k', 'b');
      link('k', 'c');
      chains.cutBehind('k', b, new Error('no'));
      a.end();
      await turns();
      expect(log).to.deep.equal(['a', 'c cut: no', 'b']);
      b.end();
      await turns();
      expect(chains.size).to.equal(0);
    });

    it('of a key without links: nothing happens', () => {
      chains.cutBehind('k', new TestLink('x', log), new Error('no'));
      expect(log).to.deep.equal([]);
    });
  });
});
