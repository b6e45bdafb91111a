import { expect } from 'chai';
import { ConsumerStats } from '../../../lib/consumer/consumer-stats.js';
import { FakeClock } from '../../support/fake-clock.js';

function setUp(startAt = 1_000) {
  const clock = new FakeClock(startAt);
  return { clock, stats: new ConsumerStats(clock) };
}

const NOTHING = { pullRT: 0, pullTPS: 0, consumeRT: 0, consumeOKTPS: 0, consumeFailedTPS: 0, consumeFailedMsgs: 0 };

describe('ConsumerStats', () => {
  it('knows nothing of a topic that was never seen', () => {
    expect(setUp().stats.of('T')).to.deep.equal(NOTHING);
  });

  it('averages times per call, and rates over the time it has run', () => {
    const { clock, stats } = setUp();
    stats.pulled('T', 10, 40);
    stats.pulled('T', 20, 60);
    stats.consumed('T', true, 3, 5, clock.now());
    stats.consumed('T', true, 1, 15, clock.now());
    stats.consumed('T', false, 2, 1, clock.now());
    clock.jump(10_000);
    const { pullRT, pullTPS, consumeRT, consumeOKTPS, consumeFailedTPS, consumeFailedMsgs } = stats.of('T');
    expect([pullRT, pullTPS]).to.deep.equal([50, 3]);
    expect([consumeRT, consumeOKTPS, consumeFailedTPS, consumeFailedMsgs]).to.deep.equal([7, 0.4, 0.2, 2]);
    expect(stats.of('U')).to.deep.equal(NOTHING);
  });

  it('takes no less than a second for the time it has run', () => {
    const { stats } = setUp();
    stats.pulled('T', 8, 1);
    expect(stats.of('T').pullTPS).to.equal(8);
  });

  it('looks back a minute, and remembers failures for ever', () => {
    const { clock, stats } = setUp(0);
    for (let second = 0; second < 300; second++) {
      stats.consumed('T', second % 2 === 0, 1, 4, clock.now());
      clock.jump(1_000);
    }
    // The last bucket of ten seconds has just begun, so between 50 and 60 s count.
    const { consumeOKTPS, consumeFailedTPS, consumeRT, consumeFailedMsgs } = stats.of('T');
    expect(consumeOKTPS).to.be.within(25 / 60, 30 / 60);
    expect(consumeFailedTPS).to.be.within(25 / 60, 30 / 60);
    expect([consumeRT, consumeFailedMsgs]).to.deep.equal([4, 150]);
    clock.jump(70_000);
    expect(stats.of('T')).to.deep.equal({ ...NOTHING, consumeFailedMsgs: 150 });
  });
});
