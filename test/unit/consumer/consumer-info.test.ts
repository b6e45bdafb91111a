import { expect } from 'chai';
import { AssignedQueue } from '../../../lib/consumer/assigned-queue.js';
import { describeRunning, describeStatus } from '../../../lib/consumer/consumer-info.js';
import type { ConsumerRuntime, ConsumerState } from '../../../lib/consumer/consumer-runtime.js';
import { ConsumerStats } from '../../../lib/consumer/consumer-stats.js';
import { QueueTable } from '../../../lib/consumer/queue-table.js';
import type { ClientInstance } from '../../../lib/client/client-instance.js';
import { resolveConsumerOptions } from '../../../lib/options.js';
import { buildSubscription } from '../../../lib/protocol/subscription.js';
import { FakeClock } from '../../support/fake-clock.js';
import { MemoryOffsetStore } from '../../support/memory-offset-store.js';
import { storedMessage } from '../../support/stored-message.js';

function setUp() {
  const clock = new FakeClock();
  const offsets = new MemoryOffsetStore();
  const table = new QueueTable(clock, () => undefined);
  const add = (topic: string, queueId: number): AssignedQueue => {
    const queue = new AssignedQueue({ topic, brokerName: 'b', queueId }, { topic, brokerName: 'b', queueId }, false);
    table.add(queue);
    return queue;
  };
  return { clock, offsets, table, add };
}

describe('describeStatus', () => {
  it('tells the offsets in memory of one topic, and leaves out queues that have none', () => {
    const { offsets, table, add } = setUp();
    offsets.update(add('T', 0).messageQueue, 0, false);
    offsets.update(add('T', 1).messageQueue, 7, false);
    add('T', 2);
    offsets.update(add('Other', 0).messageQueue, 9, false);
    expect(describeStatus(table, offsets, 'T')).to.deep.equal({
      offsets: [
        { queue: { topic: 'T', brokerName: 'b', queueId: 0 }, offset: 0 },
        { queue: { topic: 'T', brokerName: 'b', queueId: 1 }, offset: 7 },
      ],
    });
  });
});

describe('describeRunning', () => {
  it('tells what operators look at: properties, subscriptions, queues, figures', () => {
    const { clock, offsets, table, add } = setUp();
    const stats = new ConsumerStats(clock);
    const subscription = buildSubscription('T', 'a || b', 'TAG', 17);
    const state: ConsumerState = {
      options: resolveConsumerOptions({ consumerGroup: 'g', consumeConcurrency: 5, clock }),
      subscriptions: new Map([['T', subscription]]),
      maxReconsumeTimes: 3,
      suspended: true,
    };
    const client = { clock, nameServers: { addresses: ['n1:9876', 'n2:9876'] } } as unknown as ClientInstance;
    const startedAt = clock.wallTime();
    const runtime = { table, offsets, consumerGroup: 'ns%g', startedAt } as unknown as ConsumerRuntime;

    const queue = add('T', 0);
    table.own(queue, 10);
    queue.locked = true;
    queue.lockedAt = clock.now();
    clock.jump(500);
    queue.lastPullAt = clock.now();
    clock.jump(500);
    const body = Buffer.alloc(700_000);
    queue.buffer.put([10, 11, 12].map((queueOffset) => storedMessage({ queueOffset, body })));
    queue.buffer.take(2);
    offsets.update(queue.messageQueue, 10, false);
    add('T', 1);
    stats.pulled('T', 3, 30);
    stats.consumed('T', true, 2, 8, clock.now());
    stats.consumed('T', false, 1, 4, clock.now());
    clock.jump(9_000);

    const info = describeRunning(runtime, state, client, stats);
    expect(info.properties).to.include({
      PROP_NAMESERVER_ADDR: 'n1:9876;n2:9876;',
      PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY',
      PROP_CONSUMEORDERLY: 'true',
      PROP_THREADPOOL_CORE_SIZE: '5',
      PROP_CONSUMER_START_TIMESTAMP: String(startedAt),
      consumerGroup: 'ns%g',
      maxReconsumeTimes: '3',
      suspended: 'true',
    });
    expect(info.properties['PROP_CLIENT_VERSION']).to.match(/^V\d+_\d+_\d+$/);
    for (const value of Object.values(info.properties)) expect(value).to.be.a('string');
    expect(info.subscriptions).to.deep.equal([subscription]);
    expect(info.queues).to.deep.equal([
      {
        queue: { topic: 'T', brokerName: 'b', queueId: 0 },
        info: {
          commitOffset: 10,
          cachedMsgMinOffset: 10,
          cachedMsgMaxOffset: 12,
          cachedMsgCount: 3,
          cachedMsgSizeInMiB: 2,
          transactionMsgMinOffset: 10,
          transactionMsgMaxOffset: 11,
          transactionMsgCount: 2,
          locked: true,
          tryUnlockTimes: 0,
          lastLockTimestamp: startedAt,
          droped: false,
          lastPullTimestamp: startedAt + 500,
          lastConsumeTimestamp: 0,
        },
      },
      {
        queue: { topic: 'T', brokerName: 'b', queueId: 1 },
        info: {
          commitOffset: -1,
          cachedMsgMinOffset: 0,
          cachedMsgMaxOffset: 0,
          cachedMsgCount: 0,
          cachedMsgSizeInMiB: 0,
          transactionMsgMinOffset: 0,
          transactionMsgMaxOffset: 0,
          transactionMsgCount: 0,
          locked: false,
          tryUnlockTimes: 0,
          lastLockTimestamp: 0,
          droped: true,
          lastPullTimestamp: 0,
          lastConsumeTimestamp: 0,
        },
      },
    ]);
    expect(info.statusByTopic).to.deep.equal({
      T: {
        pullRT: 30,
        pullTPS: 0.3,
        consumeRT: 6,
        consumeOKTPS: 0.2,
        consumeFailedTPS: 0.1,
        consumeFailedMsgs: 1,
      },
    });
  });

  it('counts what is lost while idle as nothing: figures are those of the last minute', () => {
    const clock = new FakeClock();
    const stats = new ConsumerStats(clock);
    stats.consumed('T', false, 5, 10, clock.now());
    clock.jump(120_000);
    expect(stats.of('T')).to.deep.equal({
      pullRT: 0,
      pullTPS: 0,
      consumeRT: 0,
      consumeOKTPS: 0,
      consumeFailedTPS: 0,
      consumeFailedMsgs: 5,
    });
    expect(stats.of('unheard of').consumeFailedMsgs).to.equal(0);
  });
});
