import { expect } from 'chai';
import { TrackedTopics } from '../../../lib/consumer/tracked-topics.js';

function setUp() {
  const log: string[] = [];
  const needed = new Set<string>();
  const topics = new TrackedTopics(
    { track: (topic) => log.push(`+${topic}`), untrack: (topic) => log.push(`-${topic}`) },
    (topic) => needed.has(topic),
  );
  return { log, needed, topics };
}

describe('TrackedTopics', () => {
  it('tracks each topic once, however often it is added', () => {
    const { log, topics } = setUp();
    topics.add(['A', 'B']);
    topics.add(['B', 'C']);
    expect(log).to.deep.equal(['+A', '+B', '+C']);
  });

  it('lets go of what is needed no more, once', () => {
    const { log, needed, topics } = setUp();
    needed.add('B');
    topics.add(['A', 'B']);
    topics.trim();
    topics.trim();
    expect(log).to.deep.equal(['+A', '+B', '-A']);
    topics.add(['A']);
    expect(log.at(-1)).to.equal('+A');
  });

  it('lets go of everything at the end, and of nothing twice', () => {
    const { log, needed, topics } = setUp();
    needed.add('A');
    topics.add(['A', 'B']);
    topics.trim();
    topics.clear();
    topics.clear();
    expect(log).to.deep.equal(['+A', '+B', '-B', '-A']);
  });
});
