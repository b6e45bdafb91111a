import { expect } from 'chai';
import { RequestCode } from '../../lib/protocol/codes.js';
import { Crowd } from './support/crowd.js';
import { figure } from './support/figures.js';

const BROKERS = 4;
const QUEUES_PER_BROKER = 64;
const QUEUES = BROKERS * QUEUES_PER_BROKER;
const MEMBERS = 64;
const AT_ONCE = 32;
/** So often every queue gets a message while members come and go, in milliseconds. */
const EVERY = 1_000;

describe('64 consumers in one group over 256 queues', () => {
  let crowd: Crowd;
  let locks = 0;

  beforeEach(async () => {
    crowd = await Crowd.start(BROKERS, QUEUES_PER_BROKER);
    locks = 0;
    crowd.cluster.journal.subscribe(({ code, direction }) => {
      if (code === RequestCode.LOCK_BATCH_MQ && direction === 'in') locks++;
    });
  });

  afterEach(() => crowd.dispose());

  /** Under traffic, until each queue has one owner again. Returns how long that took. */
  async function settle(what: string): Promise<number> {
    let took = 0;
    do {
      crowd.produce();
      await crowd.advance(EVERY);
      took += EVERY;
      if (took > 150_000) throw new Error(`not settled after ${took} ms: ${what}`);
    } while (!crowd.isSettled());
    return took;
  }

  function shares(): number[] {
    const counts = crowd.members.map(
      ({ consumer }) => consumer.assignment.filter(({ messageQueue }) => messageQueue.topic === 'T').length,
    );
    return [...new Set(counts)].sort((a, b) => a - b);
  }

  it('have one owner for each queue whenever they come, leave or are killed, and repeat nothing else', async () => {
    for (let i = 0; i < AT_ONCE; i++) crowd.join();
    const joined = await settle('half of them joined at once');
    expect(shares()).to.deep.equal([QUEUES / AT_ONCE]);

    while (crowd.members.length < MEMBERS) {
      crowd.join();
      crowd.produce();
      await crowd.advance(EVERY);
    }
    const oneByOne = await settle('the others joined one after the other');
    expect(shares()).to.deep.equal([QUEUES / MEMBERS]);
    expect(crowd.judge.repeated, 'nothing comes twice when members join').to.equal(0);

    await crowd.leave(crowd.members.filter((_, index) => index % 4 === 1));
    const left = await settle('a quarter left');
    expect(shares()).to.deep.equal([5, 6]);
    expect(crowd.judge.repeated, 'nothing comes twice when members leave').to.equal(0);
    crowd.expectInOrder();

    const crashing = crowd.members.filter((_, index) => index % 4 === 2);
    expect(crashing).to.have.lengthOf(12);
    crowd.crash(crashing);
    const crashed = await settle('a quarter of those left was killed');
    expect(crashed, 'nobody takes a lock before its lease is over').to.be.greaterThan(30_000);
    expect(shares()).to.deep.equal([7, 8]);
    const { repeated } = crowd.judge;
    await settle('after that');
    expect(crowd.judge.repeated, 'nothing comes a third time').to.equal(repeated);
    // What the killed had 5 s and a little more to commit, in a quarter of the queues.
    expect(repeated).to.be.lessThan((QUEUES / 4 + 12) * 7);

    expect(crowd.members).to.have.lengthOf(36);
    await crowd.stop();
    figure(`64 members, 256 queues: settled ${joined / 1000} s after 32 joined at once, ${oneByOne / 1000} s after the last of 32 that joined one by one, ${left / 1000} s after 16 left, ${crashed / 1000} s after 12 were killed; ${crowd.judge.calls} messages, ${repeated} of them twice, ${locks} lock requests`); // prettier-ignore
  });
});
