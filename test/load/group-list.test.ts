import { createHash } from 'node:crypto';
import { expect } from 'chai';
import {
  AllocateMachineRoomNearby,
  AllocateMessageQueueAveragely,
  AllocateMessageQueueAveragelyByCircle,
  AllocateMessageQueueByConfig,
  AllocateMessageQueueByMachineRoom,
  AllocateMessageQueueConsistentHash,
  OrderedConsumer,
  type AllocateMessageQueueStrategy,
  type MessageQueue,
  type RocketMQError,
} from '../../lib/index.js';
import { compareMessageQueues, describeQueue } from '../../lib/protocol/message-queue.js';
import { getConsumerListByGroup } from '../../lib/protocol/requests/get-consumer-list-by-group.js';
import { MockCluster } from '../../mock-broker/index.js';
import { turns } from '../support/fake-clock.js';
import { figure } from './support/figures.js';
import { expectNothingAtBrokers, expectNothingHeld, heldResources } from './support/leftovers.js';

const TOPIC = 'T';
const GROUP = 'group';
const BROKERS = ['east@broker-a', 'west@broker-b'];
const QUEUES_PER_BROKER = 12_500;
const MEMBERS = 10_000;
const FEW = 10;
/**
 * Times the processor time with 10 ids that a rebalance with 10,000 may take: of 25,000 queues, whose sorting costs the
 * same either way. Measured were 2 to 6 times; what is quadratic in the members would take thousands.
 */
const BOUND = 25;
/** The consumer's place among the sorted ids. */
const PLACE = 5_000;

const queues: readonly MessageQueue[] = BROKERS.flatMap((brokerName) =>
  Array.from({ length: QUEUES_PER_BROKER }, (_, queueId) => ({ topic: TOPIC, brokerName, queueId })),
).sort(compareMessageQueues);
const ids = memberIds(MEMBERS);
const own = ids[PLACE] as string;
const chosen = [0, 77, 12_500, 24_999].map((index) => queues[index] as MessageQueue);
/** Members with an even number stand in the east, the others in the west. */
const isEast = (id: string): boolean => Number(id.slice(-5)) % 2 === 0;
const room = (text: string): string => text.split('@')[0] ?? '';

interface Case {
  readonly strategy: AllocateMessageQueueStrategy;
  /** The share of the consumer in the middle, by another way than the strategy's own. */
  readonly expected: () => readonly MessageQueue[];
}

const cases: readonly Case[] = [
  // Each of the first 5,000 has three, all others two.
  { strategy: new AllocateMessageQueueAveragely(), expected: () => queues.slice(15_000, 15_002) },
  {
    strategy: new AllocateMessageQueueAveragelyByCircle(),
    expected: () => [queues[5_000], queues[15_000]] as MessageQueue[],
  },
  { strategy: new AllocateMessageQueueConsistentHash(), expected: onTheRing },
  { strategy: new AllocateMessageQueueByConfig(chosen), expected: () => chosen },
  {
    // One queue for each member, and a second one for the first 2,500.
    strategy: new AllocateMessageQueueByMachineRoom(['west']),
    expected: () => queues.slice(12_500 + PLACE, 12_500 + PLACE + 1),
  },
  {
    // The 2,501st of 5,000 in the east: two for everybody, and three for the first 2,500.
    strategy: new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), {
      brokerDeployIn: ({ brokerName }) => room(brokerName),
      consumerDeployIn: (id) => (isEast(id) ? 'east' : 'west'),
    }),
    expected: () => queues.slice(7_500, 7_502),
  },
];

