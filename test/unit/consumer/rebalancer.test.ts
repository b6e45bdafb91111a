import { expect } from 'chai';
import type { AllocateMessageQueueStrategy } from '../../../lib/consumer/allocation/index.js';
import { allocateStrategyByName } from '../../../lib/consumer/allocation/index.js';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import type { Ownership } from '../../../lib/consumer/ownership.js';
import { QueueTable } from '../../../lib/consumer/queue-table.js';
import { Rebalancer } from '../../../lib/consumer/rebalancer.js';
import { BrokerError, TimeoutError, type RocketMQError } from '../../../lib/errors.js';
import { withLease } from '../../../lib/protocol/lease.js';
import type { MessageQueue } from '../../../lib/protocol/message-queue.js';
import { FakeClient, routeOf } from '../../support/fake-client.js';

const INTERVAL = 20_000;
const LEASE = 30_000;

interface Setup {
  clustering?: boolean;
  strategy?: AllocateMessageQueueStrategy;
}

function setUp({ clustering = true, strategy = allocateStrategyByName('AVG') }: Setup = {}) {
  const client = new FakeClient();
  const { clock } = client;
  const table = new QueueTable(clock, () => undefined);
  const runs: { at: number; wanted: string[] }[] = [];
  const changes: string[] = [];
  const errors: RocketMQError[] = [];
  const seen: string[] = [];
  const warnings: string[] = [];
  const state = { topics: ['T'], suspended: false, settled: true, members: ['me'] as string[] | Error };
  client.knownRoutes.set('T', routeOf('T', { a: 4 }));
  client.respond = () => {
    if (state.members instanceof Error) throw state.members;
    return { consumerIds: state.members };
  };
  const show = ({ topic, brokerName, queueId }: MessageQueue): string => `${topic}/${brokerName}${queueId}`;
  const ownership = {
    reconcile: (wanted: ReadonlyMap<string, MessageQueue>) =>
      runs.push({ at: clock.now(), wanted: [...wanted.values()].map(show).sort() }),
    isSettled: () => state.settled,
    membersSeen: (clientIds: readonly string[], brokerNames: readonly string[]) =>
      seen.push(`${clientIds.join()} at ${brokerNames.join()}`),
  } as unknown as Ownership;
  const rebalancer = new Rebalancer(
    { consumerGroup: 'g', clustering, interval: INTERVAL, leaseTime: LEASE },
    {
      client: client.asClient(),
      table,
      ownership,
      strategy,
      topics: () => state.topics,
      isSuspended: () => state.suspended,
      changed: (topic, all, mine) => changes.push(`${topic} ${mine.length}/${all.length}`),
      report: (error) => errors.push(error),
      warn: (code) => warnings.push(code),
    },
  );
  /** Puts an owned queue into the table. */
  const own = (queueId: number): void => {
    const messageQueue = { topic: 'T', brokerName: 'a', queueId };
    const queue = new AssignedQueue(messageQueue, messageQueue, false);
    table.add(queue);
    table.own(queue, 0);
  };
  const startedAt = clock.now();
  const times = (): number[] => runs.map(({ at }) => at - startedAt);
  return { client, clock, table, rebalancer, runs, times, changes, errors, warnings, seen, state, own };
}

const ALL = ['T/a0', 'T/a1', 'T/a2', 'T/a3'];

