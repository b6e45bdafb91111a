import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { OrderedConsumerOptions } from '../../lib/options.js';
import { RequestCode } from '../../lib/protocol/codes.js';
import { heartBeat } from '../../lib/protocol/requests/heart-beat.js';
import { Rig, type WatchedConsumer } from '../support/rig.js';
import { numbers, pulls } from '../support/wire.js';

const T = 'T';
const SUSPEND = 'SUSPEND_CURRENT_QUEUE_A_MOMENT';

describe('broadcasting', () => {
  let rig: Rig;
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rocketmq-ordered-'));
  });

  afterEach(async () => {
    await rig.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function consumer(name: string, options: Partial<OrderedConsumerOptions> = {}): WatchedConsumer {
    const watched = rig.consumer(name, {
      messageModel: 'BROADCASTING',
      localOffsetStoreDir: directory,
      ...options,
    });
    watched.consumer.subscribe(T);
    return watched;
  }

  /**
   * Starts it and resolves when so many queues of T are consumed. Its start offsets are written to a file first, which
   * takes real time: the event is awaited, not the clock.
   */
  async function started(c: WatchedConsumer, queues: number): Promise<void> {
    const owned = ownedQueues(c, queues);
    await c.start();
    await rig.advance(100);
    await owned;
  }

  function ownedQueues(c: WatchedConsumer, queues: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (c.owned(T).length === queues) resolve();
      };
      c.consumer.on('queueOwned', look);
      c.consumer.on('queueReleased', look);
    });
  }

  /** Resolves when the file of a queue's offsets holds this one: the disk takes real time. */
  async function fileHolds(c: WatchedConsumer, offset: number): Promise<void> {
    const giveUpAt = performance.now() + 8_000;
    while (performance.now() < giveUpAt) {
      const content = await offsetFile(c).catch(() => '');
      if (new RegExp(`:\\s*${offset}\\b`).test(content.slice(content.indexOf('}')))) return;
    }
    expect.fail(`the file does not hold ${offset}: ${await offsetFile(c)}`);
  }

  const offsetFile = async (c: WatchedConsumer): Promise<string> =>
    readFile(join(directory, c.consumer.clientId, 'group', 'offsets.json'), 'utf8');

  it('gives every member every message, in the order of each queue', async () => {
    rig = await Rig.start({ brokers: 2, topics: { T: { queues: 3 } } });
    const a = consumer('c1');
    const b = consumer('c2');
    await started(a, 6);
    await started(b, 6);
    for (const brokerName of ['broker-a', 'broker-b']) {
      for (let queueId = 0; queueId < 3; queueId++) rig.produce(T, queueId, 10, brokerName);
    }
    await rig.advanceUntil('all are consumed', () => a.deliveries.length === 60 && b.deliveries.length === 60);
    for (const c of [a, b]) {
      for (const brokerName of ['broker-a', 'broker-b']) {
        for (let queueId = 0; queueId < 3; queueId++) {
          const own = c.deliveries.filter((d) => d.brokerName === brokerName && d.queueId === queueId);
          expect(own.map((d) => d.offset)).to.deep.equal(numbers(10));
        }
      }
    }
  });

  it('asks brokers for no members, no locks and no offsets, and for no retry topic', async () => {
    rig = await Rig.start({ topics: { T: { queues: 4 } } });
    const members = [consumer('c1'), consumer('c2', { verifyLockOnCommit: true })];
    for (const member of members) await started(member, 4);
    for (let queueId = 0; queueId < 4; queueId++) rig.produce(T, queueId, 5);
    await rig.advanceUntil('all are consumed', () => members.every((c) => c.deliveries.length === 20));
    await rig.advance(65_000);
    for (const member of members) await member.consumer.close();

    const { journal } = rig.cluster;
    for (const code of [
      RequestCode.GET_CONSUMER_LIST_BY_GROUP,
      RequestCode.LOCK_BATCH_MQ,
      RequestCode.UNLOCK_BATCH_MQ,
      RequestCode.QUERY_CONSUMER_OFFSET,
      RequestCode.UPDATE_CONSUMER_OFFSET,
    ]) {
      expect(journal.requests({ code }).length, `code ${code}`).to.equal(0);
    }
    for (const entry of journal.requests()) expect(entry.ext['topic'] ?? '').to.not.include('%RETRY%');
    for (const pull of pulls(rig.cluster, T)) expect(Number(pull.ext['sysFlag']) & 1, 'commit flag').to.equal(0);
    for (const entry of journal.requests({ code: RequestCode.HEART_BEAT })) {
      const { consumers } = heartBeat.decode({ ...entry, extFields: entry.ext } as never);
      for (const { messageModel, subscriptions } of consumers) {
        expect(messageModel).to.equal('BROADCASTING');
        expect(subscriptions.map(({ topic }) => topic)).to.deep.equal([T]);
      }
    }
    expect(rig.cluster.offsets('group')).to.deep.equal([]);
  });

  it('does not mind that members come and go', async () => {
    rig = await Rig.start({ topics: { T: { queues: 4 } } });
    const a = consumer('c1');
    await started(a, 4);
    const b = consumer('c2');
    await started(b, 4);
    await b.consumer.close();
    await rig.advance(25_000);
    expect(a.eventsNamed('queueReleased')).to.deep.equal([]);
    expect(a.owned(T)).to.deep.equal([0, 1, 2, 3]);
  });

  it('goes on where its file says after a restart, each member by its own', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    rig.produce(T, 0, 5);
    rig.produce(T, 1, 3);
    const first = consumer('c1');
    await started(first, 2);
    await rig.advanceUntil('all are consumed', () => first.deliveries.length === 8);
    await first.consumer.close();
    expect(JSON.stringify(await offsetFile(first))).to.include('offsetTable');

    rig.produce(T, 0, 2);
    const again = consumer('c1');
    await started(again, 2);
    await rig.advanceUntil('the new ones are consumed', () => again.deliveries.length === 2);
    await rig.advance(1_000);
    expect(again.offsets(0)).to.deep.equal([5, 6]);
    expect(again.offsets(1)).to.deep.equal([]);

    const other = consumer('c2');
    await started(other, 2);
    await rig.advanceUntil('another begins for itself', () => other.deliveries.length === 10);
  });

  it('writes its file every five seconds', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 5);
    const c = consumer('c1');
    await started(c, 1);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 5);
    await rig.advance(5_000);
    const { consumer: member } = c;
    const written = (): boolean => member.assignment.every(({ committedOffset }) => committedOffset === 5);
    expect(written(), 'in memory').to.equal(true);
    await fileHolds(c, 5);
  });

  it('begins at the end of a queue when it is to, and keeps that', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 5);
    const c = consumer('c1', { consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' });
    await started(c, 1);
    await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length > 0);
    await c.consumer.close();
    rig.produce(T, 0, 2);
    const again = consumer('c1', { consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' });
    await started(again, 1);
    await rig.advanceUntil('what came meanwhile is consumed', () => again.deliveries.length === 2);
    expect(again.offsets(0)).to.deep.equal([5, 6]);
  });

  it('brings failed messages again, before all others', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 3);
    const c = consumer('c1');
    c.answer = ({ offset, reconsumeTimes }) => (offset === 1 && reconsumeTimes < 2 ? SUSPEND : 'SUCCESS');
    await started(c, 1);
    await rig.advanceUntil('all are consumed', () => c.offsets(0).includes(2));
    expect(c.offsets(0)).to.deep.equal([0, 1, 1, 1, 2]);
    expect((c.deliveries[2]?.at ?? 0) - (c.deliveries[1]?.at ?? 0)).to.equal(1_000);
  });

  it('commits by hand, too', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 4);
    const c = consumer('c1');
    c.answer = ({ offset }, context) => {
      context.autoCommit = false;
      return offset === 1 ? 'COMMIT' : 'SUCCESS';
    };
    await started(c, 1);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 4);
    await c.consumer.close();
    const again = consumer('c1');
    await started(again, 1);
    await rig.advanceUntil('the uncommitted come again', () => again.deliveries.length === 2);
    expect(again.offsets(0)).to.deep.equal([2, 3]);
  });

  it('sends a message away that used up its attempts', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 2);
    const c = consumer('c1', { maxReconsumeTimes: 1 });
    c.answer = ({ offset }) => (offset === 0 ? SUSPEND : 'SUCCESS');
    await started(c, 1);
    await rig.advanceUntil('the next is delivered', () => c.offsets(0).includes(1));
    expect(c.offsets(0)).to.deep.equal([0, 0, 1]);
    expect(rig.cluster.messages('%DLQ%group').map((message) => message.body.toString())).to.deep.equal(['0']);
  });

  it('starts over where the broker says when it asks for what is gone', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 10);
    rig.cluster.expireMessages({ topic: T, brokerName: 'broker-a', queueId: 0 }, 6);
    const c = consumer('c1');
    const reset = new Promise((resolve) => c.consumer.once('offsetReset', resolve));
    await started(c, 1);
    await reset;
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 4);
    expect(c.offsets(0)).to.deep.equal([6, 7, 8, 9]);
    expect(c.eventsNamed('offsetReset').length).to.equal(1);
  });

  it('leaves pushed offsets alone: they are for members that share', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 3);
    const c = consumer('c1');
    await started(c, 1);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 3);
    rig.cluster.resetOffset('group', T, { offset: 0, mode: 'push' });
    await rig.advance(5_000);
    expect(c.deliveries.length).to.equal(3);
    expect(c.eventsNamed('offsetReset')).to.deep.equal([]);
  });

  it('takes up new queues of the topic and lets go of those that are gone', async () => {
    rig = await Rig.start({ topics: { T: { queues: 2 } } });
    const c = consumer('c1');
    await started(c, 2);
    const four = ownedQueues(c, 4);
    rig.cluster.updateTopic(T, { queues: 4 });
    await rig.advance(31_000);
    await four;
    rig.produce(T, 3, 2);
    await rig.until('they are consumed', () => c.deliveries.length === 2);
    const one = ownedQueues(c, 1);
    rig.cluster.updateTopic(T, { queues: 1 });
    await rig.advance(31_000);
    await one;
    expect(c.owned(T)).to.deep.equal([0]);
  });
});