describe('10,000 members in a group list', () => {
  for (const { strategy, expected } of cases) {
    it(`${strategy.name}: a member in the middle gets its share, and consumes it`, async () => {
      const before = await heldResources();
      const cluster = await MockCluster.start({
        brokers: BROKERS.map((name) => ({ name })),
        topics: { [TOPIC]: { queues: QUEUES_PER_BROKER } },
        watchdogs: 'throw',
      });
      cluster.faults.add({
        code: 'GET_CONSUMER_LIST_BY_GROUP',
        action: { type: 'members', add: ids.filter((id) => id !== own) },
      });
      const share = expected();
      for (const queue of share) cluster.produce(TOPIC, { ...queue, body: describeQueue(queue) });
      const errors: RocketMQError[] = [];
      const assigned: string[] = [];
      const consumed: string[] = [];
      const consumer = new OrderedConsumer({
        namesrvAddr: cluster.namesrvAddr,
        consumerGroup: GROUP,
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
        // The whole cluster and a busy machine share the thread.
        mqClientApiTimeout: 30_000,
        allocateMessageQueueStrategy: strategy,
        clientIP: '10.0.0.1',
        instanceName: instanceOf(own),
      });
      consumer.subscribe(TOPIC);
      consumer.on('error', (error) => errors.push(error));
      consumer.on('rebalanced', ({ topic, mine }) => {
        if (topic === TOPIC) assigned.push(...mine.map(describeQueue));
      });
      await consumer.start((messages) => {
        for (const { body } of messages) consumed.push(body.toString());
      });
      expect(consumer.clientId).to.equal(own);
      const wanted = share.map(describeQueue).sort();
      while (consumed.length < wanted.length) await turns(1);
      await consumer.close();
      expect(wanted, 'it has some').to.not.be.empty;
      expect(assigned.sort()).to.deep.equal(wanted);
      expect(consumed.sort()).to.deep.equal(wanted);
      expect(errors).to.deep.equal([]);
      await expectNothingAtBrokers(cluster, GROUP);
      await cluster.stop();
      await expectNothingHeld(before);
    });

    it(`${strategy.name}: a rebalance is at most ${BOUND} times as dear as with 10 members`, () => {
      const few = memberIds(FEW);
      const dear = rebalanceCost(strategy, ids, own);
      const cheap = rebalanceCost(strategy, few, few[FEW / 2] as string);
      figure(`a rebalance of 25,000 queues by ${strategy.name}: ${dear.toFixed(2)} ms of processor time with 10,000 members, ${cheap.toFixed(3)} with 10: ${(dear / cheap).toFixed(1)} times`); // prettier-ignore
      expect(dear / cheap).to.be.at.most(BOUND);
    });
  }
});

/** Sorted, so that a place in the list is known. */
function memberIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.0.0.1@m${String(index).padStart(5, '0')}`);
}

function instanceOf(clientId: string): string {
  return clientId.split('@')[1] ?? '';
}

/** The reference's ring, from its description: ten points a member, by the first four bytes of an MD5. */
function onTheRing(): MessageQueue[] {
  const hash = (text: string): number => createHash('md5').update(text).digest().readUInt32BE(0);
  const points = ids.flatMap((id) => Array.from({ length: 10 }, (_, i) => ({ id, at: hash(`${id}-${i}`) })));
  points.sort((a, b) => a.at - b.at);
  const mine: MessageQueue[] = [];
  for (const queue of queues) {
    const at = hash(`MessageQueue [topic=${TOPIC}, brokerName=${queue.brokerName}, queueId=${queue.queueId}]`);
    let [low, high] = [0, points.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((points[middle]?.at ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    if (points[low % points.length]?.id === own) mine.push(queue);
  }
  return mine;
}

/**
 * Milliseconds of processor time, the least of some rounds, of what a rebalance does with the members: reads the broker's
 * list, sorts it, sorts the queues, allocates.
 */
function rebalanceCost(strategy: AllocateMessageQueueStrategy, members: readonly string[], of: string): number {
  const reply = getConsumerListByGroup.encodeReply({ consumerIds: [...members].reverse() });
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const startedAt = process.cpuUsage();
    const { consumerIds } = getConsumerListByGroup.decodeReply(reply as never);
    const sorted = [...new Set(consumerIds)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const mine = strategy.allocate(GROUP, of, [...queues].sort(compareMessageQueues), sorted);
    const { user, system } = process.cpuUsage(startedAt);
    expect(mine.length).to.be.greaterThan(0);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}