describe('Rebalancer', () => {
  describe('when', () => {
    it('at once, and then every 20 s while all is settled', async () => {
      const t = setUp();
      t.rebalancer.start();
      await t.clock.advance(65_000);
      expect(t.times()).to.deep.equal([0, 20_000, 40_000, 60_000]);
    });

    it('every second while something is not settled', async () => {
      const t = setUp();
      t.state.settled = false;
      t.rebalancer.start();
      await t.clock.advance(3_000);
      t.state.settled = true;
      await t.clock.advance(22_000);
      expect(t.times()).to.deep.equal([0, 1_000, 2_000, 3_000, 4_000, 24_000]);
    });

    it('at once when it is woken, a few times in a row, and then once a second, however often that is', async () => {
      const t = setUp();
      t.rebalancer.start();
      await t.clock.advance(5_000);
      for (let i = 0; i < 300; i++) {
        t.rebalancer.wake('test');
        await t.clock.advance(10);
      }
      await t.clock.advance(5_000);
      expect(t.times()).to.deep.equal([0, 5_000, 5_050, 5_100, 5_150, 5_200, 6_200, 7_200, 8_200]);
      expect(t.client.calls).to.have.lengthOf(9);
      t.rebalancer.wake('rested');
      await t.clock.advance(10);
      t.rebalancer.wake('again');
      await t.clock.advance(50);
      expect(t.times().slice(9)).to.deep.equal([13_000, 13_050]);
    });

    it('at once for each of two that leave one after the other', async () => {
      const t = setUp();
      t.client.connected.set('a:1', t.clock.now());
      t.state.members = ['me', 'you', 'they'];
      t.rebalancer.start();
      await t.clock.advance(5_000);
      t.state.members = ['me', 'you'];
      t.rebalancer.wake('they have left');
      await t.clock.advance(300);
      t.state.members = ['me'];
      t.rebalancer.wake('you have left');
      await t.clock.advance(0);
      expect(t.runs.at(-1)?.wanted).to.deep.equal(ALL);
      expect(t.times()).to.deep.equal([0, 5_000, 5_300]);
    });

    it('once more when it was woken during a run', async () => {
      const t = setUp();
      t.client.respond = () => undefined;
      t.rebalancer.start();
      await t.clock.advance(300);
      t.rebalancer.wake('test');
      t.rebalancer.wake('test');
      expect(t.client.calls).to.have.lengthOf(1);
      t.client.calls[0]?.answer({ consumerIds: ['me'] });
      await t.clock.advance(0);
      expect(t.client.calls).to.have.lengthOf(2);
      t.client.calls[1]?.answer({ consumerIds: ['me'] });
      await t.clock.advance(10_000);
      expect(t.client.calls).to.have.lengthOf(2);
    });

    it('not while it is suspended, and within a second of the end of that', async () => {
      const t = setUp();
      t.state.suspended = true;
      t.rebalancer.start();
      await t.clock.advance(30_000);
      expect(t.client.calls).to.deep.equal([]);
      t.state.suspended = false;
      await t.clock.advance(1_000);
      expect(t.runs).to.have.lengthOf(1);
    });

    it('never again after it was stopped, which changes nothing even if a run is under way', async () => {
      const t = setUp();
      t.client.respond = () => undefined;
      t.rebalancer.start();
      await t.clock.advance(0);
      const stopped = t.rebalancer.stop();
      t.client.calls[0]?.answer({ consumerIds: ['me'] });
      await stopped;
      t.rebalancer.wake('test');
      await t.clock.advance(60_000);
      expect(t.runs).to.deep.equal([]);
      expect(t.clock.timerCount).to.equal(0);
    });
  });

  describe('what', () => {
    it('its share by the strategy, of sorted queues and members', async () => {
      const seen: unknown[] = [];
      const strategy: AllocateMessageQueueStrategy = {
        name: 'SPY',
        allocate: (group, id, all, members) => {
          seen.push([group, id, all.map(({ brokerName, queueId }) => `${brokerName}${queueId}`), members]);
          return [];
        },
      };
      const t = setUp({ strategy });
      t.client.knownRoutes.set('T', routeOf('T', { b: 2, a: 2 }));
      t.state.members = ['z', 'me', 'B', 'a'];
      t.rebalancer.start();
      await t.clock.advance(0);
      expect(seen).to.deep.equal([['g', 'me', ['a0', 'a1', 'b0', 'b1'], ['B', 'a', 'me', 'z']]]);
      expect(t.runs[0]?.wanted).to.deep.equal([]);
    });

    it('of several topics, and tells which share has changed', async () => {
      const t = setUp();
      t.client.knownRoutes.set('U', routeOf('U', { a: 1 }));
      t.state.topics = ['T', 'U'];
      t.rebalancer.start();
      await t.clock.advance(0);
      expect(t.runs[0]?.wanted).to.deep.equal([...ALL, 'U/a0']);
      expect(t.changes.sort()).to.deep.equal(['T 4/4', 'U 1/1']);
      t.state.members = ['me', 'you'];
      await t.clock.advance(INTERVAL);
      expect(t.changes.slice(2).sort()).to.deep.equal(['T 2/4']);
      t.state.topics = ['U'];
      await t.clock.advance(INTERVAL);
      expect(t.changes.slice(3)).to.deep.equal(['T 0/0']);
      t.state.topics = ['T', 'U'];
      await t.clock.advance(INTERVAL);
      expect(t.changes.slice(4)).to.deep.equal(['T 2/4']);
    });

    it('everything, without asking anybody, in broadcasting', async () => {
      const t = setUp({ clustering: false });
      t.rebalancer.start();
      await t.clock.advance(0);
      expect(t.runs[0]?.wanted).to.deep.equal(ALL);
      expect(t.client.calls).to.deep.equal([]);
    });

    it('nothing of a topic without queues, without asking anybody', async () => {
      const t = setUp();
      t.client.knownRoutes.set('T', routeOf('T', { a: 0 }));
      t.rebalancer.start();
      await t.clock.advance(0);
      expect(t.runs[0]?.wanted).to.deep.equal([]);
      expect(t.client.calls).to.deep.equal([]);
    });

    for (const [why, members] of [
      ['the broker refuses to tell the members', new BrokerError('no', 1, 'no consumer for this group', true)],
      ['the broker does not answer', new TimeoutError('no answer')],
      ['nobody is a member', []],
      ['its own id is missing', ['you']],
    ] as const) {
      it(`what it has, but not what it is giving up, when ${why}; it looks again in a second`, async () => {
        const t = setUp();
        t.own(1);
        t.own(2);
        t.own(3);
        t.table.drain(t.table.all()[2] as AssignedQueue, 'test');
        t.state.members = members instanceof Error ? members : [...members];
        t.rebalancer.start();
        await t.clock.advance(1_000);
        expect(t.runs.map(({ wanted }) => wanted)).to.deep.equal([
          ['T/a1', 'T/a2'],
          ['T/a1', 'T/a2'],
        ]);
        expect(t.changes).to.deep.equal([]);
        expect(t.client.beats).to.deep.equal(members instanceof TimeoutError ? [] : ['a:1', 'a:1']);
        t.state.members = ['me'];
        await t.clock.advance(1_000);
        expect(t.runs.at(-1)?.wanted).to.deep.equal(ALL);
      });
    }

    it('what it has when the strategy throws', async () => {
      const strategy = {
        name: 'BROKEN',
        allocate: () => {
          throw new Error('no idea');
        },
      };
      const t = setUp({ strategy });
      t.own(3);
      t.rebalancer.start();
      await t.clock.advance(0);
      expect(t.runs[0]?.wanted).to.deep.equal(['T/a3']);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_ALLOCATION']);
    });

    it('goes on after a defect of its own', async () => {
      const t = setUp();
      const topics = t.state.topics;
      t.state.topics = undefined as never;
      t.rebalancer.start();
      await t.clock.advance(0);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_REBALANCE']);
      t.state.topics = topics;
      await t.clock.advance(1_000);
      expect(t.runs[0]?.wanted).to.deep.equal(ALL);
    });

    it('warns of its own id among others twice, and counts it once', async () => {
      const t = setUp();
      t.state.members = ['me', 'me', 'you'];
      t.rebalancer.start();
      await t.clock.advance(0);
      expect(t.warnings).to.deep.equal(['DUPLICATE_CLIENT_ID']);
      expect(t.runs[0]?.wanted).to.have.lengthOf(2);
    });
  });

  describe('a topic nobody knows', () => {
    it('is looked for at growing intervals, up to that of the rebalance, and reported once', async () => {
      const t = setUp();
      t.state.topics = ['T', 'Later'];
      t.rebalancer.start();
      await t.clock.advance(90_000);
      expect(t.times()).to.deep.equal([0, 2_000, 6_000, 14_000, 30_000, 50_000, 70_000, 90_000]);
      expect(t.errors.map(({ code }) => code)).to.deep.equal(['ERR_ROCKETMQ_TOPIC_NOT_FOUND']);
      t.client.knownRoutes.set('Later', routeOf('Later', { a: 1 }));
      await t.clock.advance(INTERVAL);
      expect(t.runs.at(-1)?.wanted).to.include('Later/a0');
    });

    it('is not reported when it is the retry topic, which comes with the first heartbeat', async () => {
      const t = setUp();
      t.state.topics = ['T', '%RETRY%g'];
      t.rebalancer.start();
      await t.clock.advance(30_000);
      expect(t.errors).to.deep.equal([]);
    });
  });

  describe('a broker that was connected to only now', () => {
    /** Members me and you are known; then the connection to the only broker is made anew. */
    async function reconnected() {
      const t = setUp();
      t.state.members = ['me', 'you'];
      t.client.connected.set('a:1', t.clock.now());
      t.rebalancer.start();
      await t.clock.advance(0);
      t.own(0);
      t.own(1);
      await t.clock.advance(5_000);
      t.client.connected.set('a:1', t.clock.now());
      t.rebalancer.wake('connected');
      return t;
    }

    it('is not believed that a member is gone which it has not named yet', async () => {
      const t = await reconnected();
      t.state.members = ['me'];
      t.state.settled = false;
      await t.clock.advance(20_000);
      expect(t.runs.length).to.be.greaterThan(15);
      for (const { wanted } of t.runs.slice(1)) expect(wanted).to.deep.equal(['T/a0', 'T/a1']);
      t.state.members = ['me', 'you'];
      await t.clock.advance(1_000);
      t.state.members = ['me'];
      await t.clock.advance(1_000);
      expect(t.runs.at(-1)?.wanted, 'now it has named it, and it is gone').to.deep.equal(ALL);
    });

    it('is believed when a lease has passed: who has not been heard of by then consumes no more', async () => {
      const t = await reconnected();
      t.state.members = ['me'];
      t.state.settled = false;
      await t.clock.advance(LEASE);
      expect(t.runs.at(-1)?.wanted).to.deep.equal(['T/a0', 'T/a1']);
      await t.clock.advance(1_000);
      expect(t.runs.at(-1)?.wanted).to.deep.equal(ALL);
    });

    it('has been asked as all others of its kind, so that it is believed when a member leaves', async () => {
      const t = setUp();
      t.client.knownRoutes.set('T', routeOf('T', { a: 2, b: 2 }));
      t.client.connected.set('a:1', t.clock.now());
      t.client.connected.set('b:1', t.clock.now());
      t.state.members = ['me', 'you'];
      t.rebalancer.start();
      await t.clock.advance(0);
      expect(t.client.calls.map(({ to }) => to)).to.have.members(['a:1', 'b:1']);
      expect(t.seen).to.deep.equal(['me,you at a,b']);
      t.client.connected.set('a:1', t.clock.now());
      t.state.members = ['me'];
      t.rebalancer.wake('one has left');
      await t.clock.advance(1_000);
      expect(t.runs.at(-1)?.wanted, 'what b says, whatever a has not heard of').to.deep.equal([
        'T/a0',
        'T/a1',
        'T/b0',
        'T/b1',
      ]);
    });

    it('is not asked alone before all leases of the members have passed', async () => {
      const t = setUp();
      t.client.knownRoutes.set('T', routeOf('T', { a: 2, b: 2 }));
      t.client.connected.set('a:1', t.clock.now());
      t.client.connected.set('b:1', t.clock.now());
      const patient = withLease('you', LEASE + 10_000);
      t.state.members = ['me', patient];
      t.rebalancer.start();
      await t.clock.advance(LEASE + 5_000);
      t.client.calls.length = 0;
      t.rebalancer.wake('test');
      await t.clock.advance(0);
      expect(t.client.calls).to.have.lengthOf(2);
      await t.clock.advance(10_000);
      t.client.calls.length = 0;
      t.rebalancer.wake('test');
      await t.clock.advance(0);
      expect(t.client.calls).to.have.lengthOf(1);
    });

    it('is asked only when there is none of longer standing', async () => {
      const t = setUp();
      t.client.knownRoutes.set('T', routeOf('T', { a: 2, b: 2, c: 2 }));
      const now = t.clock.now();
      t.client.connected.set('a:1', now);
      t.client.connected.set('b:1', now - LEASE - 1);
      t.client.connected.set('c:1', now);
      t.rebalancer.start();
      await t.clock.advance(0);
      for (let i = 0; i < 20; i++) {
        t.client.connected.set('a:1', t.clock.now());
        t.client.connected.set('c:1', t.clock.now());
        t.rebalancer.wake('test');
        await t.clock.advance(1_000);
      }
      expect(new Set(t.client.calls.map(({ to }) => to))).to.deep.equal(new Set(['b:1']));
    });
  });
});
