import { expect } from 'chai';
import { BrokerError, ProtocolError, RouteError } from '../../../lib/errors.js';
import { describeQueue } from '../../../lib/protocol/message-queue.js';
import { encodeTopicRoute, type TopicRouteData } from '../../../lib/protocol/topic-route.js';
import { NameServers } from '../../../lib/routing/name-servers.js';
import { RouteTable, type RouteTableOptions } from '../../../lib/routing/route-table.js';
import type { FakeServer } from '../../support/fake-server.js';
import { rejection } from '../../support/rejection.js';
import { Harness } from '../remoting/harness.js';
import { broker, queues, route } from './route-data.js';

describe('routing/route-table', () => {
  let harness: Harness;
  let server: FakeServer;
  let table: RouteTable;
  let events: string[];
  /** What the name server knows; undefined answers 17. */
  let known: Map<string, TopicRouteData | Buffer | { code: number; remark: string }>;

  beforeEach(async () => {
    harness = new Harness();
    known = new Map();
    server = await harness.server({
      onRequest: (command, peer) => {
        const data = known.get(command.extFields['topic'] ?? '');
        if (data === undefined) peer.reply(command, { code: 17, remark: 'No topic route info in name server' });
        else if (Buffer.isBuffer(data)) peer.reply(command, { code: 0, body: data });
        else if ('code' in data) peer.reply(command, data);
        else peer.reply(command, { code: 0, body: encodeTopicRoute(data) });
      },
    });
    table = createTable();
  });

  afterEach(async () => {
    table.close();
    await harness.stop();
    expect(harness.clock.timerCount).to.equal(0);
  });

  function createTable(options: Partial<RouteTableOptions> = {}): RouteTable {
    const nameServers = new NameServers({
      remoting: harness.client(),
      clock: harness.clock,
      namesrvAddr: server.address,
    });
    const created = new RouteTable({ nameServers, clock: harness.clock, ...options });
    events = [];
    created.on('changed', (topic, changed) => events.push(`changed ${topic} ${changed.subscribeQueues.length}`));
    created.on('refreshFailed', (topic, error) => events.push(`failed ${topic} ${(error as RouteError).code}`));
    return created;
  }

  function simple(count: number, address = 'h:1'): TopicRouteData {
    return route({ queueDatas: [queues('a', { read: count, write: count })], brokerDatas: [broker('a', address)] });
  }

  /** Lets the poll run and its answers arrive. */
  async function poll(): Promise<void> {
    await harness.clock.advance(30_000);
    await table.refreshAll();
  }

  const requests = (): number => server.peers.reduce((sum, peer) => sum + peer.commands.length, 0);

  describe('fetch', () => {
    it('asks for standard JSON and derives the queues', async () => {
      known.set('T', simple(2));
      const fetched = await table.fetch('T');
      expect(server.peers[0]?.commands[0]?.extFields).to.deep.equal({ topic: 'T', acceptStandardJsonOnly: 'true' });
      expect(fetched.topic).to.equal('T');
      expect(fetched.data.queueDatas).to.deep.equal(simple(2).queueDatas);
      expect(fetched.publishQueues.map(describeQueue)).to.deep.equal(['T@a#0', 'T@a#1']);
      expect(fetched.subscribeQueues.map(describeQueue)).to.deep.equal(['T@a#0', 'T@a#1']);
      expect(table.get('T')).to.equal(fetched);
      expect(events).to.deep.equal(['changed T 2']);
    });

    it('reads keys without quotes, as old name servers write them', async () => {
      known.set('T', encodeTopicRoute(simple(1), { unquotedKeys: true }));
      await table.fetch('T');
      expect(table.brokerAddress('a')).to.equal('h:1');
    });

    it('shares one request between callers at the same time', async () => {
      known.set('T', simple(1));
      const routes = await Promise.all([table.fetch('T'), table.fetch('T'), table.fetch('T')]);
      expect(new Set(routes).size).to.equal(1);
      expect(requests()).to.equal(1);
      await table.fetch('T');
      expect(requests()).to.equal(2);
    });

    it('says that a topic does not exist', async () => {
      const error = await rejection(table.fetch('T'), RouteError);
      expect(error).to.include({ code: 'ERR_ROCKETMQ_TOPIC_NOT_FOUND', retryable: true });
      expect(error.message).to.contain('topic T').and.to.contain('create it');
      expect(error.cause).to.be.instanceOf(BrokerError);
      expect(table.get('T')).to.equal(undefined);
    });

    it('keeps the route of a topic that has disappeared', async () => {
      known.set('T', simple(1));
      const first = await table.fetch('T');
      known.delete('T');
      expect(await table.fetch('T')).to.equal(first);
      expect(table.brokerAddress('a')).to.equal('h:1');
      expect(events).to.deep.equal(['changed T 1']);
    });

    it('refuses static topics', async () => {
      known.set('T', { ...simple(1), staticTopicBrokers: ['broker-a'] });
      const error = await rejection(table.fetch('T'), RouteError);
      expect(error).to.include({ code: 'ERR_ROCKETMQ_STATIC_TOPIC', retryable: false });
      expect(error.message).to.contain('static');
      expect(table.get('T')).to.equal(undefined);
    });

    it('passes on a refusal, an answer that cannot be read, and the lack of name servers', async () => {
      known.set('T', { code: 1, remark: 'name server not ready' });
      expect((await rejection(table.fetch('T'), BrokerError)).remark).to.equal('name server not ready');
      known.set('T', Buffer.from('{'));
      await rejection(table.fetch('T'), ProtocolError);
      known.set('T', { ...simple(1), orderTopicConf: 'a' });
      await rejection(table.fetch('T'), ProtocolError);
      await server.stop();
      expect((await rejection(table.fetch('T'), RouteError)).code).to.equal('ERR_ROCKETMQ_NO_NAME_SERVER');
    });

    it('waits no longer than its timeout', async () => {
      table = createTable({ requestTimeoutMs: 700 });
      server.onRequest = undefined;
      const fetching = rejection(table.fetch('T'), RouteError);
      await server.nextRequest();
      await harness.clock.advance(700);
      expect((await fetching).message).to.contain('700 ms');
    });
  });

  describe('changes', () => {
    it('are told, and the same route in another order is none', async () => {
      const [a, b] = [queues('a'), queues('b')];
      const [brokerA, brokerB] = [broker('a', 'h:1'), broker('b', 'h:2')];
      known.set('T', route({ queueDatas: [a, b], brokerDatas: [brokerA, brokerB] }));
      const first = await table.fetch('T');
      known.set('T', route({ queueDatas: [b, a], brokerDatas: [brokerB, brokerA] }));
      expect(await table.fetch('T')).to.equal(first);
      known.set('T', route({ queueDatas: [b], brokerDatas: [brokerB, brokerA] }));
      expect(await table.fetch('T')).to.not.equal(first);
      expect(events).to.deep.equal(['changed T 8', 'changed T 4']);
    });

    const changes: [string, TopicRouteData][] = [
      ['a permission', route({ queueDatas: [queues('a', { perm: 4 })], brokerDatas: [broker('a', 'h:1')] })],
      ['a number of queues', route({ queueDatas: [queues('a', { write: 5 })], brokerDatas: [broker('a', 'h:1')] })],
      ['an address', route({ queueDatas: [queues('a')], brokerDatas: [broker('a', 'h:9')] })],
      ['a replica', route({ queueDatas: [queues('a')], brokerDatas: [broker('a', 'h:1', 'h:2')] })],
      [
        'an order configuration',
        route({ queueDatas: [queues('a')], brokerDatas: [broker('a', 'h:1')], orderTopicConf: 'a:4' }),
      ],
    ];
    for (const [what, changed] of changes) {
      it(`of ${what} count`, async () => {
        known.set('T', route({ queueDatas: [queues('a')], brokerDatas: [broker('a', 'h:1')] }));
        await table.fetch('T');
        known.set('T', changed);
        await table.fetch('T');
        expect(events).to.have.lengthOf(2);
      });
    }

    it('reach all listeners although one throws, and the fetch resolves', async () => {
      known.set('T', simple(1));
      table.prependListener('changed', () => {
        throw new Error('listener failed');
      });
      const listeners = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      try {
        const uncaught = new Promise<Error>((resolve) => process.once('uncaughtException', resolve));
        await table.fetch('T');
        expect((await uncaught).message).to.equal('listener failed');
      } finally {
        for (const listener of listeners) process.on('uncaughtException', listener);
      }
    });
  });

  describe('the poll', () => {
    it('reads tracked topics every 30 s, and only those', async () => {
      known.set('T', simple(1)).set('U', simple(1));
      await Promise.all([table.fetch('T'), table.fetch('U')]);
      table.track('T');
      known.set('T', simple(2)).set('U', simple(2));
      await harness.clock.advance(29_999);
      expect(requests()).to.equal(2);
      const changed = new Promise((resolve) => table.once('changed', resolve));
      await harness.clock.advance(1);
      await changed;
      expect(table.get('T')?.subscribeQueues).to.have.lengthOf(2);
      expect(table.get('U')?.subscribeQueues).to.have.lengthOf(1);
      await harness.clock.advance(30_000);
      expect(requests()).to.equal(4);
    });

    it('fetches a tracked topic that was not known before', async () => {
      table.track('T');
      await poll();
      expect(events).to.include('failed T ERR_ROCKETMQ_TOPIC_NOT_FOUND');
      known.set('T', simple(1));
      await poll();
      expect(events.at(-1)).to.equal('changed T 1');
    });

    it('goes on after failures, keeps the routes and tells', async () => {
      known.set('T', simple(1));
      await table.fetch('T');
      table.track('T');
      known.set('T', { ...simple(1), staticTopicBrokers: ['x'] });
      await poll();
      expect(events.at(-1)).to.equal('failed T ERR_ROCKETMQ_STATIC_TOPIC');
      expect(table.get('T')?.subscribeQueues).to.have.lengthOf(1);
      known.set('T', simple(3));
      await poll();
      expect(events.at(-1)).to.equal('changed T 3');
    });

    it('has its own interval', async () => {
      table = createTable({ pollIntervalMs: 500 });
      known.set('T', simple(1));
      table.track('T');
      const changed = new Promise((resolve) => table.once('changed', resolve));
      await harness.clock.advance(500);
      await changed;
    });

    it('asks for many topics, some at a time', async () => {
      let underWay = 0;
      let most = 0;
      const answer = server.onRequest;
      server.onRequest = (command, peer) => {
        most = Math.max(most, ++underWay);
        setImmediate(() => {
          underWay--;
          answer?.(command, peer);
        });
      };
      for (let i = 0; i < 50; i++) {
        known.set(`T${i}`, simple(1));
        table.track(`T${i}`);
      }
      await table.refreshAll();
      expect(events).to.have.lengthOf(50);
      expect(most).to.be.within(2, 8);
    });

    it('counts who tracks a topic, and forgets it when nobody does', async () => {
      known.set('T', simple(1, 'h:1'));
      known.set('U', route({ queueDatas: [queues('b')], brokerDatas: [broker('b', 'h:2')] }));
      await Promise.all([table.fetch('T'), table.fetch('U')]);
      table.track('T');
      table.track('T');
      table.untrack('T');
      expect(table.get('T')).to.not.equal(undefined);
      table.untrack('T');
      expect(table.get('T')).to.equal(undefined);
      expect(table.brokerAddress('a')).to.equal(undefined);
      expect(table.brokerAddress('b')).to.equal('h:2');
      table.untrack('T');
      table.untrack('never tracked');
      expect(table.get('U')).to.not.equal(undefined);
    });

    it('ends when nothing is tracked any more, and begins again', async () => {
      known.set('T', simple(1));
      table.track('T');
      table.untrack('T');
      await harness.clock.advance(30_000);
      expect(harness.clock.timerCount).to.equal(0);
      expect(requests()).to.equal(0);
      table.track('T');
      const changed = new Promise((resolve) => table.once('changed', resolve));
      await harness.clock.advance(30_000);
      await changed;
    });

    it('skips a topic that is untracked while it waits for its turn', async () => {
      for (let i = 0; i < 20; i++) table.track(`T${i}`);
      const refreshing = table.refreshAll();
      table.untrack('T19');
      await refreshing;
      expect(events).to.have.lengthOf(19);
      expect(events).to.not.include('failed T19 ERR_ROCKETMQ_TOPIC_NOT_FOUND');
    });
  });

  describe('brokers', () => {
    it('are found by name and id', async () => {
      known.set(
        'T',
        route({ queueDatas: [queues('a')], brokerDatas: [broker('a', 'h:1', 'h:2'), broker('b', 'h:3')] }),
      );
      await table.fetch('T');
      expect(table.brokerAddress('a')).to.equal('h:1');
      expect(table.brokerAddress('a', 1)).to.equal('h:2');
      expect(table.brokerAddress('a', 2)).to.equal(undefined);
      expect(table.brokerAddress('z')).to.equal(undefined);
      expect(table.anyBrokerAddress('a', 1)).to.deep.equal({ brokerId: 1, address: 'h:2' });
      expect(table.anyBrokerAddress('b', 1)).to.deep.equal({ brokerId: 0, address: 'h:3' });
      expect(table.allBrokers()).to.deep.equal([
        { brokerName: 'a', brokerId: 0, address: 'h:1' },
        { brokerName: 'a', brokerId: 1, address: 'h:2' },
        { brokerName: 'b', brokerId: 0, address: 'h:3' },
      ]);
    });

    it('are dropped when no route names them any more', async () => {
      known.set('T', route({ brokerDatas: [broker('a', 'h:1'), broker('b', 'h:2')] }));
      known.set('U', route({ brokerDatas: [broker('b', 'h:2')] }));
      await Promise.all([table.fetch('T'), table.fetch('U')]);
      known.set('T', route({ brokerDatas: [broker('c', 'h:3')] }));
      await table.fetch('T');
      expect(table.allBrokers().map(({ brokerName }) => brokerName)).to.have.members(['b', 'c']);
    });

    it('are where the route that was read last says', async () => {
      known.set('T', route({ brokerDatas: [broker('a', 'h:1')] }));
      known.set('U', route({ brokerDatas: [broker('a', 'h:1')] }));
      await Promise.all([table.fetch('T'), table.fetch('U')]);
      known.set('T', route({ brokerDatas: [broker('a', 'h:2')] }));
      await table.fetch('T');
      expect(table.brokerAddress('a')).to.equal('h:2');
    });
  });

  describe('close', () => {
    it('ends the poll and tells nothing any more', async () => {
      known.set('T', simple(1));
      table.track('T');
      const fetching = table.fetch('T');
      table.close();
      await fetching;
      await harness.clock.advance(120_000);
      expect(events).to.deep.equal([]);
      expect(requests()).to.equal(1);
      table.track('T');
      expect(harness.clock.timerCount).to.be.at.most(1);
      table.close();
    });

    it('during a poll is the last of it', async () => {
      known.set('T', simple(1));
      table.track('T');
      server.onRequest = undefined;
      await harness.clock.advance(30_000);
      const { command, peer } = await server.nextRequest();
      table.close();
      peer.reply(command, { code: 0, body: encodeTopicRoute(simple(1)) });
      await table.fetch('T').catch(() => undefined);
      expect(events).to.deep.equal([]);
    });
  });
});
