import { expect } from 'chai';
import { Deferred } from '../../bench/programs/deferred.js';
import { OrderJudge } from '../../bench/soak/order-judge.js';
import { OrderedConsumer, type RocketMQError } from '../../lib/index.js';
import { MockCluster } from '../../mock-broker/index.js';
import { lockRequests, unlockRequests } from '../support/ownership-judge.js';
import { CacheWatch } from './support/cache-watch.js';
import { figure } from './support/figures.js';
import { expectAllCommitted, expectNothingAtBrokers, expectNothingHeld, heldResources } from './support/leftovers.js';

const TOPIC = 'T';
const GROUP = 'group';
const BROKERS = 4;
const QUEUES_PER_BROKER = 250;
const QUEUES = BROKERS * QUEUES_PER_BROKER;
const MESSAGES_PER_QUEUE = 60;
/** Less than a queue has, so that pulling has to pause. */
const THRESHOLD = 16;
const PULL = 8;
/** Looking at all queues takes as long as many calls of a listener. */
const SAMPLE_EVERY = 50;

describe('1,000 queues in one consumer', () => {
  it('takes one lock request for each broker, and consumes each queue in order', async () => {
    const before = await heldResources();
    const cluster = await MockCluster.start({
      brokers: BROKERS,
      topics: { [TOPIC]: { queues: QUEUES_PER_BROKER } },
      watchdogs: 'throw',
    });
    fill(cluster);
    const judge = new OrderJudge();
    const caches = new CacheWatch({ count: THRESHOLD, bytes: 1024 * 1024, pullCount: PULL, pullBytes: 256 * 1024 });
    const errors: RocketMQError[] = [];
    const atWork = new Set<string>();
    const allOwned = new Deferred();
    const done = new Deferred();
    let owned = 0;
    let mostAtWork = 0;
    const consumer = new OrderedConsumer({
      namesrvAddr: cluster.namesrvAddr,
      consumerGroup: GROUP,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      // The whole cluster and a busy machine share the thread.
      mqClientApiTimeout: 30_000,
      pullThresholdForQueue: THRESHOLD,
      pullBatchSize: PULL,
    });
    consumer.subscribe(TOPIC);
    consumer.on('error', (error) => errors.push(error));
    consumer.on('queueOwned', ({ messageQueue }) => {
      if (messageQueue.topic === TOPIC && ++owned === QUEUES) allOwned.resolve();
    });

    const startedAt = performance.now();
    await consumer.start(async ([message]) => {
      if (message === undefined) throw new Error('the listener was called without a message');
      const queue = `${message.brokerName}#${message.queueId}`;
      if (atWork.has(queue)) judge.faults.push(`two calls at once for ${queue}`);
      atWork.add(queue);
      mostAtWork = Math.max(mostAtWork, atWork.size);
      judge.handedOut({ member: 'c1', queue, offset: message.queueOffset });
      if (message.body.toString() !== String(message.queueOffset)) judge.faults.push(`${queue} has another's message`);
      if (judge.calls % SAMPLE_EVERY === 0) caches.sample(consumer);
      await new Promise((resolve) => setImmediate(resolve));
      atWork.delete(queue);
      if (judge.calls === QUEUES * MESSAGES_PER_QUEUE && atWork.size === 0) done.resolve();
    });
    await allOwned.promise;
    const ownedAfter = performance.now() - startedAt;
    const locks = lockRequests(cluster).filter(({ queues }) => queues.some(({ topic }) => topic === TOPIC));
    expect(locks.map(({ broker }) => broker).sort()).to.deep.equal(cluster.brokers.map(({ name }) => name));
    for (const { queues } of locks) {
      expect(queues.filter(({ topic }) => topic === TOPIC)).to.have.lengthOf(QUEUES_PER_BROKER);
    }
    expect(cluster.brokers.map(({ connections }) => connections.length)).to.deep.equal([1, 1, 1, 1]);
    await done.promise;
    const consumedAfter = performance.now() - startedAt;

    const { lastSeq } = cluster.journal;
    await consumer.close();
    expect(judge.faults).to.deep.equal([]);
    expect(judge.repeated).to.equal(0);
    expect(judge.calls).to.equal(QUEUES * MESSAGES_PER_QUEUE);
    expect(caches.faults).to.deep.equal([]);
    expect(caches.mostCount, 'pulling had to pause').to.be.greaterThan(THRESHOLD);
    expect(mostAtWork, 'queues in a listener at once').to.equal(20);
    expect(errors).to.deep.equal([]);
    const unlocks = unlockRequests(cluster).filter(({ seq }) => seq > lastSeq);
    expect(unlocks, 'unlock requests').to.have.lengthOf(BROKERS);
    expectAllCommitted(cluster, GROUP, TOPIC);
    await expectNothingAtBrokers(cluster, GROUP);
    await cluster.stop();
    await expectNothingHeld(before);
    figure(`1,000 queues on 4 brokers: owned after ${ownedAfter.toFixed(0)} ms with ${locks.length} lock requests, ${judge.calls} messages after ${consumedAfter.toFixed(0)} ms; a queue held ${caches.mostCount} messages at most (limit ${THRESHOLD} and a pull of ${PULL}, ${caches.samples} looks)`); // prettier-ignore
  });
});

function fill(cluster: MockCluster): void {
  for (const { name: brokerName } of cluster.brokers) {
    for (let queueId = 0; queueId < QUEUES_PER_BROKER; queueId++) {
      for (let i = 0; i < MESSAGES_PER_QUEUE; i++) cluster.produce(TOPIC, { brokerName, queueId, body: String(i) });
    }
  }
}
