import { expect } from 'chai';
import type { ListenerAnswer } from '../../lib/consumer/listener.js';
import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { decodeMessages, encodeMessage } from '../../lib/protocol/message.js';
import { encodeTopicRoute, decodeTopicRoute } from '../../lib/protocol/topic-route.js';
import { PullSysFlag } from '../../lib/protocol/sys-flag.js';
import { Rig } from '../support/rig.js';
import { gaps, numbers, pulls } from '../support/wire.js';

const T = 'T';

describe('rule 4: pulling', () => {
  let rig: Rig;

  afterEach(() => rig.stop());

  it('brings every message of every queue, in the order of each queue', async () => {
    rig = await Rig.start({ topics: { T: { queues: 8 } } });
    for (let queueId = 0; queueId < 8; queueId++) rig.produce(T, queueId, 10);
    const c = await rig.consume(T);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 80);
    for (let queueId = 0; queueId < 8; queueId++) expect(c.offsets(queueId)).to.deep.equal(numbers(10));
    expect(c.errors).to.deep.equal([]);
  });

  it('goes on in idle queues while one is busy', async () => {
    rig = await Rig.start({ topics: { T: { queues: 4 } } });
    const c = await rig.consume(T);
    await rig.advanceUntil('all queues are pulled', () => rig.cluster.broker('broker-a').heldPulls === 5);
    rig.produce(T, 2, 20);
    await rig.until('all are consumed', () => c.deliveries.length === 20);
    expect(c.offsets(2)).to.deep.equal(numbers(20));
    rig.cluster.journal.clear();
    await rig.advance(21_000);
    for (const queueId of [0, 1, 3])
      expect(pulls(rig.cluster, T, queueId).length, `queue ${queueId}`).to.be.greaterThan(0);
  });

  it('pulls the first, a middle and the last queue alike', async () => {
    rig = await Rig.start({ topics: { T: { queues: 16 } } });
    for (const queueId of [0, 7, 15]) rig.produce(T, queueId, 10);
    const c = await rig.consume(T);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length === 30);
    for (const queueId of [0, 7, 15]) expect(c.offsets(queueId)).to.deep.equal(numbers(10));
  });

  it('sorts what came in disorder, and leaves out what it has already', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 8);
    rig.cluster.faults.add({
      code: RequestCode.PULL_MESSAGE,
      topic: T,
      times: 1,
      action: {
        type: 'rewrite',
        reply: (answer) => {
          const records = decodeMessages(answer.body ?? Buffer.alloc(0), { brokerName: 'broker-a' }).messages;
          const body = Buffer.concat(records.reverse().map((message) => encodeMessage(message.toRecord())));
          // Asks for the last three once more.
          return { ...answer, body, extFields: { ...answer.extFields, nextBeginOffset: '5' } };
        },
      },
    });
    const c = await rig.consume(T);
    await rig.advanceUntil('all are consumed', () => c.deliveries.length >= 8);
    rig.produce(T, 0, 1);
    await rig.until('one more is consumed', () => c.deliveries.length >= 9);
    expect(c.offsets(0)).to.deep.equal(numbers(9));
    expect(pulls(rig.cluster, T, 0).map((pull) => pull.ext['queueOffset'])).to.deep.equal(['0', '5', '8', '9']);
  });

  describe('a queue that is far behind', () => {
    /** How many pulls were under way at once, as the broker saw it. */
    function mostUnderWay(): number {
      const open = new Set<number>();
      let most = 0;
      for (const { direction, seq, ext, request, requestSeq = 0 } of rig.cluster.journal.filter({})) {
        if (direction === 'in' && ext['queueOffset'] !== undefined && ext['topic'] === T) open.add(seq);
        else if (request === RequestCode.PULL_MESSAGE) open.delete(requestSeq);
        most = Math.max(most, open.size);
      }
      return most;
    }

    it('has three pulls under way, and is consumed in order however their answers come', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 400);
      const slow = rig.cluster.faults.add({
        code: RequestCode.PULL_MESSAGE,
        topic: T,
        probability: 0.4,
        seed: 7,
        action: { type: 'delay', ms: 30, when: 'after' },
      });
      const c = await rig.consume(T, 'c1', { pullBatchSize: 4 });
      await rig.advanceUntil('all are consumed', () => c.deliveries.length >= 400);
      expect(c.offsets(0)).to.deep.equal(numbers(400));
      expect(slow.hits).to.be.greaterThan(20);
      expect(mostUnderWay()).to.equal(3);
      expect(pulls(rig.cluster, T).length, 'none was in vain').to.be.at.most(101);
      expect(c.errors).to.deep.equal([]);
      await rig.advance(6_000);
      expect(rig.committed(T, 0)).to.equal(400);
    });

    it('starts over where an operator has set it, whichever pull is told so', async () => {
      for (const at of [20, 21, 22, 23]) {
        rig = await Rig.start({ topics: { T: { queues: 1 } } });
        rig.produce(T, 0, 400);
        const c = rig.consumer('c1', { pullBatchSize: 4, pullThresholdForQueue: 24 });
        let reset = false;
        c.answer = (): Promise<ListenerAnswer> => {
          if (!reset && pulls(rig.cluster, T).length >= at) {
            reset = true;
            rig.cluster.resetOffset('group', T, { offset: 2, mode: 'server' });
          }
          return Promise.resolve('SUCCESS');
        };
        c.consumer.subscribe(T);
        await c.start();
        await rig.advanceUntil('all are consumed', () => c.offsets(0).at(-1) === 399, 60_000);
        const offsets = c.offsets(0);
        const again = offsets.indexOf(2, 3);
        expect(offsets, `reset after ${at} pulls`).to.deep.equal([...numbers(again), ...numbers(400).slice(2)]);
        expect(c.eventsNamed('offsetReset')).to.have.lengthOf(1);
        await rig.stop();
      }
    });
  });

  describe('flow control', () => {
    it('stops at the threshold by count and sleeps there, however long, until there is room', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 1_200);
      const c = rig.consumer();
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      c.answer = ({ offset }) => (offset === 0 ? held.then(() => 'SUCCESS') : 'SUCCESS');
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('pulling has stopped', () =>
        c.consumer.assignment.some((queue) => queue.buffered > 1_000),
      );
      expect(pulls(rig.cluster, T).length, '32 at a time, up to the first pull past 1000').to.equal(32);
      await rig.advance(10_000);
      expect(pulls(rig.cluster, T).length, 'no polling').to.equal(32);
      expect(c.consumer.assignment.find((queue) => queue.messageQueue.topic === T)?.buffered).to.equal(1_024);

      const releasedAt = rig.clock.now();
      release();
      await rig.until('all are consumed', () => c.deliveries.length === 1_200);
      expect(rig.clock.now(), 'there was no timer to wait for').to.equal(releasedAt);
      expect(c.offsets(0)).to.deep.equal(numbers(1_200));
    });

    it('counts the messages that are with the listener', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 5);
      const c = rig.consumer('c1', { pullThresholdForQueue: 1, pullBatchSize: 1 });
      const answers: (() => void)[] = [];
      c.answer = () => new Promise((resolve) => answers.push(() => resolve('SUCCESS')));
      c.consumer.subscribe(T);
      await c.start();
      for (let consumed = 0; consumed < 5; consumed++) {
        await rig.advanceUntil('the next is with the listener', () => answers.length === consumed + 1);
        await rig.advance(1_000);
        const [queue] = c.consumer.assignment;
        expect(queue?.buffered, `with ${consumed} consumed`).to.equal(Math.min(2, 5 - consumed));
        answers[consumed]?.();
      }
      await rig.until('all are consumed', () => c.deliveries.length === 5);
    });

    it('stops at the threshold by bytes', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      for (let i = 0; i < 30; i++) rig.cluster.produce(T, { queueId: 0, body: Buffer.alloc(100 * 1024, 'x') });
      const c = rig.consumer('c1', { pullThresholdSizeForQueue: 1 });
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      c.answer = ({ offset }) => (offset === 0 ? held.then(() => 'SUCCESS') : 'SUCCESS');
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('the first is with the listener', () => c.deliveries.length === 1);
      await rig.advance(5_000);
      // Two fit in a reply; 10 of them are not yet a MiB, 12 are more.
      expect(c.consumer.assignment.find((queue) => queue.messageQueue.topic === T)?.buffered).to.equal(12);
      release();
      await rig.until('all are consumed', () => c.deliveries.length === 30);
      expect(c.offsets(0)).to.deep.equal(numbers(30));
    });

    it('shares the threshold of a topic among the queues that are owned', async () => {
      rig = await Rig.start({ topics: { T: { queues: 4 } } });
      for (let queueId = 0; queueId < 4; queueId++) rig.produce(T, queueId, 200);
      const c = rig.consumer('c1', { pullThresholdForTopic: 200 });
      c.answer = () => new Promise(() => undefined);
      c.consumer.subscribe(T);
      await c.start();
      await rig.advanceUntil('all queues are with the listener', () => c.deliveries.length === 4);
      await rig.advance(2_000);
      // Five are owned, the retry topic's one among them: 40 for each, which the second pull of 32 goes past.
      const buffered = c.consumer.assignment
        .filter((queue) => queue.messageQueue.topic === T)
        .map((queue) => queue.buffered);
      expect(buffered).to.deep.equal([64, 64, 64, 64]);
    });
  });

  describe('pauses', () => {
    it('20 ms after a FLOW_CONTROL answer, without a word', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 1);
      rig.cluster.faults.add({
        code: RequestCode.PULL_MESSAGE,
        topic: T,
        times: 4,
        action: { type: 'answer', code: ResponseCode.FLOW_CONTROL },
      });
      const c = await rig.consume(T);
      await rig.advanceUntil('it is consumed', () => c.deliveries.length === 1);
      expect(gaps(pulls(rig.cluster, T)).slice(0, 4)).to.deep.equal([20, 20, 20, 20]);
      expect(c.errors).to.deep.equal([]);
    });

    it('a second after a failed pull, longer after the next ones, and never gives up', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 1);
      const failing = rig.cluster.faults.add({
        code: RequestCode.PULL_MESSAGE,
        topic: T,
        action: { type: 'answer', code: ResponseCode.SYSTEM_ERROR, remark: 'no' },
      });
      const c = await rig.consume(T);
      await rig.advanceUntil('it has failed often', () => failing.hits === 12);
      const pauses = gaps(pulls(rig.cluster, T));
      expect(pauses[0]).to.equal(1_000);
      expect(pauses[1]).to.be.within(1_500, 2_000);
      expect(pauses[2]).to.be.within(3_000, 4_000);
      // The lock's renewal ends a pause early now and then: whatever has changed at the broker, it may help.
      for (const pause of pauses.slice(3)) expect(pause).to.be.at.most(5_000);
      expect(pauses.slice(3).reduce((sum, pause) => sum + pause, 0)).to.be.above(20_000);
      expect(c.errors.length, 'told once').to.equal(1);
      expect(c.errors[0]?.code).to.equal('ERR_ROCKETMQ_BROKER');
      failing.remove();
      await rig.advanceUntil('it is consumed', () => c.deliveries.length === 1);
    });

    it('tells of a failure again when pulls had worked in between, with a pull interval too', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await rig.consume(T, 'c1', { pullInterval: 10 });
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length === 1);
      for (let round = 1; round <= 3; round++) {
        rig.produce(T, 0, 1);
        await rig.advanceUntil('it is consumed', () => c.deliveries.length === round);
        const failing = rig.cluster.faults.add({
          code: RequestCode.PULL_MESSAGE,
          topic: T,
          times: 1,
          action: { type: 'answer', code: ResponseCode.SYSTEM_ERROR },
        });
        const before = pulls(rig.cluster, T).length;
        await rig.advanceUntil('it has failed', () => failing.hits === 1);
        await rig.advanceUntil('it pulls again', () => pulls(rig.cluster, T).length === before + 2);
        expect(gaps(pulls(rig.cluster, T)).at(-1), `round ${round}`).to.equal(1_000);
        expect(c.errors.length).to.equal(round);
      }
    });

    it('a second after an answer that can not be understood', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.produce(T, 0, 3);
      rig.cluster.faults.add({
        code: RequestCode.PULL_MESSAGE,
        topic: T,
        times: 1,
        action: { type: 'rewrite', reply: (answer) => ({ ...answer, extFields: { nextBeginOffset: 'soon' } }) },
      });
      const c = await rig.consume(T);
      await rig.advanceUntil('all are consumed', () => c.deliveries.length === 3);
      expect(gaps(pulls(rig.cluster, T))[0]).to.equal(1_000);
      expect(c.errors.map((error) => error.code)).to.deep.equal(['ERR_ROCKETMQ_FIELD_MALFORMED']);
      expect(c.offsets(0)).to.deep.equal([0, 1, 2]);
    });

    it('none between answers that were held or brought something', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      const c = await rig.consume(T);
      await rig.advanceUntil('a pull is held', () => pulls(rig.cluster, T).length === 1);
      const startedAt = rig.clock.now();
      for (let i = 1; i <= 5; i++) {
        rig.produce(T, 0, 1);
        await rig.until('it is consumed', () => c.deliveries.length === i);
        await rig.until('it pulls again', () => pulls(rig.cluster, T).length === i + 1);
      }
      expect(rig.clock.now()).to.equal(startedAt);
    });

    it('some when a broker answers at once that there is nothing', async () => {
      rig = await Rig.start({ topics: { T: { queues: 1 } } });
      rig.cluster.faults.add({
        code: RequestCode.PULL_MESSAGE,
        topic: T,
        action: {
          type: 'answer',
          code: ResponseCode.PULL_NOT_FOUND,
          ext: { nextBeginOffset: '0', minOffset: '0', maxOffset: '0', suggestWhichBrokerId: '0' },
        },
      });
      await rig.consume(T);
      await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length > 0);
      await rig.advance(60_000);
      expect(pulls(rig.cluster, T).length).to.be.within(30, 80);
    });
  });

  it('keeps the connection when a pull is not answered in time', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 1);
    rig.cluster.faults.add({ code: RequestCode.PULL_MESSAGE, topic: T, times: 1, action: { type: 'drop' } });
    const c = await rig.consume(T);
    await rig.advanceUntil('it is consumed', () => c.deliveries.length === 1);
    const [first, second] = pulls(rig.cluster, T);
    expect((second?.at ?? 0) - (first?.at ?? 0)).to.equal(31_000);
    expect(second?.connection).to.equal(first?.connection);
    expect(c.eventsNamed('disconnected')).to.deep.equal([]);
    expect(c.errors.map((error) => error.code)).to.deep.equal(['ERR_ROCKETMQ_TIMEOUT']);
  });

  it('asks the replica when the master suggests it, without a commit on the way, and never for locks', async () => {
    rig = await Rig.start({ brokers: 2, topics: { T: { queues: 1 } } });
    const { cluster } = rig;
    const replica = cluster.broker('broker-b');
    // To clients broker-b is broker-a's replica.
    cluster.faults.add({
      code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
      action: {
        type: 'rewrite',
        reply: (answer) => {
          if (answer.code !== ResponseCode.SUCCESS || answer.body === undefined) return answer;
          const route = decodeTopicRoute(answer.body);
          const { cluster: name, brokerName } = { cluster: 'DefaultCluster', brokerName: 'broker-a' };
          const addresses = { 0: cluster.broker('broker-a').address, 1: replica.address };
          return {
            ...answer,
            body: encodeTopicRoute({
              ...route,
              queueDatas: route.queueDatas.filter((queue) => queue.brokerName === 'broker-a'),
              brokerDatas: [{ cluster: name, brokerName, brokerAddrs: addresses, enableActingMaster: false }],
            }),
          };
        },
      },
    });
    const suggest = cluster.faults.add({
      code: RequestCode.PULL_MESSAGE,
      broker: 'broker-a',
      topic: T,
      action: {
        type: 'rewrite',
        reply: (answer) => ({ ...answer, extFields: { ...answer.extFields, suggestWhichBrokerId: '1' } }),
      },
    });
    for (let i = 0; i < 3; i++) {
      cluster.produce(T, { brokerName: 'broker-a', queueId: 0, body: 'a' });
      cluster.produce(T, { brokerName: 'broker-b', queueId: 0, body: 'b' });
    }
    const c = await rig.consume(T);
    await rig.advanceUntil('the replica is asked', () => pulls(cluster, T).some((pull) => pull.broker === 'broker-b'));
    expect(suggest.hits).to.be.greaterThan(0);
    const asked = pulls(cluster, T).filter((pull) => pull.broker === 'broker-b');
    for (const pull of asked) {
      expect(Number(pull.ext['sysFlag']) & PullSysFlag.COMMIT_OFFSET, 'commit flag').to.equal(0);
      expect(pull.ext['bname']).to.equal('broker-a');
    }
    expect(cluster.journal.requests({ code: RequestCode.LOCK_BATCH_MQ, broker: 'broker-b' })).to.deep.equal([]);

    // A replica that has gone leaves the master to be asked.
    suggest.remove();
    const before = pulls(cluster, T).filter((pull) => pull.broker === 'broker-a').length;
    await replica.stop({ keepRoute: true });
    const toMaster = (): number => pulls(cluster, T).filter((pull) => pull.broker === 'broker-a').length;
    await rig.advanceUntil('the master is asked again', () => toMaster() > before, 20_000);
    cluster.produce(T, { brokerName: 'broker-a', queueId: 0, body: 'a' });
    await rig.advanceUntil('it is consumed', () => c.offsets(0).includes(3));
  });

  it('sends a heartbeat when the broker does not know the subscription, and pulls again at once', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 1);
    const unknown = rig.cluster.faults.add({
      code: RequestCode.PULL_MESSAGE,
      topic: T,
      times: 1,
      action: { type: 'answer', code: ResponseCode.SUBSCRIPTION_NOT_EXIST },
    });
    const c = await rig.consume(T);
    await rig.advanceUntil('it has failed', () => unknown.hits === 1);
    await rig.until('it is consumed', () => c.deliveries.length === 1);
    const [refused, repeated] = pulls(rig.cluster, T);
    const between = rig.cluster.journal
      .requests({ code: RequestCode.HEART_BEAT })
      .filter((beat) => beat.seq > (refused?.seq ?? 0) && beat.seq < (repeated?.seq ?? 0));
    expect(between.length).to.equal(1);
    expect((repeated?.at ?? 0) - (refused?.at ?? 0), 'far less than the pause after a failure').to.be.below(500);
  });

  it('does not ask in a hot loop when heartbeats change nothing about that', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.cluster.faults.add({
      code: RequestCode.PULL_MESSAGE,
      topic: T,
      action: { type: 'answer', code: ResponseCode.SUBSCRIPTION_NOT_LATEST },
    });
    await rig.consume(T);
    await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length > 0);
    await rig.advance(30_000);
    expect(pulls(rig.cluster, T).length).to.be.within(6, 20);
  });

  it('polls an idle queue for ten minutes and takes the next message at once', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    const c = await rig.consume(T);
    await rig.advanceUntil('it pulls', () => pulls(rig.cluster, T).length === 1);
    await rig.advance(600_000);
    for (const gap of gaps(pulls(rig.cluster, T))) expect(gap).to.be.at.most(20_000);
    expect(c.eventsNamed('queueReleased')).to.deep.equal([]);
    rig.produce(T, 0, 1);
    await rig.until('it is consumed', () => c.deliveries.length === 1);
    expect(c.errors).to.deep.equal([]);
  });

  it('goes on after ten minutes of suspensions with a full buffer', async () => {
    rig = await Rig.start({ topics: { T: { queues: 1 } } });
    rig.produce(T, 0, 100);
    const c = rig.consumer('c1', { pullThresholdForQueue: 32 });
    c.answer = (_delivery, context) => {
      context.suspendCurrentQueueTimeMillis = 30_000;
      return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
    };
    c.consumer.subscribe(T);
    await c.start();
    await rig.advanceUntil('the first was suspended', () => c.deliveries.length === 1);
    await rig.advance(600_000);
    expect(c.deliveries.length).to.be.within(20, 21);
    expect(new Set(c.offsets(0))).to.deep.equal(new Set([0]));
    c.answer = () => 'SUCCESS';
    await rig.advanceUntil('all are consumed', () => c.offsets(0).includes(99), 31_000);
    expect(c.offsets(0).slice(-100)).to.deep.equal(numbers(100));
  });
});
